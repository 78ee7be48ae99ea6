"""Data that nobody shaped for Tegakari: they are read, and the rows are those that others counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features.attributes import columns
from features.form import Form
from features.instants import DAY, iso
from features.spine import training_spine
from features.tables import Intake, take_in
from models.intake import form_of
from models.playbook import Playbook
from training.split import split_by_time

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"


def data(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is absent: the data sets are not part of the project")
    return path


def flat(name: str, **named: str) -> Intake:
    form = Form(
        columns=named, date_events={}, tz=None, outcomes=frozenset(), latest=0, numbered=not named
    )
    return take_in(data(name), None, None, form)


def test_bpi2012_has_the_mature_rows_and_the_test_sizes_that_are_published() -> None:
    playbook = Playbook.load(ROOT / "notebooks" / "bpi2012.toml")
    form = form_of(playbook)
    assert form.tz is not None
    intake = take_in(
        data("bpi2012_loan_leads/cases.parquet"),
        data("bpi2012_loan_leads/events.parquet"),
        None,
        form,
    )
    assert len(intake.leads) == 13_087
    assert (intake.refused, intake.duplicates) == ([], 0)
    assert intake.counts["events taken"] == intake.log.n_events == 262_200
    assert iso(intake.observed_until) == "2012-03-14T15:04:54.681000Z"

    task = playbook.task("qualification")
    assert task.horizon == 14 * DAY
    spine = training_spine(
        intake.leads, intake.log, task, playbook.touches, intake.observed_until, form.tz
    )
    split = split_by_time(spine, task.horizon)
    ages, rows = np.unique(spine.age, return_counts=True)
    assert ages.tolist() == [DAY, 7 * DAY, 14 * DAY]
    assert rows.tolist() == [6_196, 5_024, 3_062]
    assert np.unique(spine.age[split.test], return_counts=True)[1].tolist() == [1_240, 1_005, 613]
    assert split.first_test_cutoff is not None
    assert (spine.cutoff[split.train] + task.horizon <= split.first_test_cutoff).all()
    assert (spine.cutoff + task.horizon <= intake.observed_until).all()


def test_x_education_is_read_and_its_number_is_a_key() -> None:
    intake = flat("x_education/lead_scoring.csv", lead_id="Prospect ID")
    assert len(intake.leads) == intake.table.rows_in == 9_240
    assert intake.refused == []
    found = {column.name: column for column in columns(intake.leads, {}, outcomes=["Converted"])}
    assert len(found) == 36
    assert found["Lead Number"].role == "key"
    assert found["Converted"].role == "outcome"
    assert found["Do Not Email"].role == "consent"
    for name in ("Last Activity", "Last Notable Activity", "TotalVisits"):
        assert found[name].time == "snapshot"


@pytest.mark.parametrize(
    ("name", "rows", "label", "positives"),
    [
        ("bank_marketing/bank-additional-full.csv", 41_188, "y", {"no": 36_548, "yes": 4_640}),
        (
            "online_shoppers/online_shoppers_intention.csv",
            12_330,
            "Revenue",
            {"FALSE": 10_422, "TRUE": 1_908},
        ),
    ],
)
def test_files_with_semicolons_are_read(
    name: str, rows: int, label: str, positives: dict[str, int]
) -> None:
    intake = flat(name)
    assert intake.table.understood.endswith("delimiter ';'")
    assert len(intake.leads) == intake.table.rows_in == rows
    values = intake.leads.attributes[label].value_counts().to_pylist()
    assert {row["values"]: row["counts"] for row in values} == positives
    assert all(column.type == "string" for column in intake.leads.attributes.schema)
