"""The record of a training run: what it was made from and by, and nothing that names anybody."""

from __future__ import annotations

import csv
import io
import json
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import training.fingerprint
from features.errors import TrainingRefused
from features.instants import DAY, iso
from features.spine import Spine
from features.times import parse_one
from models.playbook import Playbook
from tests.features.histories import Event, leads_of, log_of
from training.fingerprint import fingerprints
from training.outcomes import converted_and_won
from training.provenance import PACKAGES, revision, versions
from training.record import counts, outcomes_seen_until, record
from training.sources import Material, Sources, gather
from training.split import Split, split_at_random, split_by_time
from training.train import train

Export = Callable[[Mapping[str, Sequence[Any]]], Path]
FLAT = {"won": ["1", "0"] * 40, "size": range(80), "industry": list("abcd") * 20}


@pytest.fixture(scope="module")
def timed(small: Sources, short_playbook: Playbook) -> Material:
    return gather(small, short_playbook, "qualification")


def split_of(material: Material) -> Split:
    assert material.task.horizon is not None
    return split_by_time(material.spine, material.task.horizon)


def record_of(material: Material, split: Split, playbook: Playbook) -> dict[str, Any]:
    return record(material, split, playbook, {}, {}, [])


# What became of leads.


def test_leads_that_converted_and_were_won_later_are_counted() -> None:
    playbook = Playbook.load()
    found = {
        # Converted, then won: counted once, however many cutoffs and deals it has.
        0: [("deal_opened", 5), ("deal_won", 9), ("deal_won", 12)],
        1: [("deal_opened", 5), ("lost", 9)],
        2: [("deal_opened", 5), ("deal_won", 40)],  # not observed any more
        3: [("deal_won", 2)],  # never converted after a cutoff
    }
    leads = leads_of([0] * 4)
    events = [Event(name, day * DAY, n) for n, told in found.items() for name, day in told]
    log = log_of(leads, events)
    spine = Spine(
        np.array([0, 0, 1, 2, 3]),
        np.array([3, 4, 3, 3, 3]) * DAY,
        np.array([1, 1, 1, 1, 0], dtype=np.int8),
        np.zeros(5, dtype=np.int64),
    )
    assert converted_and_won(spine, log, playbook, 30 * DAY) == (3, 1)
    assert converted_and_won(spine, log, playbook, 50 * DAY) == (3, 2)
    nothing = log_of(leads, [Event("price_page_view", DAY)])
    assert converted_and_won(spine, nothing, playbook, 30 * DAY) is None


# The data.

cells = st.text(alphabet='ab,;"\n\ré商', max_size=4)


