"""Families of features: every kind is in one, and the default playbook's lines are theirs."""

from __future__ import annotations

from collections import Counter

from features.kinds import KINDS
from models.families import BASE, FAMILIES, family_of, kinds_of, lines_of
from models.playbook import Playbook
from models.playbook.schema import CATALOGUE


def test_every_kind_is_in_exactly_one_family() -> None:
    times = Counter(kind for lines in FAMILIES.values() for kind in kinds_of(lines))
    assert times == dict.fromkeys(KINDS, 1)
    assert BASE in FAMILIES


def test_a_line_belongs_to_the_family_of_its_kind_whatever_its_window() -> None:
    for name, lines in FAMILIES.items():
        assert all(family_of(line) == name for line in lines)
    assert family_of("value sum 3d") == "value"


def test_the_default_playbook_says_what_a_playbook_without_a_catalogue_gets() -> None:
    assert set(Playbook.load().catalogue) == set(CATALOGUE)
    assert set(CATALOGUE) <= set(lines_of(FAMILIES))
