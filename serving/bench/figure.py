"""One thing measured, and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A row of the table that is printed.

    Attributes
    ----------
    what : str
    measured, reference, asked : str
        As they are printed, with their units; empty where there is none.
    met : bool or None
        None where nothing is asked.
    """

    what: str
    measured: str
    reference: str = ""
    asked: str = ""
    met: bool | None = None
