"""Attributes: what a column is taken for, who may learn it, and its value as of a cutoff."""

from __future__ import annotations

import math
import tomllib
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.attributes import Column, Declared, as_of, columns, learnt, unreadable
from features.changes import Changes
from features.errors import PlaybookError
from features.instants import DAY, HOUR, MISSING, iso, zone
from features.plan import Attribute
from features.spine import Spine
from features.times import parse_one
from tests.features.histories import CHECKED, NOW, leads_of

N = 40
DIFFERENT = [f"text {i}" for i in range(N)]
CREATED = [NOW - i * DAY for i in range(N)]


def guessed(name: str, values: Any, **said: Any) -> Column:
    leads = leads_of(CREATED[: len(values)], **{name: values})
    (column,) = columns(leads, {name: Declared(**said)} if said else {})
    return column


def few(*levels: Any) -> list[Any]:
    return [levels[i % len(levels)] for i in range(N)]


# Guesses.


@pytest.mark.parametrize(
    ("name", "role", "time"),
    [
        ("Company", "display", "fixed"),
        ("会社名", "display", "fixed"),
        ("お客様の氏名", "display", "fixed"),
        ("担当者名", "feature", "snapshot"),
        ("lead_email", "display", "fixed"),
        ("メールアドレス", "display", "fixed"),
        ("電話番号", "display", "fixed"),
        ("PhoneNumber", "display", "fixed"),
        ("備考", "display", "fixed"),
        ("Do Not Email", "consent", "fixed"),
        ("doNotCall", "consent", "fixed"),
        ("配信停止フラグ", "consent", "fixed"),
        ("opt-in", "consent", "fixed"),
        ("Gender", "protected", "fixed"),
        ("性別", "protected", "fixed"),
        ("Lead Status", "feature", "snapshot"),
        ("leadOwner", "feature", "snapshot"),
        ("ステータス", "feature", "snapshot"),
        ("営業担当", "feature", "snapshot"),
        ("Last Activity", "feature", "snapshot"),
        ("最終接触", "feature", "snapshot"),
        ("TotalVisits", "feature", "snapshot"),
        ("Number of calls", "feature", "snapshot"),
        ("訪問件数", "feature", "snapshot"),
        ("IsConverted", "feature", "snapshot"),
        ("industry", "feature", "fixed"),
        ("業種", "feature", "fixed"),
        ("Specialization", "feature", "fixed"),
        ("Statuswechsel-Land", "feature", "fixed"),
        ("Essex", "feature", "fixed"),
        ("c1", "feature", "fixed"),
        ("", "feature", "fixed"),
    ],
)
def test_a_name_is_understood_as_words_in_both_languages(name: str, role: str, time: str) -> None:
    found = guessed(name, few("a", "b", "c"))
    assert (found.role, found.time) == (role, time)


@pytest.mark.parametrize("name", ["c1", "列１", "x.y/z"])
@pytest.mark.parametrize(
    ("values", "role", "type_"),
    [
        (DIFFERENT, "display", "category"),
        (few("a", "b"), "feature", "category"),
        (few("1", "2.5"), "feature", "number"),
        ([str(579_533 + i) for i in range(N)], "key", "number"),
        ([f"{i:05}" for i in range(N)], "display", "category"),
        ([str(i + 0.5) for i in range(N)], "feature", "number"),
        (["2026-01-01"] * N, "feature", "date"),
    ],
    ids=["texts", "few texts", "few numbers", "serial", "padded serial", "measures", "dates"],
)
def test_without_a_telling_name_the_values_decide(
    name: str, values: list[str], role: str, type_: str
) -> None:
    found = guessed(name, values)
    assert (found.role, found.type) == (role, type_)


