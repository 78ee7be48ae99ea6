"""The channels of the lead's acts: how many, how mixed, how often it switched, the first, the last.

``distinct`` and ``entropy`` take all channels that training saw too rarely for one. The entropy is
Shannon's (1948), in bits. ``first`` and ``last`` are codes. Acts without a channel do not count."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature

_CHOICES = ("distinct", "entropy", "switches", "first", "last")
_OF_DISTINCT, _OF_ENTROPY, _OF_SWITCHES, _OF_FIRST, _OF_LAST = range(5)
_FIRST, _LAST, _SWITCHES, _COUNTS = range(4)


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    places = [(_CHOICES.index(f.choice), 0) for f in features]
    return Layout(cells=_COUNTS + len(setting.plan.channels) + 1, places=places)


def update(memory: Any, numbers: Any, event: Any) -> None:
    if event.channel < 0:
        return
    code, last = event.channel + 1.0, memory[_LAST]
    if last == 0.0:
        memory[_FIRST] = code
    memory[_SWITCHES] += 1.0 if last != code and last != 0.0 else 0.0
    memory[_LAST] = code
    memory[_COUNTS + event.channel] += 1.0


def finish(memory: Any, numbers: Any, lead_age: float, choice: int, _: int) -> float:
    if choice == _OF_SWITCHES:
        return memory[_SWITCHES]
    if choice in (_OF_FIRST, _OF_LAST):
        code = memory[_FIRST if choice == _OF_FIRST else _LAST]
        return code if code > 0.0 else math.nan
    distinct, total, logs = 0.0, 0.0, 0.0
    for cell in range(_COUNTS, len(memory)):
        n = memory[cell]
        if n > 0.0:
            distinct += 1.0
            total += n
            logs += n * math.log2(n)
    if choice == _OF_DISTINCT:
        return distinct
    return max(math.log2(total) - logs / total, 0.0) if total > 0.0 else math.nan


def reference(seen: Seen, feature: Feature) -> float:
    plan = seen.plan
    known = {name: place for place, name in enumerate(plan.channels, 1)}
    named = [event.channel or plan.channel_of_type.get(event.type) for event in seen.acts]
    codes = [known.get(name, len(known) + 1) for name in named if name]
    if feature.choice == "distinct":
        return float(len(set(codes)))
    if feature.choice == "switches":
        return float(sum(one != other for one, other in pairwise(codes)))
    if not codes:
        return math.nan
    if feature.choice == "entropy":
        shares = [n / len(codes) for n in Counter(codes).values()]
        return max(-sum(share * math.log2(share) for share in shares), 0.0)
    return float(codes[0] if feature.choice == "first" else codes[-1])


KIND = Kind(
    name="channel",
    per="lead",
    choices={
        "distinct": Choice("channels", 0.0),
        "entropy": Choice("bits", math.nan),
        "switches": Choice("switches", 0.0),
        "first": Choice("channel", math.nan),
        "last": Choice("channel", math.nan),
    },
    lay_out=lay_out,
    update=update,
    finish=finish,
    reference=reference,
    source="acts",
)
