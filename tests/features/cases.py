"""Files that readers get wrong, and what each makes of them."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from features.errors import InputError
from features.reading import read

Rows = list[list[str | None]]


class Case(NamedTuple):
    """A file, and what is to become of it.

    Attributes
    ----------
    kind : str
        What is hard about it.
    raw : bytes
    rows : list of rows, or None
        The cells of the rows that are taken; None for a file that is refused.
    refused : list of int
        The lines of the rows that are refused.
    says : str
        What the refusal of the file says.
    name : str
        Its name.
    """

    kind: str
    raw: bytes
    rows: Rows | None
    refused: Sequence[int] = ()
    says: str = ""
    name: str = "leads.csv"


def utf8(text: str) -> bytes:
    return text.encode("utf-8")


LETTERS: Rows = [["0012", "1E5"], ["NA", "TRUE"], ["null", "2026-01"]]
JAPANESE: Rows = [["㈱髙橋①", "見積；済"]]
CASES = [
    Case("ids and codes keep their letters", b"a,b\n0012,1E5\nNA,TRUE\nnull,2026-01\n", LETTERS),
    Case("quoted codes too", b'a,b\n"0012","1E5"\n"NA","TRUE"\n"null","2026-01"\n', LETTERS),
    Case("cp932 with NEC and IBM letters", "a,b\n㈱髙橋①,見積；済\n".encode("cp932"), JAPANESE),
    Case("UTF-16 with BOM", "a,b\n㈱髙橋①,見積；済\n".encode("utf-16"), JAPANESE),
    Case("UTF-16 without BOM", "a,b\nx1,y1\nx2,y2\n".encode("utf-16-le"), [["x1", "y1"], ["x2", "y2"]]),
    Case("UTF-8 with BOM", "a,b\n㈱髙橋①,見積；済\n".encode("utf-8-sig"), JAPANESE),
    Case("EUC-JP is asked about", "a,b\n株式会社の山田さん,東京\n".encode("euc_jp"), None, says="--encoding: euc_jp"),
    Case("Latin-1 is asked about", "a,b\nMüller,Köln\nJürgen,Zürich\n".encode("cp1252"), None, says="--encoding"),
    Case("ISO-2022-JP is asked about", "a,b\n山田,東京\n".encode("iso2022_jp"), None, says="iso2022_jp"),
    Case("carriage returns alone", b"a,b\r1,x\r2,y\r", [["1", "x"], ["2", "y"]]),
    Case("mixed line ends", b"a,b\r\n1,x\n2,y\r3,z", [["1", "x"], ["2", "y"], ["3", "z"]]),
    Case("tabs", b"a\tb\n1,5\tx\n", [["1,5", "x"]]),
    Case("semicolons, decimal commas", b"a;b\n1,5;2,5\n3,5;4,5\n", [["1,5", "2,5"], ["3,5", "4,5"]]),
    Case("a row too short", b"a,b\n1,x\n2\n3,z\n", [["1", "x"], ["3", "z"]], [3]),
    Case("a row too long", b"a,b\n1,x\n2,y,z\n3,z\n", [["1", "x"], ["3", "z"]], [3]),
    Case("a quote never closed", b'a,b\n1,"x\n2,y\n3,z\n', None, says="line 2: a quotation mark"),
    Case("a quote closed by the next one", b'a,b\n1,"x\n2,y\n3,"z"\n4,w\n', None, says="line 2: the quoted cell"),
    Case(
        "rows swallowed by two stray quotes",
        b'a,b,c\n1,"x,1\n2,y,2\n3,z,3\n4,w",4\n5,v,5\n',
        None,
        says="line 2: the quoted cell that begins here holds whole rows",
    ),
    Case("text after a closing quote", b'a,b\n1,"x"y\n2,z\n', [["2", "z"]], [2]),
    Case("a quote inside a cell", b'a,b\n1,5" disk\n', [["1", '5" disk']]),
    Case("a line break in a cell", b'a,b\n1,"x\ny"\n2,z\n', [["1", "x\ny"], ["2", "z"]]),
    Case("a NUL byte", b"a,b\n1,x\n2,y\x00\n3,z\n", [["1", "x"], ["3", "z"]], [3]),
    Case("two columns of one name", b"a,a\n1,2\n", None, says="column 'a' stands twice"),
    Case("a column without a name", b"a,,c\n1,2,3\n", None, says="column 2 has no name"),
    Case("an empty file", b"", None, says="the file is empty"),
    Case("a header alone", b"a,b\n", []),
    Case("cut off inside a row", b"a,b\n1,x\n2,", [["1", "x"], ["2", None]]),
    Case("cut off before a cell", b"a,b,c\n1,x,p\n2,y", [["1", "x", "p"]], [3]),
    Case("cut off inside quotes", b'a,b\n1,x\n2,"y', None, says="never closed"),
    Case("an archive cut off", gzip.compress(b"a,b\n1,x\n")[:-9], None, says="cannot be read", name="leads.csv.gz"),
    Case("title rows and a footer", utf8("参加者一覧\n\na,b,c\n1,x,p\n\n合計,1,\n"), [["1", "x", "p"]]),
    Case("blank rows", b"a,b\n\n1,x\n,\n2,y\n\n", [["1", "x"], ["2", "y"]]),
    Case("JSON numbers as written", b'{"a": "0012", "b": 1E5}\n', [["0012", "1E5"]], name="leads.jsonl"),
    Case("JSON, a key twice", b'{"a": "1", "a": "2"}\n{"a": "3"}\n', [["3"]], [1], name="leads.jsonl"),
    Case("JSON cut off", b'{"a": "1", "b": true}\n{"a": "2", "b"', [["1", "true"]], [2], name="leads.jsonl"),
]  # fmt: skip


def by_tegakari(path: Path) -> str:
    table = read(path)
    rows = [list(row.values()) for row in table.data.to_pylist()]
    refused = "".join(f", line {row.line} refused" for row in table.refused)
    return shown(rows) + refused


def by_pandas(path: Path) -> str:
    import pandas as pd

    lines = path.name.endswith(".jsonl")
    frame = pd.read_json(path, lines=True) if lines else pd.read_csv(path)
    return shown(frame.to_numpy().tolist(), list(frame.columns))


def by_csv(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    return shown(rows, header)


def by_duckdb(path: Path) -> str:
    import duckdb

    found = duckdb.sql(f"SELECT * FROM '{path}'")
    return shown([list(row) for row in found.fetchall()], found.columns)


def by_polars(path: Path) -> str:
    import polars as pl

    lines = path.name.endswith(".jsonl")
    frame = pl.read_ndjson(path) if lines else pl.read_csv(path)
    return shown([list(row) for row in frame.rows()], frame.columns)


READERS: dict[str, Callable[[Path], str]] = {
    "Tegakari": by_tegakari,
    "pandas": by_pandas,
    "csv": by_csv,
    "DuckDB": by_duckdb,
    "Polars": by_polars,
}


def shown(rows: Sequence[Sequence[Any]], header: Sequence[str] = ()) -> str:
    """Rows in a few letters; the columns where they are others than the file's."""
    text = " / ".join(" ".join("-" if cell is None else f"{cell}" for cell in row) for row in rows)
    names = [name for name in header if name not in ("a", "b", "c")]
    return (text or "no rows") + (f" (columns {', '.join(names)})" if names else "")


def told(reader: str, path: Path) -> str:
    """What a reader makes of a file: its rows, or that it refuses it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return READERS[reader](path)
        except InputError as error:
            return f"refused: {str(error).removeprefix(str(path)).lstrip(', :')}"
        except BaseException as error:
            return f"error: {type(error).__name__}"


def short(text: str, most: int = 34) -> str:
    """A text on one line of so many letters."""
    plain = "".join(letter if letter.isprintable() else "␤" for letter in text)
    return plain if len(plain) <= most else plain[: most - 1] + "…"
