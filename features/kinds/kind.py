"""What a kind of feature is: how it is computed, and what its values are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from features.plan import Feature, Plan

Per = Literal["group", "lead", "step", "bigram", "response", "attribute"]
"""Of what a kind has one feature each: see `features.plan.Plan.subjects`."""

Source = Literal["events", "acts", "changes", "colleagues"]
"""What a kind reads: the lead's events, only those done by itself, changes of its attributes, or
events of its colleagues."""


EVENT = np.dtype(
    [
        ("age", np.float64),
        ("type", np.int32),
        ("slot", np.int16),
        ("bucket", np.int16),
        ("pause", np.float64),
        ("value", np.float64),
        ("at", np.int64),
        ("nth", np.int32),
        ("content", np.int32),
        ("who", np.int32),
        ("before", np.int16),
        ("channel", np.int16),
        ("by_us", np.bool_),
    ],
    align=True,
)
"""One event as the compiled `update` of a kind sees it, oldest first.

age
    Microseconds to the cutoff, >= 0.
pause
    Microseconds since the event before it, of those that the kind reads; -1 for none.
value
    NaN for missing.
at
    When it occurred, an instant.
type
    Place among ``plan.known_types``; for a change, among ``plan.tracked``.
slot
    The group of its own: its event type, or the rare acts, or the rare touches.
bucket
    Place among the plan's windows (ascending, the last one for ever) of the shortest one that holds
    the event.
before
    The slot of the event before it; -1 for none.
nth
    How many events come before it.
channel
    Place among ``plan.channels``, their number for any other, -1 for missing.
content
    A number for each text, -1 for missing.
who
    The colleague, for events of colleagues.
by_us
    Whether it is a touch.

A kind whose `Kind.slim` is true is promised no more than ``age, type, slot, bucket``; ``pause, before``
and ``nth`` are known of the lead's own events only.
"""


class Groups(NamedTuple):
    """Groups of event types that are sums of slots, as the compiled `settle` of a kind sees them.

    Attributes
    ----------
    n_slots : int
    start : ndarray of shape (n_groups + 1,), int64
        The slots of group ``n_slots + g`` are ``members[start[g]:start[g + 1]]``.
    members : ndarray of int64
    """

    n_slots: int
    start: Any
    members: Any


class Happened(NamedTuple):
    """One event, change, or event of a colleague as the plain references see it.

    `age` is microseconds to the cutoff, `at` an instant; the rest is as in the log.
    """

    age: int
    at: int
    type: str
    by_us: bool = False
    channel: str | None = None
    content: str | None = None
    value: float = float("nan")
    who: str | None = None


class Seen(NamedTuple):
    """What a cutoff sees of one lead, for the plain references; all lists oldest first.

    Attributes
    ----------
    plan : Plan
    events : list of Happened
        Those whose type the plan knows.
    lead_age : int or None
        Microseconds from the lead's creation to the cutoff; None when it is not known, or later.
    changes : list of Happened
        Changes of tracked attributes; `type` is the attribute.
    colleagues : list of Happened
    """

    plan: Plan
    events: list[Happened]
    lead_age: int | None
    changes: list[Happened] = []  # noqa: RUF012 - never written to
    colleagues: list[Happened] = []  # noqa: RUF012 - never written to

    def of(self, group: str | None) -> list[Happened]:
        """The events of a group of types."""
        belongs = self.plan.members(group or "")
        return [event for event in self.events if belongs(event.type)]

    @property
    def acts(self) -> list[Happened]:
        """The events done by the lead."""
        return [event for event in self.events if not event.by_us]


@dataclass(frozen=True)
class Setting:
    """A plan as kinds lay themselves out for it.

    Attributes
    ----------
    plan : Plan
    windows : tuple of int, microseconds, ascending; the last one is for ever
    group : mapping of group of event types to its number: slots first, then sums of slots
    n_slots : int
    slot : tuple of int
        The slot of each of ``plan.known_types``.
    """

    plan: Plan
    windows: tuple[int, ...]
    group: Mapping[str, int]
    n_slots: int
    slot: tuple[int, ...]

    def window(self, length: int | None) -> int:
        """The place of a window among `windows`."""
        return len(self.windows) - 1 if length is None else self.windows.index(length)


@dataclass(frozen=True)
class Layout:
    """The memory of a kind for one row, and where its features are found in it.

    Attributes
    ----------
    cells : int
        How many float64 a row needs.
    places : list of (int, int)
        What `finish` is told of each feature.
    initial : float
        What every cell holds before the first event.
    numbers : sequence of float
        What `update`, `settle` and `finish` are told of the plan.
    """

    cells: int
    places: Sequence[tuple[int, int]]
    initial: float = 0.0
    numbers: Sequence[float] = ()


@dataclass(frozen=True)
class Choice:
    """One of the values that a kind may give: the second word of a catalogue line, if there are several.

    Attributes
    ----------
    unit : str
        ``"type"`` and ``"channel"`` are codes, counted from 1; all others are quantities.
    empty : float
        The value for a lead of which nothing is known.
    grows : bool
        Whether a longer window never gives less.
    """

    unit: str
    empty: float
    grows: bool = True

    @property
    def coded(self) -> bool:
        """Whether values are codes rather than quantities."""
        return self.unit in ("type", "channel")


@dataclass(frozen=True)
class Kind:
    """One kind of feature.

    `update`, `settle` and `finish` are compiled by Numba into the kernel; `memory` and `numbers` are
    arrays of float64.

    Attributes
    ----------
    name : str
        The first word of a catalogue line: ``"count"`` in ``"count 7d"``.
    per : str
        Of what there is one feature each.
    choices : mapping of str to Choice
        By the word of a catalogue line; ``""`` where there is nothing to choose.
    lay_out : callable
        ``lay_out(setting, features) -> Layout``.
    finish : function
        ``finish(memory, numbers, lead_age, a, b) -> float``: the feature at place (a, b), NaN for
        missing; `lead_age` is microseconds since the lead's creation, NaN where it is not known.
    reference : callable
        ``reference(seen, feature) -> float``: the feature in plain Python.
    takes : {"window", "half_life", None}
        What the last word of a catalogue line means.
    update : function, optional
        ``update(memory, numbers, event)``, called for each event, oldest first.
    settle : function, optional
        ``settle(memory, numbers, groups)``, called after the last event.
    shares : str, optional
        The kind whose memory `finish` reads, instead of one of its own.
    source : {"events", "acts", "changes", "colleagues"}
    windows : callable, optional
        ``windows(feature) -> lengths`` in microseconds, by which the ``bucket`` of `EVENT` must tell events
        apart; by default the feature's own.
    per_event : int
        How many cells of memory a row needs for each event, beyond those of its layout.
    beside_all : bool
        Whether `finish` also reads the group of all events.
    slim : bool
        Whether `update` reads nothing of an event but its age, type, slot and bucket.
    calendar : bool
        Whether values follow clocks and calendars, which shifting all times by days changes.
    """

    name: str
    per: Per
    choices: Mapping[str, Choice]
    lay_out: Callable[[Setting, Sequence[Feature]], Layout]
    finish: Callable[..., float]
    reference: Callable[[Seen, Feature], float]
    takes: Literal["window", "half_life"] | None = None
    update: Callable[..., None] | None = None
    settle: Callable[..., None] | None = None
    shares: str | None = None
    source: Source = "events"
    windows: Callable[[Feature], Sequence[int]] = field(
        default=lambda feature: [feature.parameter] if feature.parameter else []
    )
    per_event: int = 0
    beside_all: bool = False
    slim: bool = False
    calendar: bool = False
