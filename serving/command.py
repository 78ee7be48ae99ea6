"""The verbs ``score`` and ``explain``, from options to an exit code."""

from __future__ import annotations

from rich.console import Console

from features.instants import iso
from models.playbook import Playbook
from models.settings import Settings
from models.terminal import REFUSED_ROWS, people, print_json, print_refused, progress
from models.wording import percentage_points
from serving.batch import Job, Scored, score_file
from serving.disagreement import print_disagreement
from serving.explanation import Question, explained
from serving.page import print_page


def run_score(job: Job, settings: Settings, *, as_json: bool = False, top: int = 0) -> int:
    """Score a list, write it, and print what became of its rows."""
    console = people(as_json)
    playbook = Playbook.load(settings.playbook)
    with progress("score") as report:
        scored = score_file(job, settings, playbook, report)
    if as_json:
        print_json(scored.to_json())
    else:
        _print(console, scored)
        if scored.disagreement:
            print_disagreement(console, scored.disagreement)
        if top:
            print_top(console, scored, top)
    print_refused(console, scored.refused)
    if scored.refused_to:
        files = ", ".join(map(str, scored.refused_to))
        console.print(f"{len(scored.refused):,} rows were refused; they are in {files}.")
    return REFUSED_ROWS if scored.refused else 0


def run_explain(question: Question, settings: Settings, *, as_json: bool = False) -> int:
    """Explain one lead's answer as a page, or as the answer itself."""
    console = people(as_json)
    playbook = Playbook.load(settings.playbook)
    with progress("explain") as report:
        told = explained(question, settings, playbook, report)
    if as_json:
        print_json(told.to_json())
    else:
        print_page(console, told)
    print_refused(people(True), told.taken.refused)
    return REFUSED_ROWS if told.taken.refused else 0


def _print(console: Console, scored: Scored) -> None:
    said = scored.to_json()
    table = scored.intake.table
    console.print(f"{table.path}: {table.understood}")
    console.print(f"as of {iso(scored.as_of)}")
    console.print(
        f"{scored.rows_in:,} rows = {scored.answered:,} answered + "
        f"{said['refused_leads']:,} refused + {scored.duplicates:,} duplicates"
    )
    console.print(f"answered by model {said['by_model']:,}, by rules {said['by_rules']:,}")
    bands = ", ".join(f"{name} {n:,}" for name, n in said["temperature"].items())
    console.print(f"temperature by {scored.scores.temperature_by}: {bands}")
    for name, count in {**scored.intake.counts, **said["ignored"]}.items():
        if count and name not in ("events", "events taken"):
            console.print(f"  {name}: {count:,}")
    for warning in scored.warnings:
        console.print(f"warning: {warning}")
    console.print(f"written to {scored.out}")


def print_top(console: Console, scored: Scored, most: int) -> None:
    """Print the leads most likely to convert, each with its reasons."""
    scores = scored.scores
    console.print(f"\nthe {most} most likely leads")
    for place, row in enumerate(scores.order()[:most], 1):
        answer = scores.record(int(row))
        p = answer["probability"]
        chance = "  no probability yet" if p is None else f"{p:7.1%}"
        console.print(
            f"{place:3d}. {answer['lead_id']}  {chance}  {answer['points']:4d} points  "
            f"{answer['temperature'] or '-'}"
        )
        for reason in answer["reasons"]:
            effect = reason["effect"]
            moved = "" if effect is None else f"{percentage_points(effect, scores.lang):>8}  "
            console.print(f"       {moved}{reason['text']}")
