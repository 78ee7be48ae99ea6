"""The matrix: behaviour and attributes side by side, named, and the same for a lead alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from features.build import Matrix, build
from features.changes import Changes
from features.groups import groups
from features.instants import DAY, MISSING
from features.plan import Attribute, Plan, expand
from features.program import compile_plan
from features.spine import Spine
from tests.features.histories import NOW, Event, leads_of, log_of

PLAN = Plan(
    event_types=("page",),
    other_types=(),
    touches=(),
    features=expand(["count 7d", "recency", "age"], {"group": groups(("page",), (), ())}),
    attributes=(
        Attribute("employees", "number", "tracked"),
        Attribute("age", "category"),
        Attribute("absent", "number"),
    ),
    timezone="UTC",
    columns={},
    date_events={},
)
LEADS = leads_of([NOW - DAY, MISSING], employees=["10", ""], age=["40-49", None], extra=["x", "y"])
HISTORY = [Event("page", NOW - DAY), Event("page", NOW, lead=1), Event("page", NOW + 1)]
CHANGES = Changes(np.array([0]), ["employees"], ["5"], np.array([NOW + DAY]))


@pytest.fixture
def matrix() -> Matrix:
    return build(PLAN, compile_plan(PLAN), LEADS, log_of(LEADS, HISTORY), Spine.at(2, NOW), CHANGES)


def test_a_matrix_names_its_columns_in_the_order_of_the_plan(matrix: Matrix) -> None:
    table = matrix.to_table()
    assert len(matrix) == 2
    assert table.column_names == PLAN.names
    assert table.to_pydict() == {
        "count_7d(page)": [1, 1],
        "count_7d(*any)": [1, 1],
        "recency(page)": [24, 0],
        "recency(*any)": [24, 0],
        "age(*lead)": [24, None],
        "employees": [5, None],
        "age": ["40-49", None],
        "absent": [None, None],
    }
    assert [str(field.type) for field in table.schema] == ["float"] * 5 + [
        "double",
        "string",
        "double",
    ]


def test_rows_are_taken_whole(matrix: Matrix) -> None:
    rows = np.array([1, 0, 1])
    assert matrix.take(rows).to_table().equals(matrix.to_table().take(pa.array(rows)))


def test_a_lead_alone_has_the_row_that_it_has_in_a_list(matrix: Matrix) -> None:
    for lead in (0, 1):
        mask = np.arange(2) == lead
        changes = Changes(np.array([0]), ["employees"], ["5"], np.array([NOW + DAY]))
        alone = build(
            PLAN,
            compile_plan(PLAN),
            LEADS.keep(mask),
            log_of(LEADS, HISTORY).keep(mask),
            Spine.at(1, NOW),
            changes if lead == 0 else None,
        )
        assert alone.to_table().equals(matrix.take(np.array([lead])).to_table())
