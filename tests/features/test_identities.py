"""One person, several ids: applied before anything else, every row accounted for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.form import Form, latest_plausible
from features.identities import NOBODY, Identities, as_one, cyclic, resolved
from features.instants import MISSING, iso, now
from features.log import Leads
from features.people import people
from features.tables import Intake, take_in
from tests.features.histories import CHECKED

FORM = Form({}, {"signed": "signed_on"}, None, frozenset(), latest_plausible(now()))
LEADS = (
    "lead_id,created_at,industry,phone,signed_on\n"
    "a,2026-01-03T00:00Z,,03-1,2026-02-01T00:00Z\n"
    "b,2026-01-01T00:00Z,tools,,\n"
    "c,2026-01-05T00:00Z,cars,03-3,2026-03-01T00:00Z\n"
    "d,2026-01-06T00:00Z,ships,,\n"
)
EVENTS = "lead_id,event_type,occurred_at\n" + "".join(
    f"{lead},visit,2026-02-0{day}T00:00Z\n" for day, lead in enumerate("abcdz", 1)
)
CHANGES = (
    "lead_id,attribute,old_value,new_value,changed_at\na,industry,x,y,2026-01-09T00:00Z\n"
    "c,industry,v,cars,2026-01-10T00:00Z\n"
)


def taken(folder: Path, identities: str | None) -> Intake:
    files = {"leads": LEADS, "events": EVENTS, "changes": CHANGES, "identities": identities or ""}
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    given = folder / "identities.csv" if identities else None
    return take_in(
        *(folder / f"{name}.csv" for name in ("leads", "events", "changes")), FORM, given
    )


def test_a_chain_ends_in_one_lead_with_all_that_happened_to_each(tmp_path: Path) -> None:
    intake = taken(
        tmp_path, "lead_id,merged_into,merged_at,kind\na,b,2026-01-09,merge\nb,z,,conversion\n"
    )
    assert intake.leads.lead_id.to_pylist() == ["z", "c", "d"]
    assert iso(int(intake.leads.created_at[0])) == "2026-01-01T00:00:00Z"  # the earliest
    first = intake.leads.attributes.slice(0, 1).to_pylist()[0]
    assert (first["industry"], first["phone"]) == ("tools", "03-1")
    # Visits of a, b and z, and a's date column.
    assert np.diff(intake.log.offsets).tolist() == [4, 2, 1]
    assert intake.changes is not None
    assert intake.changes.lead.tolist() == [0, 1]
    assert intake.table.rows_in == len(intake.leads) + intake.duplicates + len(intake.refused)
    assert intake.counts["rows of a lead in the list under another id"] == 1
    assert intake.counts["events of unknown leads"] == 0


def test_without_identities_ids_are_whose_they_are(tmp_path: Path) -> None:
    intake = taken(tmp_path, None)
    assert intake.leads.lead_id.to_pylist() == list("abcd")
    assert intake.counts["events of unknown leads"] == 1


@pytest.mark.parametrize(
    ("rows", "refused", "ids"),
    [
        ("a,b,merge\nb,a,merge\n", [2, 3], list("abcd")),
        ("a,a,merge\n", [2], list("abcd")),
        ("a,b,merge\nb,c,merge\nc,b,merge\n", [3, 4], list("bcd")),
        ("a,b,merge\na,c,merge\n", [3], list("bcd")),
        ("a,b,merge\na,b,conversion\n", [], list("bcd")),
        ("a,,merge\n,b,merge\na,b,friend\n", [2, 3, 4], list("abcd")),
    ],
)
def test_cycles_and_contradictions_are_refused_by_their_rows(
    tmp_path: Path, rows: str, refused: list[int], ids: list[str]
) -> None:
    intake = taken(tmp_path, f"lead_id,merged_into,kind\n{rows}")
    assert sorted(row.line for row in intake.refused) == refused
    assert {row.lost for row in intake.refused} <= {"identity"}
    assert sorted(intake.leads.lead_id.to_pylist()) == ids


names = st.sampled_from("abcdefgh")


@CHECKED
@given(st.dictionaries(names, names, max_size=8))
def test_what_is_left_without_cycles_ends(into: dict[str, str]) -> None:
    cycles = cyclic(into)
    for name in cycles:
        at = into[name]
        while at != name:
            assert at in cycles
            at = into[at]
    left = {old: new for old, new in into.items() if old not in cycles}
    last = resolved(left)
    assert set(last) == set(left)
    assert not set(last.values()) & set(left)


@CHECKED
@given(st.lists(st.tuples(names, st.integers(0, 5)), max_size=8, unique_by=lambda row: row[0]))
def test_nobody_is_made_one_with_anybody_unasked(rows: list[tuple[str, int]]) -> None:
    created = np.array([at or MISSING for _, at in rows], dtype=np.int64)
    table = pa.table({"x": pa.array([name for name, _ in rows], pa.string())})
    leads = Leads(pa.array([name for name, _ in rows], pa.string()), created, table)
    one, kept = as_one(leads, NOBODY, np.arange(len(rows)))
    assert one.lead_id.equals(leads.lead_id)
    assert one.created_at.tolist() == created.tolist()
    assert kept.tolist() == list(range(len(rows)))
    everyone = Identities(dict.fromkeys("abcdefgh", "z"))
    assert len(as_one(leads, everyone, np.arange(len(rows)))[0]) == min(len(rows), 1)


def test_people_share_an_address_or_a_number_directly_or_through_others() -> None:
    columns = {
        "E-mail": ["a@example.com", "B@example.com ", None, "x", "x", "Do <b@EXAMPLE.com>"],
        "電話番号": ["03-1234-5678", "", "０３(1234)5678", "0000000000", "0000000000", None],
        "Email Opt In": ["yes"] * 6,
    }
    n = 6
    leads = Leads(pa.array(list("uvwxyz")), np.full(n, MISSING), pa.table(columns))
    person = people(leads)
    assert person[0] == person[2]
    assert person[1] == person[5]
    assert len(set(person.tolist())) == 4
    # A switchboard's number tells nobody.
    many = Leads(
        pa.array([str(k) for k in range(30)]),
        np.full(30, MISSING),
        pa.table({"phone": ["03-1234-5678"] * 30}),
    )
    assert len(set(people(many).tolist())) == 30
