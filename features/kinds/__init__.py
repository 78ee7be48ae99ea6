"""The kinds of behavioural feature: what each means, when it is empty, and a plain reference of it."""

from __future__ import annotations

from features.kinds import age, count, decay, recency
from features.kinds.kind import Kind, Seen

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (age.KIND, count.KIND, decay.KIND, recency.KIND)
}
"""Every kind by its name; a kind's place here is its code in the kernel."""

__all__ = ["KINDS", "Kind", "Seen"]
