"""What people say of a file before it is read."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, fields, replace

from features.dates import DateOrder
from features.errors import UsageError

DELIMITERS = (",", ";", "\t", "|")
NO_QUOTE = "none"


@dataclass(frozen=True)
class Declared:
    """How a file is to be read; what is None is found out, and shown.

    Attributes
    ----------
    encoding : str or None
        A name of an encoding, such as ``"cp932"``.
    delimiter : str or None
        One character between cells; ``"tab"`` for a tab.
    quote : str or None
        The quotation mark, or ``"none"`` where none is one. Declared, its cells may hold whole rows.
    sheet : str or None
        The sheet of a workbook.
    header : int or None
        The row on which the header of the lead list stands, counted from 1; of text, the record.
    dates : {"mdy", "dmy"} or None
        What 3/4/2026 means; where it is not said, another row of the column has to say it.

    Raises
    ------
    UsageError
        When one of them is none.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    sheet: str | None = None
    header: int | None = None
    dates: DateOrder | None = None

    def __post_init__(self) -> None:
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError as error:
                raise UsageError(
                    f"encoding: expected such as utf-8, cp932 or utf-16, got {self.encoding!r}."
                ) from error
        if self.delimiter == "tab":
            object.__setattr__(self, "delimiter", "\t")
        for name, allowed in (("delimiter", self.delimiter), ("quote", self.quote)):
            if allowed is None or (name == "quote" and allowed == NO_QUOTE):
                continue
            if len(allowed) != 1 or not allowed.isascii() or allowed in "\r\n":
                raise UsageError(f"{name}: expected one ASCII character, got {allowed!r}.")
        if self.header is not None and self.header < 1:
            raise UsageError(f"header: expected a row counted from 1, got {self.header}.")

    @classmethod
    def of(cls, said: object) -> Declared:
        """What an object with attributes of these names says."""
        return cls(**{field.name: getattr(said, field.name) for field in fields(cls)})

    @property
    def of_others(self) -> Declared:
        """The same for files beside the lead list."""
        return replace(self, header=None)


AS_FOUND = Declared()
"""Nothing is said of a file: how it is to be read is found out."""
