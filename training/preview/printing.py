"""A preview as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console

from features.instants import duration_text, iso
from models import wording
from models.playbook import Playbook, in_language
from models.temperature import BANDS
from models.terminal import print_table
from training.preview.backtest import Compared
from training.preview.preview import NO_BAND, Load, Mover, Preview
from training.resampling import Interval

_WIDTH = 120
_RULES = 3
"""Rules that are said of a lead that moves."""


def print_preview(console: Console, found: Preview, most: int, lang: str) -> None:
    """Print who moves, how many calls it comes to, and how both would have done."""
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH)
    words = wording.texts(lang)["preview"]
    console.print(
        words["head"].format(
            old=found.old.version,
            new=found.new.version,
            leads=f"{found.leads:,}",
            task=found.task.name,
            as_of=iso(found.as_of, found.tz),
        )
    )
    if not found.movers:
        console.print(words["nobody"])
    else:
        _print_moves(console, found, lang)
        _print_movers(console, found, most, lang)
    _print_load(console, found, lang)
    _print_backtest(console, found, lang)
    _print_grid(console, found, lang)
    for key, said in found.notes:
        console.print(words[key].format(**said))


def _print_moves(console: Console, found: Preview, lang: str) -> None:
    words = wording.texts(lang)["preview"]
    names = [*reversed(BANDS), NO_BAND]
    shown = [name for name in names if any(name in pair for pair in found.moves)]
    called = {name: _called(name, lang) for name in shown}
    rows = [
        [called[old], *(f"{found.moves.get((old, new), 0):,}" for new in shown)] for old in shown
    ]
    console.print()
    header = [words["old_new"], *(called[name] for name in shown)]
    print_table(console, words["moves"], header, rows)
    moved = {pair: n for pair, n in found.stages.items() if pair[0] != pair[1]}
    for (old, new), n in moved.items():
        console.print(words["stage"].format(old=old, new=new, leads=f"{n:,}"))


def _called(name: str | None, lang: str) -> str:
    return wording.texts(lang)["page"][name] if name and name != NO_BAND else "-"


def _print_movers(console: Console, found: Preview, most: int, lang: str) -> None:
    words = wording.texts(lang)["preview"]
    if not most:
        return
    header = [words[key] for key in ("lead", "points", "temperature", "stages")] + [
        f"{words['why']}:"
    ]
    rows = [_mover(found, mover, lang) for mover in found.movers[:most]]
    title = words["movers"].format(shown=len(rows), all=f"{len(found.movers):,}")
    console.print()
    print_table(console, title, header, rows)


def _mover(found: Preview, mover: Mover, lang: str) -> list[str]:
    arrow = "{} → {}"
    by = mover.probability
    number = (
        arrow.format(*(f"{p:.1%}" for p in by if p is not None))
        if None not in by
        else arrow.format(*mover.points)
    )
    rules = [
        f"{_rule(found.new, found.old, name, lang)} {gain:+.3g}"
        for name, gain in mover.rules[:_RULES]
    ]
    stage = mover.stage[0] if mover.stage[0] == mover.stage[1] else arrow.format(*mover.stage)
    return [
        wording.shown(mover.lead_id),
        number,
        arrow.format(*(_called(name, lang) for name in mover.temperature)),
        str(stage),
        "  " + (", ".join(rules) or wording.texts(lang)["preview"]["by_line"]),
    ]


def _rule(new: Playbook, old: Playbook, name: str, lang: str) -> str:
    """What people call a rule of either playbook."""
    for playbook in (new, old):
        for rule in playbook.points.rules:
            if rule.name == name:
                events = rule.event or ()
                said = playbook.event_label(events[0], lang) if len(events) == 1 else None
                return in_language(rule.label, lang) or said or name
    return name


def _print_load(console: Console, found: Preview, lang: str) -> None:
    words = wording.texts(lang)["preview"]
    old, new = found.load
    console.print()
    console.print(
        words["load"].format(
            old=_load(old, lang),
            new=_load(new, lang),
            more=f"{new.mean - old.mean:+.1f}",
            weeks=found.weeks,
        )
    )
    if new.mean > found.per_week:
        console.print(words["too_many"].format(new=f"{new.mean:.1f}", calls=f"{found.per_week:,}"))


def _load(load: Load, lang: str) -> str:
    return wording.texts(lang)["preview"]["of_week"].format(
        mean=f"{load.mean:.1f}", least=f"{load.least:,}", most=f"{load.most:,}"
    )


def _print_backtest(console: Console, found: Preview, lang: str) -> None:
    words, told = wording.texts(lang)["preview"], found.backtest
    if not told.weeks:
        return
    ways = ((words["hot"], told.hot), (words["top"].format(calls=found.per_week), told.top))
    rows = [row for name, way in ways for row in _way(name, way, told.conversions, lang)]
    title = words["backtest"].format(
        weeks=told.weeks,
        immature=told.immature,
        horizon=duration_text(found.task.horizon or 0),
        conversions=f"{told.conversions:,}",
    )
    console.print()
    print_table(console, title, [words["way"], words["old"], words["new"], words["more"]], rows)
    console.print(words["told"])


def _way(name: str, way: Compared, conversions: int, lang: str) -> Iterable[Sequence[str]]:
    words = wording.texts(lang)["preview"]
    both = way.old, way.new
    yield [
        f"{name}: {words['calls']}",
        *(f"{calls.calls:,}" for calls in both),
        _more(way.more_calls, lang),
    ]
    share = [f"{c.caught:,} ({c.caught / conversions:.0%})" if conversions else "0" for c in both]
    yield [f"  {words['caught']}", *share, _more(way.more_caught, lang)]
    wasted = [f"{c.wasted:,} ({c.wasted / c.calls:.0%})" if c.calls else "0" for c in both]
    yield [f"  {words['wasted']}", *wasted, _more(way.more_wasted, lang)]


def _more(figure: Interval, lang: str) -> str:
    words = wording.texts(lang)["preview"]
    if not any(figure):
        return "0"
    return words["interval"].format(
        more=f"{figure.mean:+,.0f}", low=f"{figure.low:+,.0f}", high=f"{figure.high:+,.0f}"
    )


def _print_grid(console: Console, found: Preview, lang: str) -> None:
    """The grid of scores: leads and their conversion, best grades first."""
    grid = found.new.points.grid
    if not found.grid or grid is None:
        return
    words, scores = wording.texts(lang)["preview"], found.new.points.scores
    letters = sorted({cell.grade[0] for cell in found.grid})
    numbers = sorted({cell.grade[1:] for cell in found.grid}, key=int)
    basis = {cell.grade: cell.basis for cell in found.grid}
    rows = []
    for letter in letters:
        row = [letter]
        for number in numbers:
            cell = basis.get(f"{letter}{number}")
            row.append(
                "-"
                if cell is None
                else words["cell"].format(
                    n=f"{cell['n']:,}",
                    rate=f"{cell['converted'] / cell['n']:.1%}",
                    low=f"{cell['low']:.1%}",
                    high=f"{cell['high']:.1%}",
                )
            )
        rows.append(row)
    names = [in_language(scores[of].label, lang) or of for of in (grid.rows, grid.columns)]
    title = words["grid"].format(rows=names[0], columns=names[1])
    console.print()
    print_table(console, title, [f"{names[0]} \\ {names[1]}", *numbers], rows)