@given(
    st.lists(st.lists(cells, min_size=3, max_size=3), max_size=12),
    st.sampled_from(("\n", "\r\n", "\r")),
    st.sampled_from((",", ";", "\t")),
    st.sampled_from(("utf-8", "utf-8-sig", "cp932")),
    st.sampled_from((1, 2, 7, 1 << 20)),
    st.booleans(),
)
@settings(deadline=None, derandomize=True, max_examples=150)
def test_rows_and_columns_of_any_csv_file_are_counted_in_any_chunks(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    end: str,
    delimiter: str,
    encoding: str,
    chunk: int,
    ended: bool,
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([["one", "two\nlines", "a,b;c"], *rows])
    body = text.getvalue().replace("é", "e") if encoding == "cp932" else text.getvalue()
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    raw = (body if ended else body.rstrip("\r\n")).encode(encoding)
    path.write_bytes(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.fingerprint, "_CHUNK", chunk)
        (found,) = fingerprints({"leads": path, "events": None})
    assert (found.rows, found.columns) == (len(rows), 3)
    assert (found.sha256, found.size) == (sha256(raw).hexdigest(), len(raw))


def test_blank_lines_are_no_rows_and_ragged_rows_are(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\na;b\n\n\r\n1;2\n3\n\n4;5;6")
    (found,) = fingerprints({"leads": path})
    assert (found.rows, found.columns) == (3, 2)


def test_a_parquet_file_says_how_many_rows_it_has(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"a": range(5), "b": list("abcde")}).to_parquet(path)
    (found,) = fingerprints({"events": path})
    assert (found.name, found.rows, found.columns) == ("events", 5, 2)


def test_the_record_has_a_fingerprint_of_each_file_that_was_read(
    small: Sources, timed: Material, short_playbook: Playbook
) -> None:
    data = record_of(timed, split_of(timed), short_playbook)["data"]
    assert set(data) == {"leads", "events", "changes"}
    for name, path in small.files.items():
        if path is not None:
            assert data[name]["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert data["leads"]["rows"] == timed.intake.table.rows_in == 800
    assert small.events is not None
    assert data["events"]["rows"] == len(pd.read_parquet(small.events))


def test_a_file_of_test_rows_has_its_own(export: Export, playbook: Playbook) -> None:
    test = export({name: list(values)[:20] for name, values in FLAT.items()})
    material = gather(Sources(export(FLAT), label="won", test=test), playbook, "qualification")
    assert [(file.name, file.rows) for file in material.files] == [("leads", 80), ("test", 20)]


# What must not be in it, and what must.


def test_the_record_names_no_path_file_or_person(
    small: Sources, timed: Material, short_playbook: Playbook
) -> None:
    said = json.dumps(record_of(timed, split_of(timed), short_playbook), allow_nan=False)
    for path in filter(None, small.files.values()):
        assert path.name not in said
        assert str(path.parent) not in said
    assert str(Path.home()) not in said
    assert str(Path.cwd()) not in said
    assert timed.leads.lead_id[0].as_py() not in said
    assert "@" not in said


def test_the_record_says_which_versions_and_counts(
    timed: Material, short_playbook: Playbook
) -> None:
    split = split_of(timed)
    said = record_of(timed, split, short_playbook)
    assert said["versions"] == versions()
    assert said["versions"]["python"] == platform.python_version()
    assert said["versions"]["lightgbm"] == version("lightgbm")
    assert set(said["versions"]) == {"python", *PACKAGES}
    assert said["revision"] == revision()
    assert said["counts"] == counts(timed, split, short_playbook)
    assert {"leads", "rows", "positives", "immature", "closed"} <= set(said["counts"])


def test_no_outcome_that_was_learnt_from_was_known_later_than_it_says(
    timed: Material, short_playbook: Playbook
) -> None:
    split = split_of(timed)
    until = outcomes_seen_until(split)
    horizon = timed.task.horizon
    assert until is not None
    assert horizon is not None
    assert (timed.spine.cutoff[split.train] + horizon <= until).all()
    assert (timed.spine.cutoff[split.test] >= until).all()
    said = record_of(timed, split, short_playbook)
    assert said["outcomes_seen_until"] == iso(until)
    assert parse_one(said["outcomes_seen_until"], None, "") == until


def test_a_flat_export_has_seen_outcomes_of_no_known_time(
    export: Export, playbook: Playbook
) -> None:
    material = gather(Sources(export(FLAT), label="won"), playbook, "qualification")
    label = material.spine.label
    assert label is not None
    said = record_of(material, split_at_random(label, material.group, 0), playbook)
    assert said["outcomes_seen_until"] is None
    assert said["first_test_cutoff"] is None


# The code.


def _git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    words = ("git", "-C", str(folder), *who, *words)
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_revision_is_that_of_the_checkout_and_says_when_it_was_changed(tmp_path: Path) -> None:
    _git(tmp_path, "init", "--quiet")
    (tmp_path / "other.py").write_text("")
    _git(tmp_path, "add", "other.py")
    _git(tmp_path, "commit", "--quiet", "-m", "one")
    assert revision(tmp_path) is None  # somebody else's repository
    (tmp_path / "tegakari.py").write_text("")
    _git(tmp_path, "add", "tegakari.py")
    _git(tmp_path, "commit", "--quiet", "-m", "two")
    head = _git(tmp_path, "rev-parse", "HEAD")
    revision.cache_clear()
    assert revision(tmp_path) == head
    (tmp_path / "tegakari.py").write_text("changed = True\n")
    revision.cache_clear()
    assert revision(tmp_path) == head + "+"


def test_without_git_or_a_checkout_there_is_no_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert revision(tmp_path / "nowhere") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert revision(tmp_path) is None


# What is refused before the long work starts.


@pytest.mark.parametrize("value", ["0", "1"])
def test_labels_of_one_class_are_refused_before_anything_is_built(
    export: Export, playbook: Playbook, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("the long work has started")

    for name in ("refuse_leaks", "freeze", "build"):
        monkeypatch.setattr(f"training.train.{name}", never)
    flat = Sources(export({**FLAT, "won": [value] * 80}), label="won")
    with pytest.raises(
        TrainingRefused, match=r"One class only: of the \d+ training rows .* row has"
    ):
        train(gather(flat, playbook, "qualification"), playbook)
    alike = Sources(export({"won": ["1", "0"] * 40, "size": [1] * 80}), label="won")
    with pytest.raises(TrainingRefused, match="the 80 rows are 1 different ones"):
        train(gather(alike, playbook, "qualification"), playbook)


def test_a_span_without_room_for_the_horizon_is_refused_before_anything_is_built(
    small: Sources, short_playbook: Playbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.train.build", None)
    monkeypatch.setattr("training.train.refuse_leaks", None)
    longer = Playbook.parse(short_playbook.text.replace('horizon = "30d"', 'horizon = "200d"'))
    material = gather(small, longer, "qualification")
    assert np.ptp(material.spine.cutoff) > 0
    with pytest.raises(
        TrainingRefused, match=r"No row's horizon of 200 days ends before the first"
    ):
        train(material, longer)
