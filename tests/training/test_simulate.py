"""The four files: they follow the contract, agree with each other and are the same every time."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import UsageError
from training.simulate import FILES, simulate
from training.simulation.contents import TYPES
from training.simulation.register import STATUSES, TRACKED
from training.simulation.world import OUTCOMES, TOUCHES

TOKYO = ZoneInfo("Asia/Tokyo")
END = datetime(2026, 4, 1, tzinfo=TOKYO)
LEADS, DAYS = 150, 480
END_OF_TIME = pd.Timestamp("2100-01-01")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("world")
    simulate(directory, leads=LEADS, days=DAYS, seed=3, end=END)
    return directory


@pytest.fixture(scope="module")
def leads(out: Path) -> pd.DataFrame:
    frame = pd.read_csv(out / "leads.csv", dtype=str, keep_default_na=False)
    return frame.assign(created_at=pd.to_datetime(frame["created_at"]))


@pytest.fixture(scope="module")
def events(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "events.parquet")


def test_the_parquet_files_have_the_columns_and_types_of_the_contract(out: Path) -> None:
    text, instant = pa.string(), pa.timestamp("us", "UTC")
    expected = {
        "events": {
            "lead_id": text, "event_type": text, "occurred_at": instant, "channel": text,
            "content": text, "value": pa.float64(), "event_id": text,
        },
        "changes": {
            "lead_id": text, "attribute": text, "old_value": text, "new_value": text,
            "changed_at": instant,
        },
        "truth": {
            "lead_id": text, "cutoff": instant, "task": text, "horizon": text,
            "p_bayes": pa.float64(),
        },
    }  # fmt: skip
    for name, columns in expected.items():
        schema = pq.read_schema(out / f"{name}.parquet")
        assert dict(zip(schema.names, schema.types, strict=True)) == columns


def test_leads_are_complete_and_invented(leads: pd.DataFrame) -> None:
    assert leads["lead_id"].is_unique
    assert len(leads) == LEADS
    assert not (leads == "").any(axis=None)
    assert leads["email"].str.fullmatch(r"[a-z]+@company\d+\.example").all()
    assert leads["created_at"].between(END - timedelta(days=DAYS), END, inclusive="left").all()
    assert str(leads["created_at"].dt.tz) == "UTC+09:00"
    assert set(leads["lead_status"]) <= set(STATUSES)
    for attribute, values in TRACKED.items():
        assert set(leads[attribute]) <= set(values)


def test_events_belong_to_leads_and_lie_in_the_world(
    leads: pd.DataFrame, events: pd.DataFrame
) -> None:
    assert events["event_id"].is_unique
    assert set(events["event_type"]) == set(TYPES)
    created = events["lead_id"].map(leads.set_index("lead_id")["created_at"])
    assert (events["occurred_at"] >= created).all()
    assert (events["occurred_at"] < END).all()
    first = events.drop_duplicates("lead_id")
    assert set(first["lead_id"]) == set(leads["lead_id"])
    assert (first["occurred_at"] == created[first.index]).all()
    assert (events["value"].notna() == (events["event_type"] == "purchase")).all()


def test_outcomes_come_in_order(events: pd.DataFrame, leads: pd.DataFrame) -> None:
    """A deal is won or lost after it was opened, and the photograph shows the last outcome."""
    shows = {"deal_opened": "in_deal", "deal_won": "customer", "lost": "lost"}
    outcomes = events[events["event_type"].isin(shows)]
    before = outcomes.groupby("lead_id")["event_type"].shift()
    assert (before[outcomes["event_type"] == "deal_won"] == "deal_opened").all()
    last = outcomes.drop_duplicates("lead_id", keep="last").set_index("lead_id")["event_type"]
    status = leads["lead_id"].map(last.map(shows)).fillna("open")
    assert list(status) == list(leads["lead_status"])
    purchases = events[events["event_type"] == "purchase"].groupby("lead_id")["occurred_at"].min()
    won = events[events["event_type"] == "deal_won"].groupby("lead_id")["occurred_at"].min()
    assert list(purchases.index) == list(won.index)
    assert (purchases > won).all()


def test_changes_lead_to_the_values_in_the_lead_list(out: Path, leads: pd.DataFrame) -> None:
    changes = pd.read_parquet(out / "changes.parquet")
    assert set(changes["attribute"]) == set(TRACKED)
    assert (changes["old_value"] != changes["new_value"]).all()
    created = changes["lead_id"].map(leads.set_index("lead_id")["created_at"])
    assert ((changes["changed_at"] > created) & (changes["changed_at"] < END)).all()
    for (lead, attribute), history in changes.groupby(["lead_id", "attribute"]):
        assert history["changed_at"].is_monotonic_increasing
        assert list(history["old_value"][1:]) == list(history["new_value"][:-1])
        now = leads.set_index("lead_id").loc[lead, attribute]
        assert history["new_value"].iloc[-1] == now


def test_truth_has_every_midnight_of_every_open_lead(out: Path, events: pd.DataFrame) -> None:
    """The rows follow from the events: created, not closed, not silent for 365 days."""
    truth = pd.read_parquet(out / "truth.parquet")
    assert set(truth["task"]) == {"qualification"}
    assert set(truth["horizon"]) == {"90d"}
    assert truth["p_bayes"].between(0, 1, inclusive="neither").all()
    day = np.timedelta64(1, "D")
    midnights = np.array([(END - timedelta(days=i)).timestamp() for i in range(DAYS)])
    midnights = (midnights * 1e6).astype("datetime64[us]")[::-1]
    utc = events.assign(occurred_at=events["occurred_at"].dt.tz_localize(None))
    acts = utc[~utc["event_type"].isin([*TOUCHES, *OUTCOMES])].groupby("lead_id")["occurred_at"]
    closing = utc[utc["event_type"].isin(["deal_opened", "lost"])]
    closed_at = closing.groupby("lead_id")["occurred_at"].min()
    expected, silent = [], 0
    for lead, own in acts:
        at = own.to_numpy()  # the first act is the creation
        open_at = midnights[(midnights >= at[0]) & (midnights < closed_at.get(lead, END_OF_TIME))]
        last_act = at[np.searchsorted(at, open_at, side="right") - 1]
        asked = open_at - last_act < 365 * day
        silent += int((~asked).sum())
        expected += [(lead, cutoff) for cutoff in open_at[asked]]
    assert silent > 0
    cutoffs = truth["cutoff"].dt.tz_localize(None).to_numpy()
    assert list(zip(truth["lead_id"], cutoffs, strict=True)) == expected


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        simulate(tmp_path / name, leads=40, days=60, seed=seed, end=END)
    for name in FILES:
        one = (tmp_path / "one" / name).read_bytes()
        assert (tmp_path / "same" / name).read_bytes() == one
        assert (tmp_path / "other" / name).read_bytes() != one


def test_cutoffs_are_the_midnights_of_the_zone_across_summer_time(tmp_path: Path) -> None:
    zone = ZoneInfo("Europe/Berlin")
    end = datetime(2026, 4, 10, 13, 30, tzinfo=UTC)
    written = simulate(tmp_path, leads=300, days=40, seed=1, end=end, timezone=zone.key)
    assert written.begins == "2026-03-01T00:00:00+01:00"
    assert written.ends == "2026-04-10T00:00:00+02:00"
    cutoffs = pd.read_parquet(tmp_path / "truth.parquet")["cutoff"].dt.tz_convert(zone)
    assert (cutoffs == cutoffs.dt.normalize()).all()
    assert cutoffs.nunique() == 40


def test_a_naive_end_is_a_time_of_the_zone_and_no_end_is_today(tmp_path: Path) -> None:
    naive = datetime(2026, 4, 1, 15)  # noqa: DTZ001 the point of the test
    assert simulate(tmp_path, leads=1, days=1, end=naive).ends == END.isoformat()
    before = datetime.now(TOKYO).date()
    ends = datetime.fromisoformat(simulate(tmp_path, leads=1, days=1).ends)
    assert before <= ends.date() <= datetime.now(TOKYO).date()


def test_the_summary_counts_what_was_written_and_leaves_nothing_else(tmp_path: Path) -> None:
    written = simulate(tmp_path, leads=20, days=30, seed=1, end=END)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    for name in ("events", "changes", "truth"):
        rows = pq.read_metadata(tmp_path / f"{name}.parquet").num_rows
        assert getattr(written, name) == rows
    assert json.loads(json.dumps(asdict(written)))["leads"] == 20


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"leads": 0}, "--leads is 0"),
        ({"days": 0}, "--days is 0"),
        ({"days": 10**6, "end": END}, "outside the calendar"),
        ({"seed": -1}, "--seed is -1"),
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
    ],
)
def test_wrong_options_are_refused_with_what_came(
    tmp_path: Path, wrong: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        simulate(tmp_path, **wrong)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        simulate(tmp_path / "taken", leads=1, days=1)
