"""Files as tables of cells: nothing is typed, renamed or guessed that the file does not say.

    declared.py     what people say of a file before it is read
    table.py        rows as they were read, and the rows that were refused
    files.py        a file, or a folder of them, by its ending
    decoding.py     bytes as text
    delimited.py    CSV and TSV, on Arrow's reader
    records.py      where each record of a text begins, and what is wrong with it
    layout.py       title rows above the header, footers below the rows
    json_lines.py, workbook.py, parquet.py

What becomes of what is wrong, in any format that can have it:

=========================================  ===================================================
a row with more or fewer cells             refused, with its line and its text
a NUL in a row, text after a closing quote refused likewise
a row cut off at the end of the file       refused, as a row with fewer cells
a quotation mark that is never closed      the file is refused, with the line it stands on
rows inside a quoted cell                  the file is refused, unless its quote is declared
two columns of one name, one without       the file is refused, with the header's line
an empty file, or one of another format    refused
a header alone                             a table without rows
an archive (.gz, .zst) that is cut off     refused
text that is in no one encoding            refused; it asks for the encoding
blank rows                                 left out, and not counted
title rows, report footers                 left aside, and shown
an Excel error value such as #N/A          a missing cell
=========================================  ===================================================
"""

from features.reading.declared import AS_FOUND, Declared
from features.reading.files import (
    CSV,
    ENDINGS,
    PARQUET,
    files_of,
    is_parquet,
    read,
    readable,
    together,
)
from features.reading.parquet import parquet_head, parquet_rows
from features.reading.table import FORMULA, OWN_PREFIX, Aside, Refusal, Table

__all__ = [
    "AS_FOUND",
    "CSV",
    "ENDINGS",
    "FORMULA",
    "OWN_PREFIX",
    "PARQUET",
    "Aside",
    "Declared",
    "Refusal",
    "Table",
    "files_of",
    "is_parquet",
    "parquet_head",
    "parquet_rows",
    "read",
    "readable",
    "together",
]
