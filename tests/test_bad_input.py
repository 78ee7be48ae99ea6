"""Bad input gets a clear error or a counted refusal, and everything else gets its answer."""

from __future__ import annotations

import errno
import os
import random
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.playbook import Playbook
from models.settings import Settings
from serving.batch import Job, score_file

AS_OF = "2025-03-01T00:00:00Z"
ZONED = "2025-01-10T09:00:00+09:00"
LEADS = [
    {"lead_id": name, "created_at": ZONED, "industry": "機械", "employees": "30"} for name in "abc"
]
EVENTS = [
    {"lead_id": name, "event_type": "demo_request", "occurred_at": "2025-02-01T10:00:00Z"}
    for name in "abc"
]


def changed(rows: list[dict[str, str]], row: int, **cells: str) -> list[dict[str, str]]:
    """The rows with other cells in one of them."""
    return [{**was, **cells} if place == row else was for place, was in enumerate(rows)]


def without(rows: list[dict[str, str]], column: str) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if k != column} for row in rows]


def left_behind(folder: Path) -> list[str]:
    """What a command left in a folder beside its input."""
    inputs = ("leads.csv", "events.csv", "home")
    return sorted(p.name for p in folder.iterdir() if p.name not in inputs)


@pytest.fixture
def score(run: Any, write_csv: Any, tmp_path: Path) -> Callable[..., Any]:
    """Scores a list with its events by rules; by the world's model with ``home``."""

    def score(
        leads: list[dict[str, str]] = LEADS,
        events: list[dict[str, str]] | None = EVENTS,
        *more: object,
        out: str = "out.csv",
        **options: Any,
    ) -> Any:
        words: list[object] = ["score", "--leads", write_csv("leads.csv", leads)]
        if events is not None:
            words += ["--events", write_csv("events.csv", events)]
        return run(*words, "--out", tmp_path / out, "--as-of", AS_OF, *more, **options)

    return score


@pytest.fixture(params=["score", "train", "build"])
def reads(request: pytest.FixtureRequest, run: Any, write_csv: Any, tmp_path: Path) -> Any:
    """A verb that reads leads and events, all of which read them alike."""

    def reads(
        leads: list[dict[str, str]] = LEADS, events: list[dict[str, str]] = EVENTS, *more: object
    ) -> Any:
        verb = request.param
        out = ("--out", tmp_path / "out.csv") if verb != "train" else ()
        files = ("--leads", write_csv("leads.csv", leads))
        return run(verb, *files, "--events", write_csv("events.csv", events), *out, *more)

    return reads