def test_an_id_is_a_key_only_where_it_tells_rows_apart() -> None:
    assert guessed("Prospect ID", DIFFERENT).role == "key"
    assert guessed("campaign_id", few("1", "2")).role == "feature"
    assert guessed("会社番号", DIFFERENT).role == "key"


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (few("0012", "0345"), "category"),
        (few("12", "012"), "category"),
        (few("0", "0.5", "10"), "number"),
        (few("1E5", "2"), "number"),
        (few("1", "", "nan", "inf"), "number"),
        (few("1", "NA"), "category"),
        (few("TRUE", "FALSE"), "category"),
        (few("１", "２"), "number"),
        (few("1,200", "900"), "number"),
        (few("1,5", "2,5"), "category"),
        (few("2026-04-01", "2026-02-30"), "category"),
        (few("2026-04-01", "9999-12-31", None), "date"),
        (few("2026/04/01 09:00", "2026-04-01T09:00Z"), "date"),
        (pa.array(few(True, False)), "category"),
        (pa.array(few(1, 2)), "number"),
        (pa.array(few(1.5, math.nan)), "number"),
        (pa.array(few(1, None), pa.timestamp("ms")), "date"),
        (pa.array(few("a", "b")).dictionary_encode(), "category"),
        (pa.nulls(N), "category"),
        (few("", None), "category"),
    ],
    ids=str,
)
def test_the_type_is_that_of_every_cell(values: Any, type_: str) -> None:
    assert guessed("c1", values).type == type_


def test_dates_after_the_creation_are_as_of_the_export() -> None:
    before = [iso(at - DAY) for at in CREATED]
    after = [*before[:-1], iso(CREATED[-1] + HOUR)]
    assert guessed("c1", before).time == "fixed"
    assert guessed("c1", after).time == "snapshot"


def test_what_is_declared_goes_before_what_is_guessed() -> None:
    values = few("1", "2")
    found = guessed("Lead Score", values, role="feature", time="fixed", type="category")
    assert (found.role, found.time, found.type) == ("feature", "fixed", "category")
    assert guessed("Lead Score", values, role="display").time == "snapshot"
    assert guessed("Lead Score", values, type="category").time == "snapshot"


def test_the_table_of_changes_and_the_outcome_decide_too() -> None:
    leads = leads_of(CREATED, Status=few("a", "b"), won=few("0", "1"), x=few("a", "b"))
    said = {"x": Declared(time="snapshot")}
    status, won, x = columns(leads, said, tracked=["Status", "x"], outcomes=["won"])
    assert (status.role, status.time) == ("feature", "tracked")
    assert won.role == "outcome"
    assert x.time == "snapshot"
    assert not won.learnable


@pytest.mark.parametrize(
    "name", ["c1", "Lead Score", "会社名", 'a "quoted" \\ name', "タブ\tと改行\n"]
)
def test_a_guess_can_be_pasted_into_a_playbook(name: str) -> None:
    found = guessed(name, few("a", "b"))
    pasted = tomllib.loads("[attributes]\n" + found.as_playbook())["attributes"]
    assert pasted == {name: {"role": found.role, "time": found.time, "type": found.type}}


# What may be learnt.


def test_a_snapshot_is_learnt_only_when_trusted_or_flat() -> None:
    leads = leads_of(
        CREATED,
        score=few("1", "2"),
        industry=few("a", "b"),
        status=few("a", "b"),
        employees=few("1", "2"),
    )
    found = columns(leads, {}, tracked=["employees"])
    assert [a.name for a in learnt(found, [], flat=False)] == ["industry", "employees"]
    assert [a.name for a in learnt(found, ["status"], flat=False)] == [
        "industry",
        "status",
        "employees",
    ]
    assert learnt(found, [], flat=True) == (
        Attribute("score", "number", "snapshot"),
        Attribute("industry", "category", "fixed"),
        Attribute("status", "category", "snapshot"),
        Attribute("employees", "number", "tracked"),
    )


@pytest.mark.parametrize("role", ["display", "key", "outcome", "protected"])
def test_only_features_and_consents_are_learnt(role: str) -> None:
    assert not guessed("c1", few("a", "b"), role=role).learnable
    assert guessed("c1", few("a", "b"), role="consent").learnable


def test_a_column_that_never_differs_is_not_learnt() -> None:
    assert not guessed("c1", ["a"] * N).learnable
    assert not guessed("c1", pa.nulls(N)).learnable
    assert guessed("c1", few("a", "b")).learnable


def test_a_date_is_learnt_where_there_is_a_cutoff_to_count_to() -> None:
    found = [guessed("c1", few("2020-01-01", "2020-01-02"))]
    assert learnt(found, [], flat=False) == (Attribute("c1", "date"),)
    assert learnt(found, [], flat=True) == ()


def test_free_text_is_learnt_where_the_playbook_says_so() -> None:
    assert not guessed("c1", DIFFERENT).learnable
    said = guessed("備考", DIFFERENT, type="text", role="feature")
    assert learnt([said], [], flat=True) == (Attribute("備考", "text"),)


