"""The journey: how far a lead has come, and what may be inferred of its mind."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.journey import Journey
from models.playbook import Playbook
from models.playbook.stages import PSYCHOLOGICAL
from tests.models.diaries import NOW, Event, view_of

TEXT = """schema = 1
[events]
ad = { step = "attention" }
visit = { step = "search" }
demo = { step = "action" }
bought = { outcome = "won", step = "action" }
told = { step = "share" }
referred = {}
call = { by = "us" }
[journey]
steps = [{ name = "attention" }, { name = "search" }, { name = "action" }, { name = "share" }]
[psychological_stages]
loyal = ["referred"]
steps = { attention = "awareness", search = "familiarity", action = "purchase", share = "loyalty" }
"""


def told(*types: str) -> tuple[str | None, str | None, str | None]:
    """Step, psychological stage, and the event that tells it, after one event a day."""
    events = [Event(kind, len(types) - place) for place, kind in enumerate(types)]
    reached = Journey(Playbook.parse(TEXT)).reached(view_of(events))
    sign = reached.records(slice(1))[0]["psychological_by"]
    return reached.step_names()[0], reached.psychological_stages()[0], sign and sign["event"]


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ((), (None, None, None)),
        (("call",), (None, None, None)),
        (("ad",), ("attention", "awareness", "ad")),
        (("visit", "ad"), ("search", "familiarity", "visit")),
        # No purchase without a transaction, and no loyalty either.
        (("visit", "demo"), ("action", "consideration", "demo")),
        (("told",), ("share", "consideration", "told")),
        (("ad", "bought"), ("action", "purchase", "bought")),
        (("bought",), ("action", "purchase", "bought")),
        (("bought", "visit"), ("action", "purchase", "bought")),
        (("bought", "bought"), ("action", "loyalty", "bought")),
        (("bought", "referred"), ("action", "loyalty", "referred")),
        (("referred", "bought"), ("action", "purchase", "bought")),
        (("bought", "told"), ("share", "purchase", "bought")),
    ],
)
def test_steps_and_psychological_stages(
    types: tuple[str, ...], expected: tuple[str | None, str | None, str | None]
) -> None:
    assert told(*types) == expected


@given(types=st.lists(st.sampled_from(["ad", "visit", "demo", "bought", "told", "referred"])))
@settings(max_examples=80, deadline=None)
def test_nobody_falls_back_and_purchase_needs_a_transaction(types: list[str]) -> None:
    minds = [told(*types[:n])[1] for n in range(len(types) + 1)]
    places = [PSYCHOLOGICAL.index(mind) if mind else -1 for mind in minds]  # type: ignore[arg-type]
    assert places == sorted(places)
    for n, mind in enumerate(minds):
        if mind in ("purchase", "loyalty"):
            assert "bought" in types[:n]
        if mind == "loyalty":
            after = types[types.index("bought") + 1 : n]
            assert {"bought", "referred"} & set(after)


def test_later_events_are_not_seen_and_it_is_said_to_be_inferred() -> None:
    playbook = Playbook.parse(TEXT)
    view = view_of([Event("ad", 9), Event("visit", -1)])
    reached = Journey(playbook).reached(view)
    assert reached.records(slice(1))[0] == {
        "step_by": {"event": "ad", "at": "1972-09-18T00:00:00Z"},
        "psychological_by": {"event": "ad", "at": "1972-09-18T00:00:00Z"},
        "inferred": True,
    }
    assert view.cutoff[0] == NOW


def test_the_default_maps_every_step() -> None:
    said = Playbook.load().said
    assert set(said.psychological_stages.steps) == {step.name for step in said.journey.steps}
    assert set(said.psychological_stages.steps.values()) == set(PSYCHOLOGICAL)
