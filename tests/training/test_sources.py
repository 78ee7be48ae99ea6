"""From files to training rows: what is read, and what is refused before the long work starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError, TegakariError, TrainingRefused, UsageError
from features.instants import DAY
from features.log import Leads
from features.spine import labels_of
from models.playbook import Playbook
from training.sources import Material, Sources, copies, gather, read_label, same_rows
from training.split import split_at_random

Export = Callable[[Mapping[str, Sequence[Any]]], Path]


def leads_with(values: Sequence[Any]) -> Leads:
    n = len(values)
    ids = pa.array([str(row) for row in range(n)])
    return Leads(ids, np.zeros(n, dtype=np.int64), pa.table({"won": pa.array(values)}))


def labels(values: Sequence[Any], positive: str | None = None) -> npt.NDArray[np.int8]:
    return read_label(leads_with(values), "won", positive, "leads.csv")


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("1", "0"),
        ("true", "false"),
        ("TRUE", "FALSE"),
        ("Yes", "No"),
        (" yes ", "nO"),
        (1, 0),
        (1.0, 0.0),
        (True, False),
    ],
)
def test_labels_that_say_yes_and_no_are_read(yes: Any, no: Any) -> None:
    found = labels([no, yes, yes, no])
    assert found.dtype == np.int8
    assert found.tolist() == [0, 1, 1, 0]
    assert labels([yes, yes]).tolist() == [1, 1]


@pytest.mark.parametrize(
    "values",
    [["won", "lost"], ["0", "1", "2"], ["yes", "no", "maybe"], ["Y", "N"], [2, 3], ["-1", "1"]],
)
def test_other_labels_need_the_value_that_means_converted(values: list[Any]) -> None:
    with pytest.raises(UsageError, match=r"--label 'won' holds .* --positive VALUE"):
        labels(values)
    wanted = str(values[0])
    expected = [int(str(value) == wanted) for value in values]
    assert labels(values, wanted).tolist() == expected


def test_a_value_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"--positive 'gained': column 'won' holds 'lost', 'won'"):
        labels(["won", "lost"], "gained")


def test_a_value_that_comes_in_two_spellings_is_ambiguous() -> None:
    for twice in (["Won", "won", "lost"], ["won", "won ", "lost"]):
        with pytest.raises(UsageError, match=r"--positive 'won': .* ambiguous"):
            labels(twice, "won")
    assert labels(["Yes", "yes", "no"]).tolist() == [1, 1, 0]


def test_empty_labels_are_refused_and_counted() -> None:
    for empty in (None, ""):
        with pytest.raises(InputError, match=r"leads\.csv: column 'won' has 2 empty labels"):
            labels(["1", empty, "0", empty])


def test_a_label_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"--label 'sold': leads\.csv has no such column; it has won"
    ):
        read_label(leads_with(["1"]), "sold", None, "leads.csv")


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "", None]), st.sampled_from([1, 2, None])),
        min_size=1,
        max_size=60,
    )
)
def test_rows_are_one_group_exactly_when_they_are_equal(rows: list[tuple[Any, Any]]) -> None:
    text, number = zip(*rows, strict=True)
    group = same_rows(
        pa.table({"t": pa.array(text, pa.string()), "n": pa.array(number, pa.int64())})
    )
    seen = [(row[0] or None, row[1]) for row in rows]
    for i, one in enumerate(seen):
        for j, other in enumerate(seen):
            assert (group[i] == group[j]) == (one == other)


def test_rows_without_columns_are_all_alike() -> None:
    table = pa.table({"a": ["x", "y"]}).select([])
    assert len(set(same_rows(table).tolist())) <= 1


FLAT = {
    "id": [f"l{row}" for row in range(8)],
    "won": ["1", "0"] * 4,
    "size": [5, 6, 5, 6, 5, 6, 7, 8],
    "Asymmetrique Index": list("abababab"),
    "Asymmetrique Score": list("cdcdcdcd"),
    "industry": list("xyxyxyxy"),
}


def flat(export: Export, **more: Any) -> Sources:
    return Sources(export(FLAT), columns={"lead_id": "id"}, label="won", **more)


def learnable(material: Material) -> set[str]:
    return {c.name for c in material.columns if c.learnable}


def test_the_label_and_what_is_dropped_are_not_learnt(export: Export, playbook: Playbook) -> None:
    every = gather(flat(export), playbook, "qualification")
    asymmetrique = {"Asymmetrique Index", "Asymmetrique Score"}
    assert learnable(every) == {"size", "industry"} | asymmetrique
    starred = gather(flat(export, drop=["Asymmetrique *"]), playbook, "qualification")
    assert learnable(starred) == {"size", "industry"}
    exact = gather(flat(export, drop=["Asymmetrique Index"]), playbook, "qualification")
    assert learnable(exact) == {"size", "industry", "Asymmetrique Score"}


@pytest.mark.parametrize("option", ["drop", "trust"])
@pytest.mark.parametrize("name", ["Industry", "Asym", "nothing *", "id"])
def test_a_column_that_is_not_there_is_refused_with_those_that_are(
    export: Export, playbook: Playbook, option: str, name: str
) -> None:
    with pytest.raises(UsageError) as refused:
        gather(flat(export, **{option: [name]}), playbook, "qualification")
    assert str(refused.value).startswith(
        f"--{option} {name!r}: no such column; there are won, size"
    )


def test_equal_rows_of_a_flat_export_are_one_group(export: Export, playbook: Playbook) -> None:
    material = gather(flat(export), playbook, "qualification")
    assert material.flat
    assert material.spine.label is not None
    assert material.spine.label.tolist() == [1, 0] * 4
    assert len({material.group[row] for row in (0, 2, 4)}) == 1
    assert len(set(material.group.tolist())) == 4


def test_a_flat_export_needs_no_ids(export: Export, playbook: Playbook) -> None:
    columns = {name: values for name, values in FLAT.items() if name != "id"}
    material = gather(Sources(export(columns), label="won"), playbook, "qualification")
    assert material.leads.lead_id.to_pylist()[:2] == ["line 2", "line 3"]
    assert material.intake.numbered


def test_a_file_of_test_rows_comes_after_the_others(export: Export, playbook: Playbook) -> None:
    more = {name: values[:3] for name, values in FLAT.items()}
    material = gather(flat(export, test=export(more)), playbook, "qualification")
    assert material.given_test is not None
    assert material.given_test.tolist() == [False] * 8 + [True] * 3
    assert material.spine.label is not None
    assert material.spine.label.tolist() == [1, 0] * 4 + [1, 0, 1]
    assert material.group[8] == material.group[0]


def test_test_rows_of_another_format_hold_the_same_values(
    export: Export, playbook: Playbook, tmp_path: Path
) -> None:
    from pyarrow import parquet

    more: dict[str, Any] = {name: values[:3] for name, values in FLAT.items()}
    parquet.write_table(pa.table(more), tmp_path / "test.parquet")
    mixed, same = (
        gather(flat(export, test=test), playbook, "qualification")
        for test in (tmp_path / "test.parquet", export(more))
    )
    assert learnable(mixed) == learnable(same)
    assert mixed.group.tolist() == same.group.tolist()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, "Nothing says what became of the leads"),
        ({"label": "won", "events": Path("e.csv")}, "--label is for a flat export without times"),
        ({"label": "won", "changes": Path("c.csv")}, "--label is for a flat export without times"),
        ({"label": "won", "date_events": {"a": "b"}}, "--label is for a flat export without times"),
        (
            {"positive": "x", "events": Path("e.csv")},
            "--positive, --test and --ordered go with --label",
        ),
        (
            {"test": Path("t.csv"), "events": Path("e.csv")},
            "--positive, --test and --ordered go with --label",
        ),
    ],
)
def test_options_that_contradict_each_other_are_refused_before_any_file_is_read(
    playbook: Playbook, more: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        gather(Sources(Path("nowhere.csv"), **more), playbook, "qualification")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"leads": Path("nowhere.csv")}, "nowhere.csv: there is no such file"),
        ({"until": "last week"}, "--until: expected a time"),
        ({"drop": ["colour"]}, "--drop 'colour': no such column"),
        (
            {"until": "2024-06-10T00:00:00Z"},
            r"The horizon of task 'qualification' is 30d, and the data are shorter: .* are 3\.8 days",
        ),
        (
            {"until": "2024-07-07T12:00:00Z"},
            r"No row of task 'qualification' is open and mature \(.*left out: .* immature",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_refused(
    small: Sources, short_playbook: Playbook, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(TegakariError, match=says):
        gather(replace(small, **change), short_playbook, "qualification")


def test_a_task_that_the_playbook_lacks_is_refused(
    small: Sources, short_playbook: Playbook
) -> None:
    with pytest.raises(UsageError, match=r"no task is called 'recycled'.*Did you mean 'recycling'"):
        gather(small, short_playbook, "recycled")


def test_a_label_that_never_occurs_is_refused_with_the_types_that_do(small: Sources) -> None:
    playbook = Playbook.parse(
        'schema = 1\n[tasks.qualification]\nlabel = "deal_open"\ncloses = ["deal_open"]\n'
        'horizon = "30d"\ncutoffs = { every = "28d" }\n'
    )
    with pytest.raises(
        TrainingRefused,
        match=r"label deal_open, which never occurs\. Did you mean 'deal_opened'\? .* are: deal_opened,",
    ):
        gather(small, playbook, "qualification")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ('closes = ["deal_opened", "losst"]', r"closes losst, which never occurs\. .* 'lost'\?"),
        (
            'closes = ["deal_opened"]\nreopens = ["back"]',
            r"reopens back, .* declare \[events\.back\]",
        ),
        (
            'closes = ["deal_opened", "Lost"]\n[events.deal_opened]\n[events.Lost]',
            r"closes Lost, which never occurs\. Did you mean 'lost'",
        ),
        ('closes = ["deal_opened", "gone"]\nafter = "gone"', r"after gone, which never occurs\."),
    ],
)
def test_an_event_of_the_task_that_never_occurs_is_refused_with_the_nearest(
    small: Sources, change: str, says: str
) -> None:
    playbook = Playbook.parse(
        f'schema = 1\n[tasks.t]\nlabel = "deal_opened"\nhorizon = "30d"\n{change}\n'
    )
    with pytest.raises(TrainingRefused, match=rf"\[tasks\.t\] has {says}"):
        gather(small, playbook, "t")


def test_a_declared_event_may_not_have_happened_yet(small: Sources) -> None:
    """Whoever declares an event knows its name; only a type that looks like it raises a doubt."""
    text = (
        'schema = 1\n[events.deal_opened]\n[events.bankruptcy]\n[tasks.t]\nlabel = "deal_opened"\n'
        'closes = ["deal_opened", "bankruptcy"]\nhorizon = "30d"\ncutoffs = { every = "28d" }\n'
    )
    assert len(gather(small, Playbook.parse(text), "t").spine)


def test_a_file_of_test_rows_without_rows_is_refused(export: Export, playbook: Playbook) -> None:
    nothing: dict[str, Any] = {name: [] for name in FLAT}
    with pytest.raises(InputError, match=r"--test .*: expected rows to test on, and no row"):
        gather(flat(export, test=export(nothing)), playbook, "qualification")


@pytest.mark.parametrize("option", ["drop", "trust"])
def test_the_nearest_column_is_named(export: Export, playbook: Playbook, option: str) -> None:
    with pytest.raises(UsageError, match=r"Did you mean 'industry'\?$"):
        gather(flat(export, **{option: ["industri"]}), playbook, "qualification")


@pytest.mark.parametrize("seed", range(5))
def test_no_duplicate_row_straddles_a_random_split(
    export: Export, playbook: Playbook, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    columns = {
        "t": rng.choice(list("abcdefgh"), 200),
        "n": rng.integers(5, size=200),
        "won": rng.integers(2, size=200),
    }
    material = gather(Sources(export(columns), label="won"), playbook, "qualification")
    assert learnable(material) == {"t", "n"}
    split = split_at_random(labels_of(material.spine), material.group, seed)
    said = [f"{t} {n}" for t, n in zip(columns["t"], columns["n"], strict=True)]
    train, test = ({said[row] for row in rows} for rows in (split.train, split.test))
    assert len(train | test) < 200
    assert not train & test
    assert sorted(np.r_[split.train, split.test]) == list(range(200))


def test_equal_rows_are_copies_where_chance_does_not_make_so_many(
    export: Export, playbook: Playbook
) -> None:
    rng = np.random.default_rng(1)
    few = {"t": rng.choice(list("abcd"), 300), "n": rng.integers(4, size=300)}
    by_chance = copies(pa.table(few))
    assert len(np.unique(by_chance)) == 300
    many = pa.table({"x": rng.normal(size=300), **few})
    twice = pa.concat_tables([many, many])
    np.testing.assert_array_equal(copies(twice), same_rows(twice))


def test_rows_are_mature_open_and_labelled_within_the_horizon(
    small: Sources, short_playbook: Playbook
) -> None:
    material = gather(small, short_playbook, "qualification")
    spine, log = material.spine, material.log
    assert spine.label is not None
    assert (spine.cutoff + 30 * DAY <= material.observed_until).all()
    assert material.observed_until == log.occurred_at.max()
    deals = log.event_type == log.types.index("deal_opened")
    lead, at = log.lead_of_event()[deals], log.occurred_at[deals]
    for row in np.random.default_rng(0).choice(len(spine), 200, replace=False):
        mine = at[lead == spine.lead[row]] - spine.cutoff[row]
        assert spine.label[row] == ((mine > 0) & (mine <= 30 * DAY)).any()
        assert not (mine <= 0).any()
    assert 0.01 < spine.label.mean() < 0.2


def test_until_ends_what_is_observed(small: Sources, short_playbook: Playbook) -> None:
    asked = replace(small, until="2025-03-01")
    material = gather(asked, short_playbook, "qualification")
    whole = gather(small, short_playbook, "qualification")
    assert material.spine.cutoff.max() + 30 * DAY <= material.observed_until
    kept = whole.spine.cutoff + 30 * DAY <= material.observed_until
    assert material.spine.cutoff.tolist() == whole.spine.cutoff[kept].tolist()
    assert material.spine.label is not None
    assert whole.spine.label is not None
    assert material.spine.label.tolist() == whole.spine.label[kept].tolist()


def test_dates_of_the_lead_list_become_events(export: Export, short_playbook: Playbook) -> None:
    n = 60
    path = export(
        {
            "lead_id": [f"l{row}" for row in range(n)],
            "created_at": ["2024-01-01T00:00:00Z"] * n,
            "opp": ["2024-02-10" if row % 3 == 0 else None for row in range(n)],
            "end": ["2024-12-31"] * n,
        }
    )
    sources = Sources(path, date_events={"deal_opened": "opp", "photo": "end"}, timezone="UTC")
    material = gather(sources, short_playbook, "qualification")
    assert material.log.types == ("deal_opened", "photo")
    assert {c.name: c.role for c in material.columns} == {"opp": "outcome", "end": "outcome"}
    assert material.spine.label is not None
    assert set(material.spine.lead[material.spine.label == 1]) == set(range(0, n, 3))
    empty = replace(sources, date_events={"deal_opened": "nothing"})
    with pytest.raises(InputError, match="expected column 'nothing' for the event 'deal_opened'"):
        gather(empty, short_playbook, "qualification")


def test_a_column_left_out_does_not_tell_accounts_either(
    small: Sources, short_playbook: Playbook, tmp_path: Path
) -> None:
    table = (
        pd.read_csv(small.leads) if small.leads.suffix == ".csv" else pd.read_parquet(small.leads)
    )
    numbers = range(len(table))
    table = table.assign(
        account_id=[f"A{n // 2}" for n in numbers],
    )
    table.to_csv(tmp_path / "leads.csv", index=False)
    sources = replace(small, leads=tmp_path / "leads.csv")

    def told_by(*drop: str) -> str | None:
        found = gather(replace(sources, drop=drop), short_playbook, "qualification")
        assert (found.intake.colleagues is None) == (found.account is None)
        return found.account

    assert told_by() == "account_id"
    assert told_by("account_id") == "email"
    assert told_by("account_id", "email") is None
