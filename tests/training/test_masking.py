"""Masking: some training rows do without an input, so that an answer can."""

from __future__ import annotations

import numpy as np

from features.build import Matrix
from features.plan import Attribute, Plan
from training.masking import SHARE, masked

PLAN = Plan(
    ("page",), (), (), (), (Attribute("project", "category", "tracked"),), "UTC", {}, {}
).with_features(["count ever", "account 30d", "changed"])


def test_about_the_share_of_rows_does_without_each_input_and_nothing_else_changes() -> None:
    n = 20_000
    behaviour = np.ones((n, len(PLAN.features)), dtype=np.float32)
    hidden = np.isnan(masked(Matrix(PLAN, behaviour, []), seed=3).behaviour)
    kinds = np.array([feature.kind for feature in PLAN.features])
    assert not hidden[:, kinds == "count"].any()
    rows = {kind: hidden[:, kinds == kind] for kind in ("account", "changed")}
    for of_kind in rows.values():
        assert (of_kind.all(axis=1) == of_kind.any(axis=1)).all()
        assert abs(of_kind[:, 0].mean() - SHARE) < 0.02
    both = (rows["account"][:, 0] & rows["changed"][:, 0]).mean()
    assert abs(both - SHARE**2) < 0.02
    assert not np.isnan(behaviour).any()
