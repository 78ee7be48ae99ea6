"""CSV and TSV: Arrow reads the cells, `features.reading.records` holds the text to what CSV is."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from features.errors import InputError
from features.reading.declared import DELIMITERS, NO_QUOTE, Declared
from features.reading.decoding import decoded
from features.reading.layout import FIRST, LAST, footers_of, header_of
from features.reading.records import AFTER_QUOTE, NUL, Records, records
from features.reading.table import Aside, Refusal, Table, check_header

_HEAD = 1 << 16


def read_delimited(path: object, raw: bytes, declared: Declared, rows_are: str) -> Table:
    """Read a text of rows; see the package for what becomes of what is wrong.

    Raises
    ------
    InputError
        When the text cannot be told to be rows under a header.
    """
    text, encoding = decoded(path, raw, declared.encoding)
    if not text.strip():
        raise InputError(f"{path}: the file is empty; expected a header line with column names.")
    quote = None if declared.quote == NO_QUOTE else declared.quote or '"'
    delimiter = declared.delimiter or _delimiter(text, quote)
    found = records(text, delimiter, quote)
    _check_quotes(path, found, trusted=declared.quote is not None)
    header, end = _layout(text, found, delimiter, quote, declared)
    names = _cells(text, found, header, delimiter, quote)
    check_header(path, names, int(found.line[header]))
    inside = np.zeros(len(found), dtype=bool)
    inside[header + 1 : end] = True
    blank = inside & (found.start == found.end)
    reasons = _reasons(found, inside & ~blank, len(names))
    good = inside & ~blank
    good[list(reasons)] = False
    spans = int(found.line[-1]) != len(found)
    data = _arrow(_joined(text, found, header, good), names, delimiter, quote, spans=spans)
    if data.num_rows != good.sum():
        raise InputError(
            f"{path}: {good.sum():,} rows were found, but {data.num_rows:,} were read."
        )
    refused = [
        Refusal(
            rows_are,
            str(path),
            int(found.line[row]),
            "",
            _text(text, found, row),
            reason,
            # Which cell is whose is what cannot be told: to be mended, not guessed.
            dict.fromkeys(names),
        )
        for row, reason in reasons.items()
    ]
    shown = f"CSV, {encoding}, delimiter {delimiter!r}"
    aside = tuple(
        Aside(kind, int(found.line[row]), _text(text, found, row))
        for kind, rows in (("title", range(header)), ("footer", range(end, len(found))))
        for row in rows
        if found.start[row] < found.end[row]
    )
    table = Table(str(path), data, found.line[good], refused, shown, rows_are, aside=aside)
    filled = np.zeros(data.num_rows, dtype=bool)
    for column in data.columns:
        filled |= column.is_valid().to_numpy()
    return table if filled.all() else table.keep(filled)


def _delimiter(text: bytes, quote: str | None) -> str:
    """The delimiter that gives most of the first rows the same number of cells, above one."""
    cut = text[:_HEAD]
    if len(cut) < len(text):
        cut = cut[: max(cut.rfind(b"\n"), cut.rfind(b"\r"), 0)] or cut
    best = (0.0, 0, DELIMITERS[0])
    for delimiter in DELIMITERS:
        found = records(cut, delimiter, quote)
        widths = found.cells[found.start < found.end]
        (usual, times), *_ = Counter(widths.tolist()).most_common(1) or [(1, 0)]
        share = times / max(len(widths), 1) if usual > 1 else 0.0
        if (share, usual) > best[:2]:
            best = (share, usual, delimiter)
    return best[2]


def _check_quotes(path: object, found: Records, *, trusted: bool) -> None:
    """Refuse a text in which a quotation mark holds rows, for want of one that closes it."""
    if found.unclosed:
        raise InputError(
            f"{path}, line {found.unclosed}: a quotation mark in this row is never closed. "
            "Close it, or write it twice; where none of them quotes, pass --quote none."
        )
    if found.suspect and not trusted:
        raise InputError(
            f"{path}, line {found.suspect}: the quoted cell that begins here holds whole rows, or text "
            "follows its end: a quotation mark is probably not closed. Close it, or write it twice; "
            "where the cell is right, pass --quote '\"'."
        )


def _layout(
    text: bytes, found: Records, delimiter: str, quote: str | None, declared: Declared
) -> tuple[int, int]:
    """The record that is the header, and the record after the last row."""

    def rows(places: range) -> list[list[str]]:
        return [_cells(text, found, row, delimiter, quote) for row in places]

    n = len(found)
    if declared.header is not None:
        header = min(declared.header, n) - 1
    else:
        header = header_of(rows(range(min(FIRST, n))))
    first = max(header + 1, n - LAST)
    width = int(found.cells[header])
    return header, n - footers_of(rows(range(first, n)), width)


def _cells(text: bytes, found: Records, row: int, delimiter: str, quote: str | None) -> list[str]:
    """The cells of one record."""
    record = io.StringIO(_text(text, found, row), newline="")
    if quote is None:
        return next(csv.reader(record, delimiter=delimiter, quoting=csv.QUOTE_NONE), [])
    return next(csv.reader(record, delimiter=delimiter, quotechar=quote), [])


def _text(text: bytes, found: Records, row: int) -> str:
    return text[found.start[row] : found.end[row]].decode("utf-8", "replace")


def _reasons(found: Records, rows: npt.NDArray[np.bool_], width: int) -> dict[int, str]:
    """Why records cannot be taken, by record."""
    bad = rows & ((found.cells != width) | ((found.flags & (AFTER_QUOTE | NUL)) > 0))
    reasons = {}
    for row in np.flatnonzero(bad).tolist():
        if found.cells[row] != width:
            reason = f"expected {width} cells, got {found.cells[row]}"
        elif found.flags[row] & NUL:
            reason = "the row holds a NUL byte; remove it"
        else:
            reason = "text follows a closing quotation mark; write a quotation mark in a cell twice"
        reasons[row] = reason
    return reasons


def _joined(text: bytes, found: Records, header: int, good: npt.NDArray[np.bool_]) -> bytes:
    """The header and the good records as one text."""
    kept = good.copy()
    kept[header] = True
    if kept.all():
        return text if text.endswith((b"\n", b"\r")) else text + b"\n"
    # Runs of good records are copied whole, their line ends too.
    edges = np.flatnonzero(np.diff(np.concatenate([[0], kept.view(np.int8), [0]])))
    stops = np.append(found.start[1:], len(text))
    parts = [
        text[found.start[first] : stops[last - 1]]
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    ]
    return b"".join(part if part.endswith((b"\n", b"\r")) else part + b"\n" for part in parts)


def _arrow(
    text: bytes, names: Sequence[str], delimiter: str, quote: str | None, *, spans: bool
) -> pa.Table:
    longest = max(1 << 24, 2 * text.find(b"\n"))
    return pa.csv.read_csv(
        pa.BufferReader(text),
        read_options=pa.csv.ReadOptions(block_size=longest),
        parse_options=pa.csv.ParseOptions(
            delimiter=delimiter,
            quote_char=quote or False,
            newlines_in_values=spans,
            ignore_empty_lines=False,
        ),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
