"""What a kind of feature is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Seen(NamedTuple):
    """What a cutoff sees of one lead, for the plain references.

    Attributes
    ----------
    ages : list of int
        Microseconds from each event (of the feature's group, oldest first) to the cutoff, >= 0.
    lead_age : int or None
        Microseconds from the lead's creation to the cutoff; None when it is not known.
    """

    ages: list[int]
    lead_age: int | None


@dataclass(frozen=True)
class Kind:
    """One kind of feature.

    Attributes
    ----------
    name : str
        The word in a catalogue line: ``"count"`` in ``"count 7d"``.
    per_group : bool
        One feature for each event type and group of types, or one for the lead.
    parameter : {"window", "half_life", None}
        What the second word of a catalogue line means.
    unit : str
    empty : float
        The value for a lead without events whose creation is not known.
    reference : callable
        ``reference(seen, parameter) -> float``: the feature in plain Python, parameter in
        microseconds (None for "ever").
    """

    name: str
    per_group: bool
    parameter: str | None
    unit: str
    empty: float
    reference: Callable[[Seen, int | None], float]
