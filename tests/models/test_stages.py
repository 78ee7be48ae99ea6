"""Stages: what moves leads, what does not, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.instants import DAY, MISSING
from models.playbook import Playbook
from models.qualification import Qualification, Qualified
from models.stages import Standing, StandingOut
from tests.models.diaries import NOW, Event, view_of

STAGES = """
[stages]
moves = "moved"
found = "found"
back = "rejected"
[stages.enter]
MQL = { event = "judged", points = 25 }
TQL.before_call = { event = "approved", points = 50 }
TQL.after_call = { event = "appointment", channel = "phone" }
SAL = { event = "received" }
SQL = { event = "accepted" }
"""
VISITS = """
[[points.rules]]
name = "visit"
event = "visit"
points = 25
half_life = "10d"
[[points.rules]]
name = "silence"
silent_for = "7d"
points = -40
"""


def qualified(
    events: Sequence[Event], text: str = VISITS + STAGES, cutoff: int = NOW, leads: int = 1
) -> Qualified:
    playbook = Playbook.parse(f"schema = 1\n{text}")
    view = view_of(events, created=[NOW - 200 * DAY] * leads, cutoff=cutoff)
    return Qualification(playbook).of(view)


def record(standing: Standing, row: int) -> StandingOut:
    return standing.records(slice(row, row + 1), [[]])[0]


def said(events: Sequence[Event], text: str = VISITS + STAGES) -> tuple[str | None, StandingOut]:
    found = qualified(events, text)
    assert found.standing is not None
    return found.standing.names()[0], record(found.standing, 0)


def test_a_lead_to_whom_nothing_happened_is_a_lead() -> None:
    stage, out = said([])
    assert stage == "lead"
    assert out == {
        "origin": None, "cycle": 1, "entered": [], "sent_back": None, "evidence": [],
    }  # fmt: skip


def test_each_stage_says_since_when_and_what_moved_it() -> None:
    stage, out = said([Event("judged", 9), Event("approved", 5), Event("accepted", 2)])
    assert stage == "SQL"
    moves = [(move["stage"], move["event"], move["by_points"]) for move in out["entered"]]
    assert moves == [
        ("MQL", "judged", False),
        ("TQL", "approved", False),
        ("SQL", "accepted", False),
    ]
    assert out["origin"] == "SAL"
    found = qualified([Event("judged", 9)])
    assert found.standing is not None
    assert found.standing.since()[0] == NOW - 9 * DAY


@pytest.mark.parametrize(
    ("events", "origin"),
    [
        ([Event("judged", 9), Event("accepted", 2)], "SAL"),
        ([Event("visit", 9), Event("accepted", 2)], "SAL"),  # an MQL by its points
        ([Event("accepted", 2)], "SGL"),
        ([Event("found", 9), Event("judged", 5), Event("accepted", 2)], "SGL"),
        ([Event("found", 9)], "SGL"),
        ([Event("judged", 9), Event("found", 5), Event("accepted", 2)], "SAL"),
        ([Event("judged", 9)], None),
        ([Event("moved", 9, content="MQL"), Event("moved", 2, content="SQL")], "SAL"),
        ([Event("moved", 2, content="SQL")], "SGL"),
        ([Event("received", 9), Event("accepted", 2)], "SGL"),
    ],
)
def test_an_sql_is_sal_by_origin_when_it_was_an_mql_and_sgl_when_sales_found_it(
    events: list[Event], origin: str | None
) -> None:
    assert said(events)[1]["origin"] == origin


def test_sal_as_a_stage_stands_before_sql() -> None:
    text = STAGES.replace("[stages]", '[stages]\nsal = "stage"')
    assert said([Event("judged", 9), Event("received", 5)], text)[0] == "SAL"
    assert said([Event("judged", 9), Event("received", 5)])[0] == "MQL"
    stage, out = said([Event("received", 5), Event("accepted", 4)], text)
    assert (stage, out["origin"]) == ("SQL", "SAL")


def test_tql_before_and_after_the_call() -> None:
    after = VISITS + STAGES.replace("[stages]", '[stages]\ntql = "after_call"')
    approved, appointment = [Event("approved", 3)], [Event("appointment", 3, "phone")]
    points = [Event("visit", 0.1), Event("visit", 0), Event("visit", 0)]
    assert [said(e)[0] for e in (approved, appointment, points)] == ["TQL", "lead", "TQL"]
    assert [said(e, after)[0] for e in (approved, appointment, points)] == ["lead", "TQL", "MQL"]
    assert said([Event("appointment", 3, "mail")], after)[0] == "lead"


def test_points_move_at_the_act_that_reaches_the_line_and_their_fading_moves_nothing() -> None:
    events = [Event("visit", 60), Event("visit", 20)]
    stage, out = said(events)
    assert stage == "MQL"
    assert [(m["stage"], m["by_points"]) for m in out["entered"]] == [("MQL", True)]
    assert qualified(events).points.total[0] < 0  # long below the line, and silent
    two_at_once = [Event("visit", 60), Event("visit", 60)]
    assert said(two_at_once)[0] == "TQL"


def test_sales_never_accepts_by_points() -> None:
    assert said([Event("visit", 0)] * 9)[0] == "TQL"


def test_a_rejection_begins_a_new_cycle_and_says_why() -> None:
    events = [Event("judged", 9), Event("accepted", 8), Event("rejected", 5, content="no budget")]
    stage, out = said(events)
    assert (stage, out["cycle"], out["entered"], out["origin"]) == ("lead", 2, [], None)
    assert out["sent_back"] is not None
    assert out["sent_back"]["content"] == "no budget"
    again, out = said([*events, Event("judged", 1)])
    assert (again, out["cycle"]) == ("MQL", 2)


def test_points_it_had_all_along_bring_no_rejected_lead_back() -> None:
    text = VISITS.replace('half_life = "10d"', "") + STAGES
    rejected = [Event("visit", 9), Event("rejected", 5)]
    assert (
        said([*rejected, Event("visit", 1)], text)[0] == "TQL"
    )  # 50 points: a line not reached before
    lower = text.replace("points = 50", "points = 25")
    assert said([*rejected, Event("visit", 1)], lower)[0] == "lead"
    # Points that fell below the line in between reach it anew.
    fading = VISITS + STAGES
    assert said([*rejected, Event("visit", 1)], fading)[0] == "MQL"


def test_a_manual_move_goes_up_and_down_and_an_unknown_one_nowhere() -> None:
    up = [Event("moved", 9, content="TQL")]
    assert said(up)[0] == "TQL"
    down = [Event("judged", 12), *up, Event("moved", 5, content="MQL")]
    stage, out = said(down)
    assert stage == "MQL"
    assert [(m["stage"], m["event"]) for m in out["entered"]] == [("MQL", "moved")]
    assert said([*up, Event("moved", 5, content="won")])[0] == "TQL"
    assert said([*up, Event("moved", 5, content="lead")])[0] == "lead"
    assert said([*up, Event("moved", 5, content="SAL")])[0] == "TQL"  # no stage here


def test_rules_for_silence_are_not_for_leads_that_sales_found() -> None:
    silent = [Event("visit", 30)]
    assert qualified(silent).points.total[0] == -37
    assert qualified([Event("found", 40), *silent]).points.total[0] == 3
    # Back in nurturing, they are.
    assert qualified([Event("found", 40), *silent, Event("rejected", 20)]).points.total[0] == -37


def test_a_playbook_without_stages_has_none() -> None:
    found = qualified([Event("accepted", 1)], "")
    assert found.standing is None
    assert found.columns(slice(None), "en")["stage"] == [None]


KINDS = ["visit", "judged", "approved", "received", "accepted", "rejected", "found", "moved"]
HAPPENED = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.integers(0, 40),
        st.sampled_from([None, "lead", "MQL", "TQL", "SQL"]),
        st.integers(0, 2),
        st.integers(0, 10),
    ),
    max_size=12,
)


def events_of(happened: Sequence[tuple[str, int, str | None, int, int]]) -> list[Event]:
    return [
        Event(kind, days, content=content, lead=lead, recorded_days_ago=max(days - late, 0))
        for kind, days, content, lead, late in happened
    ]


@given(happened=HAPPENED, cutoff=st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_what_is_recorded_later_changes_no_stage(
    happened: list[tuple[str, int, str | None, int, int]], cutoff: int
) -> None:
    events = events_of(happened)
    at = NOW - cutoff * DAY
    known = [e for e in events if e.recorded_days_ago is not None and e.recorded_days_ago >= cutoff]
    one, other = (qualified(e, cutoff=at, leads=3).standing for e in (events, known))
    assert one is not None
    assert other is not None
    for lead in range(3):
        assert record(one, lead) == record(other, lead)
        assert one.names()[lead] == other.names()[lead]


@given(happened=HAPPENED)
@settings(max_examples=60, deadline=None)
def test_stages_fall_only_by_events_and_each_lead_s_are_its_own(
    happened: list[tuple[str, int, str | None, int, int]],
) -> None:
    events = [
        Event(kind, days, content=content, lead=lead) for kind, days, content, lead, _ in happened
    ]
    together = qualified(events, leads=3).standing
    later = qualified(events, cutoff=NOW + 300 * DAY, leads=3).standing
    assert together is not None
    assert later is not None
    assert together.stage.tolist() == later.stage.tolist()
    for lead in range(3):
        alone = qualified([e._replace(lead=0) for e in events if e.lead == lead]).standing
        assert alone is not None
        assert record(alone, 0) == record(together, lead)
        falls = [e for e in events if e.lead == lead and e.type in ("rejected", "moved")]
        if not falls:
            ways = {"judged": 1, "approved": 2, "accepted": 4}
            reached = [ways.get(e.type, 0) for e in events if e.lead == lead]
            assert together.stage[lead] >= max(reached, default=0)


def test_moments_of_a_view_see_the_same_moves_as_alone() -> None:
    playbook = Playbook.parse(f"schema = 1\n{VISITS}{STAGES}")
    qualification = Qualification(playbook)
    view = view_of([Event("visit", 9), Event("judged", 5), Event("rejected", 2)], created=[0])
    whole = qualification.stages.moves(view)
    for days in range(12):
        then = view_of(
            [Event("visit", 9), Event("judged", 5), Event("rejected", 2)],
            created=[0],
            cutoff=NOW - days * DAY,
        )
        one, other = (qualification.stages.standing(then, moves) for moves in (whole, None))
        assert record(one, 0) == record(other, 0)
    assert np.all(view.lead == 0)
    assert qualification.stages.standing(view).since()[0] != MISSING
