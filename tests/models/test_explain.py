"""Reasons: effects that add up, with the sign of what moved the score, every feature counted once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.build import Matrix
from features.groups import ANY, OTHER
from features.plan import Plan, Response
from models.calibration import Calibrator
from models.conversion import ConversionModel, Trees
from models.encode import Encoder
from models.explain import (
    ROLES,
    Groups,
    effects,
    groups,
    strongest,
)
from models.logistic import Logistic

CALIBRATORS = {
    "none": Calibrator(),
    "sigmoid": Calibrator("sigmoid", values=(1.3, -0.4)),
    "isotonic": Calibrator(
        "isotonic", knots=(-3.0, -1.5, -1.0, 0.5, 2.0), values=(-3.9, -3.8, -1.4, -0.8, 2.9)
    ),
    "beta": Calibrator("beta", values=(0.7, 1.9, -0.4)),
}


@pytest.mark.parametrize("form", CALIBRATORS)
def test_effects_sum_to_the_way_from_the_start_to_the_probability(
    estimator: Trees | Logistic, matrix: Matrix, encoder: Encoder, form: str
) -> None:
    model = ConversionModel(estimator, CALIBRATORS[form])
    X = encoder.encode(matrix)
    effect, of_features, start = effects(model, groups(matrix.plan), X)
    assert of_features.sum(axis=1) == pytest.approx(effect.sum(axis=1), abs=1e-9)
    p = model.probability(X)
    assert effect.sum(axis=1) == pytest.approx(100 * (p - start), abs=1e-9)
    assert np.ptp(start) == 0
    assert start[0] == model.calibrator(estimator.contributions(X[:1])[:, -1])[0]


@pytest.mark.parametrize("form", CALIBRATORS)
def test_an_effect_has_the_sign_of_its_group(
    estimator: Trees | Logistic, matrix: Matrix, encoder: Encoder, form: str
) -> None:
    of, X = groups(matrix.plan), encoder.encode(matrix)
    effect = effects(ConversionModel(estimator, CALIBRATORS[form]), of, X).of_groups
    contributions = estimator.contributions(X)[:, :-1]
    grouped = np.column_stack(
        [contributions[:, of.of_feature == group].sum(axis=1) for group in range(len(of.names))]
    )
    clear = np.abs(grouped) > 1e-9
    assert (np.sign(effect[clear]) * np.sign(grouped[clear]) >= 0).all()
    if form != "isotonic":  # which has flats, where nothing moves the probability
        assert (effect[clear] != 0).all()


def one_term(coefficients: list[float], intercept: float) -> Logistic:
    """A sum of plain terms whose base is the intercept."""
    n = len(coefficients)
    return Logistic(
        intercept=intercept,
        centre=np.zeros(n),
        scale=np.ones(n),
        coefficient=np.array(coefficients),
        missing=np.zeros(n),
        levels=np.full((n, 1), np.nan),
        mean=np.zeros(n),
    )


@given(
    st.sampled_from(sorted(CALIBRATORS)),
    st.sampled_from([0.0, 1e-13, 1e-10, 1e-9, 1.1e-9, 1e-7, 1e-3]),
    st.floats(-2, 2).filter(lambda b: min(abs(b - k) for k in (-3, -1.5, -1, 0.5, 2)) > 1e-3),
)
@settings(max_examples=60, deadline=None)
def test_near_the_base_effects_still_add_up(form: str, distance: float, base: float) -> None:
    """Two groups that all but cancel: (g(f) - g(b)) / (f - b) is nearly 0 / 0."""
    model = ConversionModel(one_term([1.0, -1.0 + distance], base), CALIBRATORS[form])
    of = Groups(("a", "b"), ("age", "age"), np.array([0, 1]))
    X = np.array([[np.e - 1, np.e - 1]], dtype=np.float32)
    effect, _, start = effects(model, of, X)
    assert effect.sum() == pytest.approx(100 * float(model.probability(X)[0] - start[0]), abs=1e-7)
    # Each of the two moved it by what a step of one does where the calibrator stands.
    moved = pytest.approx(100 * model.calibrator.slope_at(base), rel=4e-3, abs=0.05)
    assert effect[0, 0] == moved
    assert -effect[0, 1] == moved


def test_groups_cover_every_feature_once(plan: Plan) -> None:
    of = groups(plan)
    assert of.of_feature.shape == (len(plan.names),)
    assert sorted(set(of.of_feature.tolist())) == list(range(len(of.names)))
    assert len(of.names) == len(of.roles)
    for name, group in zip(plan.names, of.of_feature, strict=True):
        said = of.names[group]
        assert f"({said})" in name or name == said or (said == "age" and name.startswith("age"))
    assert {*plan.event_types, OTHER, ANY, "age", "employees", "industry"} <= set(of.names)


def test_an_attribute_called_like_an_event_type_is_a_group_of_its_own(plan: Plan) -> None:
    attribute = replace(plan.attributes[0], name=plan.event_types[0])
    aged = replace(plan.attributes[0], name="age")
    of = groups(replace(plan, attributes=(attribute, aged)))
    assert list(zip(of.names, of.roles, strict=True)).count((plan.event_types[0], "events")) == 1
    assert of.roles[of.of_feature[-2]] == of.roles[of.of_feature[-1]] == "attribute"


def test_each_response_pair_and_step_is_a_reason_of_its_own(plan: Plan) -> None:
    whole = replace(
        plan,
        steps=("attention", "comparison"),
        responses=(Response("newsletter_sent", "demo_request"), Response("demo_request", "fax")),
        bigrams=(("demo_request", "newsletter_sent"), ("newsletter_sent", "demo_request")),
    ).with_features(["response", "bigram", "step", "journey", "count 7d 30d"])
    of = groups(whole)
    for role, names in (
        ("response", ("demo_request/newsletter_sent", "fax/demo_request")),
        ("bigram", ("demo_request > newsletter_sent", "newsletter_sent > demo_request")),
        ("step", ("attention", "comparison")),
        ("kind", ("journey",)),
    ):
        assert tuple(n for n, r in zip(of.names, of.roles, strict=True) if r == role) == names
    for feature, group in zip(whole.features, of.of_feature, strict=False):
        assert (feature.of or feature.kind) == of.names[group]
    assert set(of.roles) <= set(ROLES)


def test_the_strongest_come_first_whichever_way_and_ties_go_by_name() -> None:
    names = ("d", "b", "c", "a", "e")
    effect = np.array([[1.0, -3.0, 1.0, 0.0, -1.0], [0.0, 0.0, 0.0, 0.0, 2.0]])

    def named(most: int) -> list[list[str]]:
        return [[names[group] for group in row] for row in strongest(effect, names, most)]

    assert named(5) == [["b", "c", "d", "e"], ["e"]]
    assert named(2) == [["b", "c"], ["e"]]
    assert named(0) == [[], []]


def test_one_lead_alone_is_explained_as_in_a_list(
    estimator: Trees | Logistic, matrix: Matrix, encoder: Encoder
) -> None:
    model = ConversionModel(estimator, CALIBRATORS["isotonic"])
    X: npt.NDArray[np.float32] = encoder.encode(matrix)
    together = effects(model, groups(matrix.plan), X).of_groups
    for row in range(0, len(X), 50):
        alone = effects(model, groups(matrix.plan), X[row : row + 1]).of_groups
        assert alone.tobytes() == together[row : row + 1].tobytes()
