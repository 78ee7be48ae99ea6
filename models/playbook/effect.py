"""When what a playbook says takes effect: at once, at the next training, or by parts at both."""

from __future__ import annotations

from typing import Literal

Effect = Literal["at once", "next training", "both"]
"""``both``: points, stages and rules follow at once, the model at its next training."""

_TRAINING: Effect = "next training"
_BOTH: Effect = "both"
_AT_ONCE: Effect = "at once"

_OF_KEY: dict[str, dict[str, Effect]] = {
    "attributes": {"time": _TRAINING, "type": _TRAINING, "monotone": _TRAINING, "role": _BOTH},
    "events": {
        "by": _BOTH,
        "channel": _BOTH,
        "step": _BOTH,
        "outcome": _BOTH,
        "flow": _TRAINING,
        "answers": _TRAINING,
    },
    "tasks": {
        "cutoffs": _TRAINING,
        "exclude_events": _TRAINING,
        "exclude_columns": _TRAINING,
        "features": _TRAINING,
        "label": _BOTH,
        "closes": _BOTH,
        "reopens": _BOTH,
        "after": _BOTH,
        "dormant": _BOTH,
        "horizon": _BOTH,
        "until": _BOTH,
    },
}
"""Keys of the entries of a section; keys that are not here take effect at once."""

_OF_SECTION: dict[str, Effect] = {
    "timezone": _BOTH,
    "columns": _BOTH,
    "features": _TRAINING,
}

SHAPING = (*_OF_SECTION, *_OF_KEY, "journey")
"""The sections that shape features or labels, wholly or in part."""


def effect(path: tuple[str | int, ...]) -> Effect:
    """When a change at a key takes effect.

    Examples
    --------
    >>> effect(("points", "rules", "demo request", "points"))
    'at once'
    >>> effect(("features", "catalogue")), effect(("events", "visit", "by"))
    ('next training', 'both')
    """
    section = str(path[0])
    if section == "journey":
        return _BOTH if len(path) > 1 and path[1] == "steps" and "label" not in path else _AT_ONCE
    if section in _OF_KEY:
        # An entry that comes or goes brings all its keys.
        return _OF_KEY[section].get(str(path[2]), _AT_ONCE) if len(path) > 2 else _BOTH
    return _OF_SECTION.get(section, _AT_ONCE)
