"""The tables of the README, from what was measured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from models.families import FAMILIES
from training.resampling import Interval
from training.worth.choosing import chosen
from training.worth.measured import Gain, Measured, Record
from training.worth.measuring import ALL, BESIDE, CHOSEN
from training.worth.worlds import BANK_LOG, PLANTED, SIMULATED

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- worth:begin -->", "<!-- worth:end -->"

ENOUGH = 0.5
"""Share of a planted gain that the family which sees it must recover."""


def tables(record: Record) -> str:
    """All that stands between the markers."""
    bank, simulated = record.of(BANK_LOG), record.of(SIMULATED)
    return "\n\n".join(
        [
            _sizes(record),
            _table(
                ("family", "kinds of feature", *_columns(BANK_LOG), *_columns(SIMULATED), "left"),
                [_base(bank, simulated)]
                + [_added(name, bank, simulated) for name in (*BESIDE, CHOSEN, ALL)],
            ),
            _table(
                ("planted", "family", "AUC", "log loss", "to be gained", "recovered", "half?"),
                [_recovered(record.of(signal)) for signal in PLANTED],
            ),
            _table(
                (
                    "gain on folds",
                    *(world for world in (BANK_LOG, SIMULATED)),
                    "planted",
                    "default",
                ),
                [_folds(name, record) for name in BESIDE],
            ),
        ]
    )


def _sizes(record: Record) -> str:
    said = []
    for world in record.worlds:
        said.append(
            f"{world.world} {world.leads:,} leads, {world.train_rows:,} rows to train on, "
            f"{world.test_rows:,} to test on, {world.positives:,} of them positive"
        )
    return f"`{record.command}` printed it. " + "; ".join(said) + "."


def _columns(world: str) -> tuple[str, str]:
    return f"{world}: AUC", f"{world}: log loss"


def _base(bank: Measured, simulated: Measured) -> list[str]:
    assert simulated.best_log_loss is not None
    left = simulated.log_loss - simulated.best_log_loss
    figures = [f"{f:.{n}f}" for w in (bank, simulated) for f, n in ((w.auc, 3), (w.log_loss, 4))]
    return ["counts", _kinds("counts"), *figures, f"{left:.4f}"]


def _added(name: str, bank: Measured, simulated: Measured) -> list[str]:
    cells = [name, "" if name in (ALL, CHOSEN) else _kinds(name)]
    for world in (bank, simulated):
        cells += _cells(world.gains.get(name))
    left = ""
    if name in simulated.gains and simulated.best_log_loss is not None:
        gain = simulated.gains[name].log_loss.mean
        left = f"{simulated.log_loss - gain - simulated.best_log_loss:.4f}"
    return [*cells, left]


def _recovered(world: Measured) -> list[str]:
    assert world.planted is not None
    assert world.gap is not None
    assert world.recovered is not None
    met = "yes" if world.recovered.mean >= ENOUGH else "no"
    share = f"{world.recovered.mean:.0%} ({world.recovered.low:.0%} to {world.recovered.high:.0%})"
    gained = _cells(world.gains[world.planted])
    return [world.world, world.planted, *gained, f"{world.gap.mean:.4f}", share, met]


def _folds(name: str, record: Record) -> list[str]:
    cells = [name]
    for world in (BANK_LOG, SIMULATED):
        cells.append(_with_error(record.of(world).gains.get(name)))
    planted = [record.of(signal) for signal, family in PLANTED.items() if family == name]
    cells.append(_with_error(planted[0].gains.get(name)) if planted else "")
    return [*cells, "yes" if name in chosen(record) else "no"]


def _kinds(name: str) -> str:
    return ", ".join(dict.fromkeys(line.split()[0] for line in FAMILIES[name]))


def _cells(gain: Gain | None) -> list[str]:
    return ["-", "-"] if gain is None else [_gain(gain.auc, 3), _gain(gain.log_loss, 4)]


def _gain(gain: Interval, places: int) -> str:
    return f"{gain.mean:+.{places}f} ({gain.low:+.{places}f} to {gain.high:+.{places}f})"


def _with_error(gain: Gain | None) -> str:
    return "-" if gain is None else f"{gain.folds:+.4f} ± {gain.folds_error:.4f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def written(readme: str, record: Record) -> str:
    """The README with the tables between its markers.

    Raises
    ------
    ValueError
        When it lacks the markers.
    """
    if BEGIN not in readme or END not in readme:
        raise ValueError(f"the README needs a line {BEGIN} and a line {END}")
    between = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    return between.sub(lambda _: f"{BEGIN}\n{tables(record)}\n{END}", readme)
