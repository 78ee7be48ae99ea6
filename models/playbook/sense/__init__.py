"""Playbooks that can be read and make no sense: what is odd about them without looking at data."""

from __future__ import annotations

from collections.abc import Iterator

from models.playbook.finding import Finding
from models.playbook.schema import Schema
from models.playbook.sense.actions import of_actions
from models.playbook.sense.bands import of_bands
from models.playbook.sense.conditions import of_conditions
from models.playbook.sense.stages import of_stages

__all__ = ["odd"]


def odd(schema: Schema) -> Iterator[Finding]:
    """What is odd about a playbook, by what it says alone."""
    yield from of_bands(schema)
    yield from of_conditions(schema)
    yield from of_stages(schema)
    yield from of_actions(schema)
