"""A list as a table for people, in their language: a few lines for each lead."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from features.instants import iso
from models.wording import texts
from serving.lists.cells import COLUMNS, minute
from serving.lists.listed import Listed

_WIDTH = 120
_CHANCE = 13
"""Letters of the column of probability, temperature and stage."""


_TOTAL = {
    "rising": "rising",
    "untouched": "untouched",
    "recycle": "eligible",
    "dormant": "eligible",
}
"""What a list counts of those that would be on it, were there no end."""


def print_list(console: Console, listed: Listed) -> None:
    """Print a list: what it is, its leads, whom it leaves out, and what to beware of."""
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH)
    words = texts(listed.seen.lang)["lists"]
    for line in _head(listed):
        console.print(line)
    if listed.leads:
        console.print()
        console.print(_table(listed, min(console.width, _WIDTH)))
    else:
        console.print(words["nobody"])
    total = listed.said.get(_TOTAL.get(listed.name, ""), 0)
    if total > len(listed.leads):
        console.print(words["more"].format(n=f"{total - len(listed.leads):,}"))
    left = listed.said.get("left_out")
    if listed.name == "call" and left:
        n = sum(reason["leads"] for reason in left)
        console.print(f"\n{words['left_out.title'].format(n=f'{n:,}')}")
        for reason in left:
            console.print(f"  {reason['leads']:>9,}  {reason['label']}")
    if listed.warnings:
        console.print(f"\n{texts(listed.seen.lang)['page']['warnings']}")
        for warning in listed.warnings:
            console.print(f"  {warning}")


def _head(listed: Listed) -> Iterator[str]:
    seen, lang = listed.seen, listed.seen.lang
    words = texts(lang)["lists"]
    yield words["head"].format(
        title=words[f"title.{listed.name}"],
        n=f"{len(listed.leads):,}",
        leads=f"{len(seen):,}",
        task=seen.taken.asked.task,
        as_of=minute(listed, iso(seen.as_of)),
    )
    yield _order(listed)
    yield from listed.notes


def _order(listed: Listed) -> str:
    """In which order the leads are, and by whom it was answered."""
    words, pages = texts(listed.seen.lang)["lists"], texts(listed.seen.lang)["page"]
    scores, rows = listed.seen.scores, listed.rows
    answered = [bool(scores.by_model[row]) for row in rows]
    why = next((scores.fallback_reason[row] for row in rows if not scores.by_model[row]), None)
    by = pages["rules"].format(why=pages[why]) if why else pages["model"]
    if listed.name in ("rising", "untouched"):
        order = words[f"order.{listed.name}"]
    elif any(lead["probability"] is not None for lead in listed.leads) or all(answered):
        order = words["order.probability"]
    else:
        order = words["order.points"]
    return words["between"].join([order, by] if len(rows) else [order])


def _table(listed: Listed, width: int) -> Table:
    words = texts(listed.seen.lang)["lists"]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0), width=width)
    table.add_column("#", justify="right", width=len(str(len(listed.leads))) + 1)
    columns = COLUMNS[listed.name]
    for column in columns:
        header = words[f"column.{column.header}"]
        if column.share:
            table.add_column(header, ratio=column.share, overflow="fold")
        else:
            table.add_column(header, width=_CHANCE, overflow="fold")
    for lead in listed.leads:
        cells = ("\n".join(column.lines(listed, lead)) for column in columns)
        table.add_row(Text(str(lead["place"])), *map(Text, cells))
    return table