def test_a_category_has_no_direction() -> None:
    with pytest.raises(PlaybookError, match=r"\[attributes.c1\] monotone: .* is a category"):
        guessed("c1", few("a", "b"), monotone="increasing")
    rising = guessed("c1", few(1, 2), monotone="increasing")
    assert learnt([rising], [], flat=True)[0].monotone == "increasing"
    assert tomllib.loads(rising.as_playbook())["c1"]["monotone"] == "increasing"


# Values.


def values_of(
    attribute: Attribute, cells: Any, changes: Changes | None = None, spine: Spine | None = None
) -> list[Any]:
    leads = leads_of([NOW - 20 * DAY] * len(cells), **{attribute.name: cells})
    found = as_of(attribute, leads, changes, spine or Spine.at(len(cells), NOW))
    return list(found.to_pylist() if isinstance(found, pa.Array) else found)


def changes_of(*rows: tuple[int, str, str | None, int]) -> Changes:
    """Changes as (lead, attribute, old value, moment), in the order that they are read in."""
    ordered = sorted(rows, key=lambda row: (row[0], row[3]))
    return Changes(
        np.array([row[0] for row in ordered], dtype=np.int64),
        [row[1] for row in ordered],
        [row[2] for row in ordered],
        np.array([row[3] for row in ordered], dtype=np.int64),
    )


def test_cells_that_are_no_finite_number_are_found_and_missing() -> None:
    number, text = Attribute("n", "number"), Attribute("t", "category")
    cells = ["1", "NaN", "inf", "-1e999", "many", "", None]
    leads = leads_of(CREATED[:7], n=cells, t=cells)
    found = unreadable(leads, [number, text, Attribute("absent", "number")], None)
    assert list(found) == ["n"]
    assert found["n"].cells.tolist() == [False, True, True, True, True, False, False]
    assert unreadable(leads_of(CREATED[:2], n=["1", None]), [number], None) == {}


def test_cells_that_are_no_date_are_found() -> None:
    leads = leads_of(CREATED[:4], d=["2026-01-01", "1/2/2026", "", "soon"])
    found = unreadable(leads, [Attribute("d", "date")], zone("Asia/Tokyo"))
    assert found["d"].cells.tolist() == [False, True, False, True]
    assert found["d"].expected == "a date"


def test_a_date_is_the_days_from_its_start_to_the_cutoff() -> None:
    tokyo = zone("Asia/Tokyo")
    cutoff = parse_one("2026-03-01T12:00:00+09:00", tokyo, "")
    leads = leads_of(
        [cutoff] * 4, d=["2026-02-27", "2026-03-01T06:00:00+09:00", "2026-03-05", None]
    )
    days = as_of(Attribute("d", "date"), leads, None, Spine.at(4, cutoff), tokyo)
    np.testing.assert_allclose(np.asarray(days), [2.5, 0.25, -3.5, np.nan])


def test_a_date_is_as_it_was_known_at_the_cutoff() -> None:
    cells, changes = ["2026-05-05"], changes_of((0, "d", "2026-01-01", NOW))
    leads, attribute = leads_of([NOW - 20 * DAY], d=cells), Attribute("d", "date", "tracked")
    before = np.asarray(as_of(attribute, leads, changes, Spine.at(1, NOW - DAY), zone("UTC")))
    after = np.asarray(as_of(attribute, leads, changes, Spine.at(1, NOW), zone("UTC")))
    moved = (
        parse_one("2026-05-05", zone("UTC"), "") - parse_one("2026-01-01", zone("UTC"), "")
    ) / DAY
    assert after[0] == before[0] + 1 - moved


def test_free_text_is_its_number_of_characters() -> None:
    said = values_of(Attribute("x", "text"), ["資料がほしい", "", None, "abc"])
    np.testing.assert_array_equal(said, [6, np.nan, np.nan, 3])


def test_numbers_are_numbers_and_categories_keep_their_letters() -> None:
    np.testing.assert_array_equal(
        values_of(Attribute("x", "number"), ["1E5", "", None, " 2 "]), [1e5, np.nan, np.nan, 2]
    )
    assert values_of(Attribute("x", "category"), ["0012", "NA", "", None]) == [
        "0012",
        "NA",
        None,
        None,
    ]
    assert values_of(Attribute("x", "category"), [1.0, 2.5, None]) == ["1", "2.5", None]


