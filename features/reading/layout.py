"""Title rows above the header of a report, and footers below its rows.

Reports of CRMs and webinar tools, and what people save from Excel, have a title, the date of the
report or its filters above the header, and totals or a copyright below the rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

FIRST = 40
"""A header stands among so many first rows, blank ones aside."""
LAST = 40
"""A footer stands among so many last rows."""
_TOTAL = re.compile(
    r"^\W*((grand |sub ?)?totals?|records?|rows?|count|合計|総計|小計|総合計|計|件数|人数)\W*[\d,]*\s*"
    r"(records?|rows?|件|名|人|行|円)?\W*$|^\W*[\d,]+ (records|rows)\W*$",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"copyright|©|\(c\)|all rights reserved|^\W*confidential|^\W*(report )?(generated|exported|run) (by|on|at)\b|"
    r"^以上\W*$|^※|^注[\W\d]|^(出力|作成|集計)(日|者)",
    re.IGNORECASE,
)
_AMOUNT = re.compile(r"^[^A-Za-z]*\d[\d,.]*\s*(%|円|件|名|人)?$")
_SENTENCE = re.compile(r"\S\s+\S|.{20}")
_NO_NAME = re.compile(r"^\W*[\d０-９]+([\d０-９\s./:年月日,%-])*$|@.+\.")
"""What names no column: a number, a date, an e-mail address."""


def header_of(first: Sequence[Sequence[str]]) -> int:
    """Which of the first rows is the header.

    It is the first row, unless that has a single filled cell, a title, and a later row as wide as most
    rows are has a name for every column: all that stands above it are title rows.

    Parameters
    ----------
    first : sequence of rows, each a sequence of cells
        Blank rows are rows without a filled cell.

    Examples
    --------
    >>> header_of([["Attendees"], [], ["Name", "Email", "Time"], ["A", "a@x", "9:00"]])
    2
    >>> header_of([["id", "note"], ["1", "2", "3"]])
    0
    """
    widths = [len([cell for cell in row if cell.strip()]) for row in first]
    filled = [place for place, row in enumerate(first) if len(row) > 1 or widths[place]]
    if not filled:
        return 0
    top = filled[0]
    usual = Counter(len(first[place]) for place in filled).most_common(1)[0][0]
    if widths[top] > 1 or usual < 2:
        return top
    for place in filled[1:]:
        names = [cell.strip() for cell in first[place]]
        if (
            len(names) == usual
            and all(names)
            and len(set(names)) == usual
            and not any(map(_NO_NAME.search, names))
        ):
            return place
    return top


def footers_of(last: Sequence[Sequence[str]], width: int) -> int:
    """How many of the last rows are footers, blank rows between them counted.

    A footer has at most two filled cells, fewer than the header. Footers begin at a row that says so
    (a total, a copyright, who made the report), or below a blank row where they are shorter than
    rows and at least one is a sentence.

    Examples
    --------
    >>> footers_of([["1", "a", "b"], [""], ["Example Co, Tokyo"], ["Example"]], 3)
    3
    >>> footers_of([["1", "a", "b"], ["2", "a"]], 3)
    0
    """
    filled = [[cell.strip() for cell in row if cell.strip()] for row in last]
    says = [_says(cells) for cells in filled]
    first = len(last)
    while first and _may_be_footer(last[first - 1], filled[first - 1], says[first - 1], width):
        first -= 1
    below = range(first, len(last))
    begins = next((row for row in below if says[row] or not filled[row]), len(last))
    sentence = any(says[row] or _SENTENCE.search("".join(filled[row][:1])) for row in below)
    return len(last) - begins if sentence and any(filled[begins:]) else 0


def _says(filled: Sequence[str]) -> bool:
    """Whether a row is a total, its other cells being numbers, or a remark that stands alone."""
    if not filled:
        return False
    first, *others = filled
    if _TOTAL.match(first):
        return all(_AMOUNT.match(cell) for cell in others)
    return not others and bool(_REMARK.search(first))


def _may_be_footer(row: Sequence[str], filled: Sequence[str], says: bool, width: int) -> bool:
    if not filled:
        return True
    return len(filled) < width and (says or (len(filled) <= 2 and len(row) < width))
