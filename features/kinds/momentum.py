"""Whether a group of events quickens: the latest days against the mean of as many days before.

``week``: (events of the last 7 days + 1) / (mean week of the 28 days before + 1); ``month``: 30 days
against the mean 30 of the 90 before. The ones keep it finite and near 1 where little happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from features.instants import DAY
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature

_SPANS = {"week": (7 * DAY, 28 * DAY), "month": (30 * DAY, 90 * DAY)}


def windows(feature: Feature) -> Sequence[int]:
    recent, before = _SPANS[feature.choice]
    return recent, recent + before


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    """Places: the cell of the latest days; that of both spans, times two, and which span it is."""

    def cell(feature: Feature, length: int) -> int:
        return setting.group[feature.of or ""] * len(setting.windows) + setting.window(length)

    ends = [[cell(f, length) for length in windows(f)] for f in features]
    return Layout(
        cells=len(setting.group) * len(setting.windows),
        places=[
            (recent, 2 * both + list(_SPANS).index(f.choice))
            for f, (recent, both) in zip(features, ends, strict=True)
        ],
        numbers=[recent / before for recent, before in _SPANS.values()],
    )


def finish(memory: Any, share: Any, lead_age: float, recent: int, both: int) -> float:
    before = memory[both >> 1] - memory[recent]
    return (memory[recent] + 1.0) / (before * share[both & 1] + 1.0)


def reference(seen: Seen, feature: Feature) -> float:
    recent, before = _SPANS[feature.choice]
    ages = [event.age for event in seen.of(feature.of)]
    latest = sum(age < recent for age in ages)
    earlier = sum(recent <= age < recent + before for age in ages)
    return (latest + 1) / (earlier * recent / before + 1)


KIND = Kind(
    name="momentum",
    per="group",
    choices={
        "week": Choice("ratio", 1.0),
        "month": Choice("ratio", 1.0),
    },
    lay_out=lay_out,
    finish=finish,
    reference=reference,
    slim=True,
    windows=windows,
    shares="count",
)
