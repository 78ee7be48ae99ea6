"""The verb ``playbook suggest``, from files to an exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from features.errors import UsageError
from models import wording
from models.evidence import Basis
from models.playbook import Playbook, in_language
from models.playbook.playbook import DEFAULT
from models.playbook.writing import save
from models.settings import Settings
from models.terminal import REFUSED_ROWS, people, print_json, print_refused, print_table, progress
from training.gate.champion import champion_of
from training.resampling import Interval
from training.sources import Sources, gather
from training.suggestion.lines import SuggestedLines, suggest_lines
from training.suggestion.points import Suggested, suggest_points


def run_suggest(
    what: Literal["points", "lines"],
    sources: Sources,
    settings: Settings,
    task: str,
    out: Path,
    *,
    lang: str = "en",
    as_json: bool = False,
) -> int:
    """Suggest points or lines by the data, and write them as a playbook of its own."""
    read = settings.playbook or DEFAULT
    if out.resolve() == read.resolve():
        raise UsageError(f"--out {out} is the playbook that is read. Give another name.")
    playbook = Playbook.load(settings.playbook)
    with progress("suggest") as report:
        report("reading")
        material = gather(sources, playbook, task)
        report("weighing the rules" if what == "points" else "asking the model")
        found: Suggested | SuggestedLines
        if what == "points":
            found = suggest_points(material, playbook)
        else:
            champion = champion_of(settings, task)
            if champion is None:
                raise UsageError(
                    f"Lines for probabilities need a model, and none is registered for task {task!r}. "
                    "Run tegakari train first."
                )
            found = suggest_lines(material, playbook, champion)
    save(found.text, out)
    if as_json:
        print_json({"out": str(out), **_object(found)})
    else:
        console = people(False)
        if not console.is_terminal:
            console.width = max(console.width, 120)
        if isinstance(found, Suggested):
            _print_points(console, found, playbook, lang)
        else:
            _print_lines(console, found, lang)
        console.print(wording.texts(lang)["suggestion"]["written"].format(out=out))
    refused = material.intake.refused
    print_refused(people(True), refused)
    return REFUSED_ROWS if refused else 0


def _object(found: Suggested | SuggestedLines) -> dict[str, Any]:
    if isinstance(found, SuggestedLines):
        return {"leads": found.leads, "lines": [line._asdict() for line in found.lines]}
    return {
        "rules": [rule._asdict() for rule in found.rules],
        "auc": {name: auc._asdict() for name, auc in found.auc.items()},
        "hot_share": {"old": found.hot[0], "new": found.hot[1]},
        "rows": found.rows,
        "test_rows": found.test_rows,
    }


def _print_points(console: Console, found: Suggested, playbook: Playbook, lang: str) -> None:
    words = wording.texts(lang)["suggestion"]
    labels = {rule.name: _label(playbook, rule, lang) for rule in playbook.points.rules}
    rows = [
        [
            labels[rule.name],
            f"{rule.old:+d}",
            f"{rule.new:+d}" if rule.new else words["out"],
            f"{rule.leads:,}",
        ]
        for rule in found.rules
    ]
    header = [words[key] for key in ("rule", "old", "new", "leads")]
    print_table(console, words["points"].format(rows=f"{found.rows:,}"), header, rows)
    auc = {name: _auc(words["auc"], figure) for name, figure in found.auc.items()}
    console.print(words["kept"].format(rows=f"{found.test_rows:,}", **auc))
    console.print(words["hot"].format(old=f"{found.hot[0]:.1%}", new=f"{found.hot[1]:.1%}"))


def _label(playbook: Playbook, rule: Any, lang: str) -> str:
    said = in_language(rule.label, lang)
    event = rule.event[0] if rule.event and len(rule.event) == 1 else None
    return said or (playbook.event_label(event, lang) if event else None) or str(rule.name)


def _auc(form: str, figure: Interval) -> str:
    return form.format(auc=f"{figure.mean:.3f}", low=f"{figure.low:.3f}", high=f"{figure.high:.3f}")


def _print_lines(console: Console, found: SuggestedLines, lang: str) -> None:
    words, names = wording.texts(lang)["suggestion"], wording.texts(lang)["page"]
    rows = [
        [
            names[line.name],
            f"{line.points:g}",
            f"{line.by_points:,}",
            _rate(line.of_points, lang),
            f"{line.probability:.4f}",
            f"{line.by_probability:,}",
            _rate(line.of_probability, lang),
        ]
        for line in found.lines
    ]
    keys = (
        "line",
        "points_line",
        "leads_now",
        "converted",
        "probability",
        "leads_now",
        "converted",
    )
    print_table(
        console, words["lines"].format(leads=f"{found.leads:,}"), [words[k] for k in keys], rows
    )
    console.print(words["later"])


def _rate(basis: Basis | None, lang: str) -> str:
    if basis is None:
        return "-"
    return wording.texts(lang)["outcomes"]["rate"].format(
        rate=f"{basis['converted'] / basis['n']:.1%}",
        low=f"{basis['low']:.1%}",
        high=f"{basis['high']:.1%}",
    )
