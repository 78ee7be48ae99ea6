"""A plan laid out for the kernel: tables of numbers, the same for every call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from features.groups import ANY, BY_LEAD, BY_US, OTHER
from features.instants import FOREVER, LONGEST
from features.kinds import KINDS, Groups, Layout, Setting
from features.plan import Feature, Plan

TYPE = np.dtype([("slot", np.int64), ("channel", np.int64), ("by_us", np.bool_)], align=True)
"""An event type: its slot, the channel of events that name none (-1 for none), and who does it."""

FEATURE = np.dtype([("column", np.int64), ("a", np.int64), ("b", np.int64)])
"""A feature: its column of the matrix, and its place in its kind's memory."""

KIND = np.dtype(
    [
        ("runs", np.bool_),  # it has a feature, or one that shares its memory has
        ("first", np.int64),  # its features are [first, end) of all
        ("end", np.int64),
        ("number", np.int64),  # its numbers are [number, number_end) of all
        ("number_end", np.int64),
        ("cells", np.int64),
        ("initial", np.float64),
    ],
    align=True,
)


class Tables(NamedTuple):
    """What the kernel reads of a plan.

    Attributes
    ----------
    windows : ndarray of int64, ascending, the last one for ever
    types : ndarray of `TYPE`, one for each of ``plan.known_types``
    kinds : ndarray of `KIND`, one for each of `KINDS`
    features : ndarray of `FEATURE`, one for each feature, kind by kind
    numbers : ndarray of float64, what kinds are told of the plan, kind by kind
    groups : Groups
    longest : int
        The longest window of colleagues' features, microseconds.
    """

    windows: Any
    types: Any
    kinds: Any
    features: Any
    numbers: Any
    groups: Groups
    longest: int


@dataclass(frozen=True)
class Program:
    """A plan as the kernel reads it.

    Attributes
    ----------
    type_place, channel_place, tracked_place : dict of str to int
        Names of a log to the places that the plan gives them; types not in it are not seen.
    n_features : int
    reads_changes : bool
        Whether a feature reads changes.
    in_full : bool
        Whether a feature reads more of events than `features.kinds.Kind.slim` ones do.
    of_colleagues : ndarray of int64
        The columns of the features that read events of colleagues.
    without_colleagues : ndarray of float32
        The values of these features for a lead without colleagues.
    tables : Tables
    """

    type_place: dict[str, int]
    channel_place: dict[str, int]
    tracked_place: dict[str, int]
    n_features: int
    reads_changes: bool
    in_full: bool
    of_colleagues: npt.NDArray[np.int64]
    without_colleagues: npt.NDArray[np.float32]
    tables: Tables


def compile_plan(plan: Plan) -> Program:
    """Lay a plan out for the kernel: rare types have a slot for acts and one for touches."""
    setting, groups = _setting(plan)
    by_kind: dict[str, list[tuple[int, Feature]]] = {name: [] for name in KINDS}
    for column, feature in enumerate(plan.features):
        by_kind[feature.kind].append((column, feature))
    layouts = {
        name: KINDS[name].lay_out(setting, [feature for _, feature in mine])
        for name, mine in by_kind.items()
    }
    runs = {name for name, mine in by_kind.items() if mine}
    runs |= {KINDS[name].shares or name for name in runs}
    channels = {name: place for place, name in enumerate(plan.channels)}
    tables = Tables(
        windows=np.array(setting.windows, dtype=np.int64),
        types=_types(plan, setting, channels),
        kinds=_kinds([by_kind[name] for name in KINDS], list(layouts.values()), runs),
        features=np.array(
            [
                (column, *place)
                for name, layout in layouts.items()
                for (column, _), place in zip(by_kind[name], layout.places, strict=True)
            ],
            dtype=FEATURE,
        ),
        numbers=np.array([n for layout in layouts.values() for n in layout.numbers], np.float64),
        groups=groups,
        longest=max(
            (f.parameter or LONGEST for f in plan.features if _source(f) == "colleagues"),
            default=0,
        ),
    )
    read = {_source(feature) for feature in plan.features}
    return Program(
        type_place={name: place for place, name in enumerate(plan.known_types)},
        channel_place=channels,
        tracked_place={name: place for place, name in enumerate(plan.tracked)},
        n_features=len(plan.features),
        reads_changes="changes" in read,
        in_full=not all(KINDS[f.kind].slim for f in plan.features),
        of_colleagues=np.array(
            [i for i, f in enumerate(plan.features) if _source(f) == "colleagues"], dtype=np.int64
        ),
        without_colleagues=np.array(
            [f.says.empty for f in plan.features if _source(f) == "colleagues"], dtype=np.float32
        ),
        tables=tables,
    )


def _source(feature: Feature) -> str:
    return KINDS[feature.kind].source


def _setting(plan: Plan) -> tuple[Setting, Groups]:
    touches = set(plan.touches)
    n = len(plan.event_types)
    slot = (*range(n), *(n + (name in touches) for name in plan.other_types))
    ours = {place for place, name in enumerate(plan.event_types) if name in touches} | {n + 1}
    members_of = {
        OTHER: [n, n + 1],
        ANY: list(range(n + 2)),
        BY_LEAD: [place for place in range(n + 2) if place not in ours],
        BY_US: sorted(ours),
    }
    used = {f.of for f in plan.features}
    if any(KINDS[f.kind].beside_all for f in plan.features):
        used.add(ANY)
    summed = [name for name in members_of if name in used]
    # The slots of rare types are no group by themselves: their names are nobody's.
    names = [*plan.event_types, "*rare acts", "*rare touches", *summed]
    windows = {length for f in plan.features for length in KINDS[f.kind].windows(f)}
    members = [members_of[name] for name in summed]
    groups = Groups(
        n_slots=n + 2,
        start=np.cumsum([0, *map(len, members)]).astype(np.int64),
        members=np.array([slot for m in members for slot in m], dtype=np.int64),
    )
    setting = Setting(
        plan=plan,
        windows=(*sorted(windows), FOREVER),
        group={name: number for number, name in enumerate(names)},
        n_slots=n + 2,
        slot=slot,
    )
    return setting, groups


def _types(plan: Plan, setting: Setting, channels: dict[str, int]) -> np.ndarray[Any, Any]:
    touches, of_type = set(plan.touches), plan.channel_of_type
    rows = [
        (
            slot,
            channels.get(of_type[name], len(channels)) if name in of_type else -1,
            name in touches,
        )
        for name, slot in zip(plan.known_types, setting.slot, strict=True)
    ]
    return np.array(rows, dtype=TYPE)


def _kinds(
    features: list[list[tuple[int, Feature]]], layouts: list[Layout], runs: set[str]
) -> np.ndarray[Any, Any]:
    rows, first, number = [], 0, 0
    for name, mine, layout in zip(KINDS, features, layouts, strict=True):
        end, number_end = first + len(mine), number + len(layout.numbers)
        rows.append((name in runs, first, end, number, number_end, layout.cells, layout.initial))
        first, number = end, number_end
    return np.array(rows, dtype=KIND)
