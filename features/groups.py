"""Groups of event types: each type of the vocabulary, and those that stand for several."""

from __future__ import annotations

from collections.abc import Sequence

ANY, BY_LEAD, BY_US, OTHER = "*any", "*by_lead", "*by_us", "*other"
"""Groups of event types: all of them, acts of the lead, touches by us, the rare ones together."""


def groups(
    event_types: Sequence[str], other_types: Sequence[str], touches: Sequence[str]
) -> list[str]:
    """The groups that have features: each type, and all, ours and the lead's where they differ."""
    listed = list(event_types)
    if other_types:
        listed.append(OTHER)
    if listed:
        listed.append(ANY)
    known = {*event_types, *other_types}
    if known & set(touches) and known - set(touches):
        listed += [BY_LEAD, BY_US]
    return listed