@pytest.mark.parametrize("time", ["fixed", "tracked", "snapshot"])
def test_a_column_that_is_absent_is_missing_everywhere(time: Any) -> None:
    leads, spine = leads_of([NOW] * 3), Spine.at(3, NOW)
    number = as_of(Attribute("x", "number", time), leads, changes_of(), spine)
    assert np.isnan(np.asarray(number)).tolist() == [True] * 3
    category = as_of(Attribute("x", "category", time), leads, changes_of(), spine)
    assert category.to_pylist() == [None] * 3


TRACKED = Attribute("role", "category", "tracked")


@pytest.mark.parametrize(
    ("cutoff", "value"),
    [
        (NOW - 3 * DAY, "first"),
        (NOW - 2 * DAY - 1, "first"),
        (NOW - 2 * DAY, "second"),
        (NOW - DAY - 1, "second"),
        (NOW - DAY, None),
        (NOW - 1, None),
        (NOW, "today"),
        (NOW + DAY, "today"),
    ],
)
def test_a_tracked_value_changes_with_the_moment_of_the_change(
    cutoff: int, value: str | None
) -> None:
    changes = changes_of(
        (0, "role", "first", NOW - 2 * DAY),
        (0, "other", "wrong", NOW + DAY),
        (1, "role", "another lead's", NOW + 2 * DAY),
        (0, "role", "second", NOW - DAY),
        (0, "role", None, NOW),
    )
    spine = Spine.at(2, cutoff)
    assert values_of(TRACKED, ["today", "x"], changes, spine) == [value, "another lead's"]
    fixed = Attribute("role", "category", "fixed")
    assert values_of(fixed, ["today", "x"], changes, spine) == ["today", "x"]
    assert values_of(TRACKED, ["today", "x"], None, spine) == ["today", "x"]


def test_of_changes_at_once_the_first_says_what_was_before() -> None:
    changes = changes_of((0, "role", "before", NOW), (0, "role", "between", NOW))
    assert values_of(TRACKED, ["after"], changes, Spine.at(1, NOW - 1)) == ["before"]
    assert values_of(TRACKED, ["after"], changes, Spine.at(1, NOW)) == ["after"]


def test_a_tracked_number_is_a_number_and_changes_of_others_leave_it() -> None:
    number = Attribute("n", "number", "tracked")
    changes = changes_of((0, "n", "5", NOW + 1), (1, "n", "lots", NOW + 1), (2, "m", "7", NOW + 1))
    for cells in (["1", "2", "3"], [1, 2, 3], [1.0, 2.0, 3.0]):
        np.testing.assert_array_equal(values_of(number, cells, changes), [5, np.nan, 3])
    np.testing.assert_array_equal(values_of(number, ["1"], changes_of()), [1])


@CHECKED
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from(("role", "other")),
            st.sampled_from((None, "a", "b", "役職")),
            st.integers(-6, 6).map(lambda n: NOW + n * HOUR),
        ),
        max_size=10,
        unique_by=lambda change: (change[0], change[1], change[3]),
    ),
    st.lists(st.tuples(st.integers(0, 2), st.integers(-7, 7)), min_size=1, max_size=12),
)
def test_a_tracked_value_is_the_old_value_of_the_first_change_after_the_cutoff(
    rows: list[tuple[int, str, str | None, int]], looks: list[tuple[int, int]]
) -> None:
    lead = np.array([look[0] for look in looks], dtype=np.int64)
    cutoff = np.array([NOW + look[1] * HOUR for look in looks], dtype=np.int64)
    spine = Spine(lead, cutoff, None, np.zeros(len(looks), dtype=np.int64))
    now = ["x", None, "z"]
    expected = []
    for row in range(len(looks)):
        later = [r for r in rows if (r[0], r[1]) == (lead[row], "role") and r[3] > cutoff[row]]
        first = min(later, key=lambda r: r[3]) if later else None
        expected.append(first[2] if first else now[lead[row]])
    assert values_of(TRACKED, now, changes_of(*rows), spine) == expected


def test_guesses_need_no_creation_and_no_rows() -> None:
    nobody = leads_of([], name=pa.array([], pa.string()), n=pa.array([], pa.int64()))
    assert [c.levels for c in columns(nobody, {})] == [0, 0]
    undated = leads_of([MISSING] * 3, when=["2026-01-01", None, "2026-01-02"])
    assert columns(undated, {})[0].time == "fixed"