@pytest.fixture
def logged_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training does not log to MLflow, which takes seconds and is not what these tests are about."""
    from training.tracking import Logged

    monkeypatch.setattr(
        "training.command.log_run", lambda *_, **__: Logged(None, None, None, False)
    )


def assert_refused_whole(ran: Any, folder: Path, *said: str) -> None:
    """The command failed with a message, and nothing was written."""
    assert (ran.code, ran.out) == (1, "")
    message = ran.err[ran.err.index("Error: ") :]
    for text in said:
        assert text in message, message
    assert "Traceback" not in ran.err
    assert left_behind(folder) == []


# Missing column


@pytest.mark.parametrize("column", ["lead_id", "event_type", "occurred_at"])
def test_a_missing_column_is_named(reads: Any, tmp_path: Path, column: str) -> None:
    if column == "lead_id":
        ran, file = reads(without(LEADS, column)), "leads.csv"
    else:
        ran, file = reads(LEADS, without(EVENTS, column)), "events.csv"
    expected = f"{tmp_path / file}, line 1: expected column {column!r}"
    came = "created_at, industry, employees" if file == "leads.csv" else "lead_id, "
    assert_refused_whole(ran, tmp_path, expected, came, f'--columns {column}="..."')


def test_a_missing_column_of_an_option_is_named(run: Any, write_csv: Any, tmp_path: Path) -> None:
    leads = write_csv("leads.csv", without(LEADS, "lead_id"))
    ran = run("score", "--leads", leads, "--out", tmp_path / "out.csv", "--id", "Prospect ID")
    assert_refused_whole(ran, tmp_path, "'Prospect ID' (for lead_id)", "created_at, industry")


def test_a_missing_field_of_a_request_is_named(by_rules: TestClient) -> None:
    body = {"lead": {}, "events": [{"event_type": "demo_request"}]}
    answer = by_rules.post("/v1/score", json=body)
    assert answer.status_code == 422
    places = [error["location"] for error in answer.json()["errors"]]
    assert places == ["body.lead.lead_id", "body.events[0].occurred_at"]


# Duplicate lead id


def test_a_lead_id_with_other_values_is_refused_and_the_first_answered(
    score: Any, tmp_path: Path, read_csv: Any
) -> None:
    again = {**LEADS[0], "employees": "31"}
    ran = score([*LEADS, again, LEADS[1]], EVENTS, "--json")
    assert ran.code == 3
    said = ran.said
    assert (said["rows_in"], said["answered"], said["duplicates"]) == (5, 3, 1)
    assert said["refused_leads"] == 1
    assert [row["lead_id"] for row in read_csv(tmp_path / "out.csv")] == ["a", "b", "c"]
    (refused,) = read_csv(tmp_path / "out.csv.refused.csv")
    assert refused["tegakari_refused_line"] == "5"
    assert refused["tegakari_refused_column"] == "lead_id"
    assert refused["tegakari_refused_value"] == "a"
    assert "came before" in refused["tegakari_refused_reason"]
    assert f"{tmp_path / 'leads.csv'}, line 5, column 'lead_id'" in ran.err


# Event of an unknown lead


def test_an_event_of_an_unknown_lead_is_counted(score: Any) -> None:
    ran = score(LEADS, [*EVENTS, {**EVENTS[0], "lead_id": "nobody"}], "--json")
    assert ran.code == 0
    assert ran.said["counts"]["events of unknown leads"] == 1
    assert ran.said["counts"]["events taken"] == 3
    assert "events of unknown leads: 1" in score(LEADS, changed(EVENTS, 1, lead_id="nobody")).out


# Time without zone where none is declared


@pytest.mark.parametrize("column", ["created_at", "occurred_at"])
@pytest.mark.parametrize("time", ["2025-01-11 09:00", "2025-01-11T09:00:00", "2025/1/11"])
def test_a_time_without_zone_is_refused_until_one_is_declared(
    reads: Any, score: Any, tmp_path: Path, column: str, time: str
) -> None:
    leads = changed(LEADS, 1, created_at=time) if column == "created_at" else LEADS
    events = changed(EVENTS, 1, occurred_at=time) if column == "occurred_at" else EVENTS
    file = tmp_path / ("leads.csv" if column == "created_at" else "events.csv")
    ran = reads(leads, events)
    advice = "Pass --timezone Asia/Tokyo or write them with an offset"
    assert_refused_whole(ran, tmp_path, f"{file}", f"{column!r}", "line 3", repr(time), advice)
    assert score(leads, events, "--timezone", "Asia/Tokyo").code == 0


def test_a_zone_that_the_playbook_declares_is_used(score: Any, tmp_path: Path) -> None:
    playbook = tmp_path / "home" / "own.toml"
    playbook.parent.mkdir()
    playbook.write_text('schema = 1\ntimezone = "Asia/Tokyo"\n', encoding="utf-8")
    assert score(changed(LEADS, 0, created_at="2025-01-11"), EVENTS).code == 1
    tables = Path(str(Playbook.load().source)).read_text(encoding="utf-8")
    playbook.write_text(
        tables.replace("schema = 1", 'schema = 1\ntimezone = "Asia/Tokyo"', 1), encoding="utf-8"
    )
    ran = score(changed(LEADS, 0, created_at="2025-01-11"), EVENTS, "--playbook", playbook)
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("place", ["lead.created_at", "events[0].occurred_at", "as_of"])
def test_a_time_without_zone_in_a_request_is_named(by_rules: TestClient, place: str) -> None:
    times = {"lead.created_at": ZONED, "events[0].occurred_at": ZONED, "as_of": AS_OF}
    times[place] = "2025-01-11 09:00"
    body = {
        "lead": {"lead_id": "a", "created_at": times["lead.created_at"]},
        "events": [{"event_type": "demo", "occurred_at": times["events[0].occurred_at"]}],
        "as_of": times["as_of"],
    }
    answer = by_rules.post("/v1/score", json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["location"] == f"body.{place}"
    assert "offset" in error["message"]


def test_what_is_no_time_loses_its_row_only(score: Any, tmp_path: Path, read_csv: Any) -> None:
    leads = changed(LEADS, 0, created_at="soon")
    events = changed(EVENTS, 1, occurred_at="2025-02-30T00:00:00Z")
    ran = score(leads, events, "--json")
    assert ran.code == 3
    assert (ran.said["refused_leads"], ran.said["refused_events"]) == (1, 1)
    refused = read_csv(tmp_path / "out.csv.refused.csv")
    refused += read_csv(tmp_path / "out.csv.refused.events.csv")
    assert [row["tegakari_refused_line"] for row in refused] == ["2", "3"]
    assert [row["tegakari_refused_value"] for row in refused] == ["soon", "2025-02-30T00:00:00Z"]
    assert all("expected such as 2026" in row["tegakari_refused_reason"] for row in refused)
    assert [row["lead_id"] for row in read_csv(tmp_path / "out.csv")] == ["b", "c"]


# Event after the cutoff


def test_an_event_after_the_cutoff_is_ignored_and_counted(
    score: Any, by_rules: TestClient, tmp_path: Path, read_csv: Any
) -> None:
    late = {**EVENTS[0], "occurred_at": "2025-03-01T00:00:00.000001Z"}
    assert score(LEADS, EVENTS).code == 0
    before = read_csv(tmp_path / "out.csv")
    ran = score(LEADS, [*EVENTS, late], "--json")
    assert ran.code == 0
    assert ran.said["ignored"]["future"] == 1
    after = read_csv(tmp_path / "out.csv")
    assert [row["tegakari_ignored_future"] for row in after] == ["1", "0", "0"]
    assert [r["tegakari_points"] for r in after] == [r["tegakari_points"] for r in before]
    event = {"event_type": "demo_request", "occurred_at": late["occurred_at"]}
    body = {"lead": {"lead_id": "a"}, "events": [event], "as_of": AS_OF}
    answer = by_rules.post("/v1/score", json=body)
    assert (answer.status_code, answer.json()["ignored"]["future"]) == (200, 1)


def test_an_event_that_cannot_have_happened_yet_is_refused(score: Any, tmp_path: Path) -> None:
    ran = score(LEADS, changed(EVENTS, 2, occurred_at="2999-01-01T00:00:00Z"))
    assert ran.code == 3
    assert f"{tmp_path / 'events.csv'}, line 4, column 'occurred_at'" in ran.out
    assert "future" in ran.out


# NaN or infinite number


@pytest.mark.parametrize("number", ["NaN", "inf", "-Infinity", "1e999", "twelve"])
def test_a_value_that_is_no_finite_number_loses_its_event(
    score: Any, tmp_path: Path, read_csv: Any, number: str
) -> None:
    ran = score(LEADS, [{**EVENTS[0], "value": "1.5"}, {**EVENTS[1], "value": number}], "--json")
    assert ran.code == 3
    (refused,) = read_csv(tmp_path / "out.csv.refused.events.csv")
    assert (refused["tegakari_refused_line"], refused["tegakari_refused_column"]) == ("3", "value")
    assert refused["tegakari_refused_value"].lstrip("'") == number
    assert "not a finite number" in refused["tegakari_refused_reason"]
    assert ran.said["answered"] == 3


@pytest.mark.usefixtures("checked")
def test_an_attribute_that_is_no_finite_number_loses_its_lead(
    score: Any, world: Any, tmp_path: Path, read_csv: Any
) -> None:
    leads = [*changed(changed(LEADS, 0, employees="NaN"), 2, employees="-inf"), {"lead_id": "d"}]
    ran = score(leads, EVENTS, "--json", "--model", world.artefact, home=world.home)
    assert ran.code == 3, ran.err
    assert [row["lead_id"] for row in read_csv(tmp_path / "out.csv")] == ["b", "d"]
    refused = read_csv(tmp_path / "out.csv.refused.csv")
    assert [row["tegakari_refused_value"] for row in refused] == ["NaN", "'-inf"]
    assert {row["tegakari_refused_column"] for row in refused} == {"employees"}
    assert ran.said["by_model"] == 2  # also d, which has neither created_at nor events
    assert ran.said["rows_in"] == 4


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("place", ["lead.attributes.employees", "events[0].value"])
def test_a_request_with_no_finite_number_is_refused(
    by_rules: TestClient, number: str, place: str
) -> None:
    employees, value = (number, 1) if place.startswith("lead") else (1, number)
    body = (
        f'{{"lead": {{"lead_id": "a", "attributes": {{"employees": {employees}}}}}, "events": '
        f'[{{"event_type": "demo", "occurred_at": "{ZONED}", "value": {value}}}]}}'
    )
    json = {"Content-Type": "application/json"}
    answer = by_rules.post("/v1/score", content=body, headers=json)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["location"] == f"body.{place}"
    assert "finite" in error["message"]


def test_a_text_where_the_model_learnt_numbers_is_refused(service: TestClient) -> None:
    body = {"lead": {"lead_id": "a", "attributes": {"employees": "many"}}}
    answer = service.post("/v1/score", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "body.lead.attributes.employees"


# Empty file


@pytest.mark.parametrize("content", [b"", b"\n", b"  \r\n\r\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("empty", ["leads.csv", "events.csv"])
def test_an_empty_file_is_named(
    run: Any, write_csv: Any, tmp_path: Path, content: bytes, empty: str
) -> None:
    leads, events = write_csv("leads.csv", LEADS), write_csv("events.csv", EVENTS)
    (tmp_path / empty).write_bytes(content)
    ran = run("score", "--leads", leads, "--events", events, "--out", tmp_path / "out.csv")
    assert_refused_whole(ran, tmp_path, str(tmp_path / empty), "empty", "header")


def test_an_empty_parquet_file_is_named(run: Any, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    leads = tmp_path / "home" / "leads.parquet"
    leads.write_bytes(b"")
    ran = run("score", "--leads", leads, "--out", tmp_path / "out.csv")
    assert_refused_whole(ran, tmp_path, str(leads), "PARQUET")


def test_a_list_of_nobody_is_answered_with_nobody(run: Any, write_csv: Any, tmp_path: Path) -> None:
    leads = write_csv("leads.csv", [], header=["lead_id", "created_at"])
    ran = run("score", "--leads", leads, "--out", tmp_path / "out.csv", "--json")
    assert (ran.code, ran.said["rows_in"], ran.said["answered"]) == (0, 0, 0)


def test_nobody_cannot_be_learnt_from(run: Any, write_csv: Any, tmp_path: Path) -> None:
    leads = write_csv("leads.csv", [], header=["lead_id", "created_at"])
    ran = run("train", "--leads", leads, "--events", write_csv("events.csv", EVENTS))
    assert_refused_whole(ran, tmp_path, str(leads), "no row could be used")


@pytest.mark.parametrize("body", [b"", b"   ", b"{}", b"[]", b"null"])
def test_an_empty_request_is_refused(by_rules: TestClient, body: bytes) -> None:
    json = {"Content-Type": "application/json"}
    answer = by_rules.post("/v1/score", content=body, headers=json)
    assert answer.status_code == 422
    assert answer.json()["errors"]


# One class only


@pytest.mark.parametrize(("label", "what"), [("1", "every row"), ("0", "no row")])
def test_one_class_only_trains_nothing(
    run: Any, write_csv: Any, tmp_path: Path, label: str, what: str
) -> None:
    rows = [{"lead_id": str(n), "size": str(n % 7), "won": label} for n in range(60)]
    ran = run("train", "--leads", write_csv("leads.csv", rows), "--label", "won")
    assert_refused_whole(ran, tmp_path, "One class only", what, "Both leads that converted and")


def test_a_label_that_never_occurs_trains_nothing(run: Any, write_csv: Any, tmp_path: Path) -> None:
    files = ("--leads", write_csv("leads.csv", LEADS), "--events", write_csv("events.csv", EVENTS))
    said = ("deal_opened", "never occurs", "demo_request", "[tasks.qualification]")
    assert_refused_whole(run("train", *files), tmp_path, *said)


# Unknown event type, unknown category


@pytest.mark.usefixtures("checked")
def test_what_training_never_saw_is_said_and_answered_all_the_same(
    score: Any, world: Any, service: TestClient, tmp_path: Path, read_csv: Any
) -> None:
    leads = changed(LEADS, 0, industry="養蜂 🐝")
    ran = score(
        leads,
        [*EVENTS, {**EVENTS[1], "event_type": "never_heard_of"}],
        *("--json", "--model", world.artefact),
        home=world.home,
    )
    assert ran.code == 0, ran.err
    assert ran.said["ignored"]["unknown_type"] == 1
    assert ran.said["by_model"] == 3
    rows = read_csv(tmp_path / "out.csv")
    assert [row["tegakari_ignored_unknown_type"] for row in rows] == ["0", "1", "0"]
    assert [row["tegakari_outside_training"] for row in rows] == ["industry", "", ""]
    body = {
        "lead": {"lead_id": "a", "created_at": ZONED, "attributes": {"industry": "養蜂 🐝"}},
        "events": [{"event_type": "never_heard_of", "occurred_at": ZONED}],
        "as_of": AS_OF,
    }
    answer = service.post("/v1/score", json=body).json()
    assert answer["scored_by"] == "model"
    assert answer["ignored"]["unknown_type"] == 1
    assert answer["outside_training"] == ["industry"]


# Refused rows


MESSY = [
    *LEADS,
    {"lead_id": "", "created_at": ZONED, "industry": "機械", "employees": "1"},
    {"lead_id": "d", "created_at": "yesterday", "industry": "株式会社,\n漢字", "employees": "2"},
    {"lead_id": "a", "created_at": ZONED, "industry": "other", "employees": "30"},
    LEADS[2],
    {"lead_id": "e", "created_at": "2999-01-01T00:00:00Z", "industry": "", "employees": "3"},
    {"lead_id": "f", "created_at": "", "industry": "", "employees": ""},
]


def test_refused_rows_can_be_mended_and_fed_back(
    score: Any, run: Any, write_csv: Any, tmp_path: Path, read_csv: Any
) -> None:
    ran = score(MESSY, None, "--json")
    assert ran.code == 3
    said = ran.said
    assert said["rows_in"] == len(MESSY)
    assert said["rows_in"] == said["answered"] + said["refused_leads"] + said["duplicates"]
    assert (said["answered"], said["refused_leads"], said["duplicates"]) == (4, 4, 1)
    refused = read_csv(Path(*said["refused_to"]))
    # In the file a cell with a line break takes two lines, and the next row stands one lower.
    assert [int(row["tegakari_refused_line"]) for row in refused] == [5, 8, 6, 10]
    assert [row["tegakari_refused_column"] for row in refused] == [
        *("lead_id", "lead_id", "created_at", "created_at")
    ]
    assert {row["tegakari_refused_file"] for row in refused} == {str(tmp_path / "leads.csv")}
    mended = []
    for place, row in enumerate(refused):
        lead_id = row["lead_id"] if row["lead_id"] in ("d", "e") else f"new {place}"
        mended.append({**row, "lead_id": lead_id, "created_at": ZONED})
    again = run(
        *("score", "--leads", write_csv("mended.csv", mended), "--out", tmp_path / "again.csv"),
        *("--as-of", AS_OF, "--json"),
    )
    assert again.code == 0, again.err
    assert again.said["answered"] == 4
    rows = read_csv(tmp_path / "again.csv")
    assert [row["industry"] for row in rows] == ["機械", "other", "株式会社,\n漢字", ""]
    assert not any(name.startswith("tegakari_refused") for name in rows[0])
    assert not (tmp_path / "again.csv.refused.csv").exists()


def test_a_row_with_too_few_or_too_many_cells_is_refused_with_its_text(
    run: Any, tmp_path: Path, read_csv: Any
) -> None:
    leads = tmp_path / "leads.csv"
    leads.write_text(f"lead_id,created_at\na,{ZONED}\nb\nc,{ZONED},more\nd,{ZONED}\n")
    ran = run("score", "--leads", leads, "--out", tmp_path / "out.csv", "--json")
    assert ran.code == 3
    assert (ran.said["rows_in"], ran.said["answered"], ran.said["refused_leads"]) == (4, 2, 2)
    refused = read_csv(tmp_path / "out.csv.refused.csv")
    assert [row["tegakari_refused_line"] for row in refused] == ["3", "4"]
    assert refused[1]["tegakari_refused_value"] == f"c,{ZONED},more"
    assert "expected 2 cells, got 3" in refused[1]["tegakari_refused_reason"]
    # Fed back as they are, they are refused again: which cell is whose cannot be told.
    again = tmp_path / "out.csv.refused.csv"
    ran = run("score", "--leads", again, "--out", tmp_path / "again.csv", "--json")
    assert (ran.said["rows_in"], ran.said["refused_leads"]) == (2, 2)


def test_a_clean_run_takes_away_the_refusals_of_the_one_before(score: Any, tmp_path: Path) -> None:
    assert score(MESSY, None).code == 3
    assert (tmp_path / "out.csv.refused.csv").exists()
    assert score(LEADS, None).code == 0
    assert left_behind(tmp_path) == ["out.csv"]


@pytest.mark.usefixtures("logged_nowhere")
def test_training_goes_on_without_the_rows_it_refuses(
    run: Any, write_csv: Any, tmp_path: Path, read_csv: Any
) -> None:
    rng = random.Random(3)
    rows = [
        {"lead_id": str(n), "size": str(rng.randrange(50)), "won": str(int(rng.random() < 0.4))}
        for n in range(80)
    ]
    rows[10]["size"], rows[20]["size"] = "NaN", "1e999"
    rows += [{**rows[0], "size": "999"}, rows[1]]
    words = ("train", "--leads", write_csv("leads.csv", rows), "--label", "won", "--json")
    ran = run(*words)
    assert ran.code == 3, ran.err
    assert ran.said["refused"] == 3
    refused = read_csv(tmp_path / "home" / "train.refused.csv")
    assert {row["tegakari_refused_line"] for row in refused} == {"12", "22", "82"}
    assert "3 rows were refused" in ran.err
    write_csv("leads.csv", [r for r in rows[:80] if r["size"] not in ("NaN", "1e999")])
    assert run(*words).code == 0
    assert not (tmp_path / "home" / "train.refused.csv").exists()


def test_building_features_puts_refused_rows_beside_them(
    world: Any, run: Any, write_csv: Any, tmp_path: Path, read_csv: Any
) -> None:
    leads = read_csv(world.leads)[:300]
    leads[4]["created_at"] = "once"
    out = tmp_path / "X.parquet"
    ran = run(
        "build", "--leads", write_csv("leads.csv", leads), "--events", world.events, "--out", out
    )
    assert ran.code == 3, ran.err
    (refused,) = read_csv(tmp_path / "X.parquet.refused.csv")
    assert refused["tegakari_refused_line"] == "6"
    assert leads[4]["lead_id"] not in pa.parquet.read_table(out)["lead_id"].to_pylist()


DEFECTS: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "none": lambda row: row,
    "no id": lambda row: {**row, "lead_id": ""},
    "bad time": lambda row: {**row, "created_at": "2025-13-01T00:00Z"},
    "future": lambda row: {**row, "created_at": "2999-01-01T00:00Z"},
    "other": lambda row: {**row, "industry": "other\nthan before"},
    "no time": lambda row: {**row, "created_at": ""},
}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(sorted(DEFECTS))), max_size=20))
def test_every_row_is_answered_refused_or_a_duplicate(
    write_csv: Any, tmp_path: Path, drawn: list[tuple[int, str]]
) -> None:
    rows = [DEFECTS[defect]({**LEADS[0], "lead_id": f"L{n}"}) for n, defect in drawn]
    leads = write_csv("leads.csv", rows, header=list(LEADS[0]))
    job = Job(leads=leads, out=tmp_path / "out.csv", as_of=AS_OF)
    scored = score_file(job, Settings(home=tmp_path / "home"), Playbook.load())
    assert scored.rows_in == len(rows)
    assert scored.rows_in == scored.answered + len(scored.refused) + scored.duplicates
    kinds = {"lead": len(scored.refused), "event": 0, "change": 0, "identity": 0}
    assert scored.refused_by_kind == kinds
    assert len({refusal.line for refusal in scored.refused}) == len(scored.refused)


# Whole or not at all


def halfway(failure: Callable[[], None]) -> Callable[..., None]:
    """Writes half a CSV file, and then fails."""

    def write_half(data: Any, file: Any, *_: object) -> None:
        file.write(b"lead_id,tegakari_probability\na,0.5\nb,")
        failure()

    return write_half


def fail(number: int) -> Callable[[], None]:
    def failure() -> None:
        raise OSError(number, os.strerror(number))

    return failure


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_a_failure_in_the_middle_leaves_what_was_there(
    score: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(pa.csv, "write_csv", halfway(fail(number)))
        assert_refused_whole(score(), tmp_path, str(tmp_path / "out.csv"), os.strerror(number))
    assert score().code == 0
    before = (tmp_path / "out.csv").read_bytes()
    monkeypatch.setattr(pa.csv, "write_csv", halfway(fail(number)))
    assert score(changed(LEADS, 0, employees="9")).code == 1
    assert (tmp_path / "out.csv").read_bytes() == before
    assert left_behind(tmp_path) == ["out.csv"]


def test_ctrl_c_in_the_middle_leaves_what_was_there(
    score: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert score().code == 0
    before = (tmp_path / "out.csv").read_bytes()
    interrupt = halfway(lambda: signal.raise_signal(signal.SIGINT))
    monkeypatch.setattr(pa.csv, "write_csv", interrupt)
    ran = score(changed(LEADS, 0, employees="9"))
    assert (ran.code, ran.out) == (130, "")
    assert ran.err.splitlines()[-1].startswith("Interrupted")
    assert (tmp_path / "out.csv").read_bytes() == before
    assert left_behind(tmp_path) == ["out.csv"]


def test_refused_rows_that_cannot_be_written_leave_no_output_without_them(
    score: Any, tmp_path: Path
) -> None:
    (tmp_path / "out.csv.refused.csv").mkdir()
    ran = score(MESSY, None)
    assert ran.code == 1
    assert str(tmp_path / "out.csv.refused.csv") in ran.err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("verb", ["score", "build"])
def test_an_output_that_cannot_be_is_refused_before_the_work(
    run: Any, write_csv: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    def too_late(*_: object) -> None:
        pytest.fail("the work had begun")

    monkeypatch.setattr("serving.asked.take_in", too_late)
    monkeypatch.setattr("training.sources.take_in", too_late)
    files = ("--leads", write_csv("leads.csv", LEADS), "--events", write_csv("events.csv", EVENTS))
    absent = tmp_path / "absent" / "out.csv"
    assert_refused_whole(
        run(verb, *files, "--out", absent), tmp_path, str(absent), "does not exist", "Make it"
    )
    excel = tmp_path / "out.xls"
    assert_refused_whole(run(verb, *files, "--out", excel), tmp_path, str(excel), ".csv")


def test_an_output_that_is_a_folder_is_refused(score: Any, tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    ran = score()
    assert ran.code == 1
    assert str(tmp_path / "out.csv") in ran.err
    assert left_behind(tmp_path) == ["out.csv"]


# Exit codes and tracebacks


@pytest.fixture
def files(write_csv: Any) -> tuple[object, ...]:
    events = [*EVENTS, {**EVENTS[0], "event_type": "deal_opened"}]
    return ("--leads", write_csv("leads.csv", LEADS), "--events", write_csv("events.csv", events))


@pytest.mark.parametrize(
    "words",
    [
        ("score", "--nonsense"),
        ("score", "--reasons", "6"),
        ("score", "--lang", "fr"),
        ("score", "--task", "nonsense"),
        ("score", "--timezone", "Nowhere/Land"),
        ("score", "--columns", "lead_id"),
        ("score", "--columns", "lead_id=a,lead_id=b"),
        ("score", "--as-of", "nonsense"),
        ("train", "--until", "nonsense"),
        ("train", "--positive", "1"),
        ("train", "--label", "won"),
        ("train", "--drop", "nonsense"),
        ("train", "--seed", "x"),
        ("nonsense",),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(
    run: Any, files: tuple[object, ...], tmp_path: Path, words: tuple[str, ...]
) -> None:
    out = ("--out", tmp_path / "out.csv") if words[0] == "score" else ()
    ran = run(words[0], *files, *out, *words[1:])
    assert (ran.code, ran.out) == (2, "")
    assert any(word in ran.err for word in words[-2:])
    assert "Traceback" not in ran.err
    assert left_behind(tmp_path) == []


def test_a_failure_that_nobody_foresaw_is_a_message_and_a_traceback_only_when_asked_for(
    score: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall(*_: object, **__: object) -> None:
        raise RuntimeError("the sky fell")

    monkeypatch.setattr("serving.asked.take_in", fall)
    ran = score()
    assert ran.code == 1
    assert "the sky fell" in ran.err
    assert "--verbose" in ran.err
    assert "Traceback" not in ran.err
    with pytest.raises(RuntimeError, match="the sky fell"):
        score(LEADS, EVENTS, "--verbose")


def test_messages_are_short_and_end_as_sentences(run: Any, tmp_path: Path) -> None:
    ran = run("score", "--leads", tmp_path / "nothing.csv", "--out", tmp_path / "out.csv")
    assert ran.code == 1
    last = ran.err.strip().splitlines()[-1]
    assert re.fullmatch(r"Error: .*nothing\.csv: there is no such file\.", last)
