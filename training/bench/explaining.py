"""Shapley values beside LightGBM's own, of the same trees and rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.artefact import Artefact
from models.conversion import Trees
from models.playbook import Playbook
from models.shapley.values import Shapley
from training.bench.scoring import simulated
from training.bench.timing import Asked, Measure, in_turns, seconds
from training.train import train

_SEED = 7
N_LEADS = 20_000
"""As many as the demo has."""
_ROWS = 5_000
_ONE_BY_ONE = 200
_MOST_OFF = 1e-9

DEEP = {"num_leaves": 31, "max_depth": 6}, 150
DEFAULT: tuple[dict[str, int], int] = {}, 300
"""Parameters and numbers of trees."""


def measures(n_leads: int, repeats: int, artefact: Artefact | None = None) -> list[Measure]:
    """Of trees of depth 6, of default ones, and of a model as it is served.

    Parameters
    ----------
    n_leads : int
        Of the simulated world whose rows are explained, and on which trees are grown.
    artefact : Artefact, optional
        The model that is served; without it one is trained in this world.
    """
    material = simulated(n_leads, _SEED)
    if artefact is None:
        artefact = train(material, Playbook.load()).artefact
    if artefact is None:
        raise ValueError(f"{n_leads} simulated leads are too few for a model; try 3000")
    spine = material.spine
    X = artefact.encoder.encode(
        artefact.matrix(material.leads, material.log, spine, material.intake.changes)
    )
    rng = np.random.default_rng(_SEED)
    told = rng.choice(len(X), min(_ROWS, len(X)), replace=False)
    names = artefact.encoder.names(artefact.plan)
    codes = [names.index(name) for name in artefact.encoder.levels]
    found = []
    for what, (parameters, n_trees), most_us in (
        ("150 trees of depth 6", DEEP, 100.0),
        ("300 default trees", DEFAULT, None),
    ):
        fixed = {"objective": "binary", "verbosity": -1, "seed": _SEED}
        label: Any = spine.label
        data = lgb.Dataset(X, label, categorical_feature=codes)
        grown = lgb.train({**fixed, **parameters}, data, n_trees)
        at_least = 8.0 if most_us else 4.0
        found += _of(what, grown.model_to_string(), X[told], at_least, most_us, repeats)
    if isinstance(artefact.model.estimator, Trees):
        text = artefact.model.estimator.text
        found += _of("the model as served", text, X[told], 4.0, 100.0, repeats)
    return found


def _of(
    what: str,
    text: str,
    X: npt.NDArray[np.float32],
    at_least: float,
    most_us: float | None,
    repeats: int,
) -> list[Measure]:
    """A list, one lead after the other, and what loading adds to reading the trees."""
    shapley, booster = Shapley.of(text), lgb.Booster(model_str=text)
    reference: Any = booster.predict(X, pred_contrib=True)
    off = np.abs(shapley(X) - reference).max(axis=1)
    agrees = bool((off <= _MOST_OFF * (1 + np.abs(reference).sum(axis=1))).all())
    name, by = f"{what}: SHAP values", "pred_contrib"

    def everyone() -> Any:
        return booster.predict(X, pred_contrib=True)

    listed = in_turns(repeats, lambda: shapley(X), everyone)
    ours = _next(X, shapley)
    theirs = _next(X, lambda x: booster.predict(x, pred_contrib=True, num_threads=1))
    alone = in_turns(repeats, ours, theirs, run=_ONE_BY_ONE)
    loading = [seconds(lambda: Shapley.of(text)) for _ in range(repeats)]
    megabytes = f"{shapley.table_bytes / 2**20:.1f} MiB of tables"
    computed = f"{shapley.computed_leaves:,} of {len(shapley.nodes.value):,} leaves computed"
    return [
        Measure(name, by, len(X), "leads", *listed, agrees, Asked(at_least, "speed")),
        Measure(f"{name}, one lead", by, 1, "answer", *alone, agrees, Asked(most_us, "us")),
        Measure(
            f"{what}: loading ({megabytes}, {computed})",
            "reading the trees",
            1,
            "answer",
            float(np.median(loading)),
            seconds(lambda: lgb.Booster(model_str=text)),
            agrees,
            Asked(1e6, "us"),
        ),
    ]


def _next(X: npt.NDArray[np.float32], call: Callable[[Any], Any]) -> Callable[[], Any]:
    """Asks about another row each time."""
    rows = itertools.cycle(range(len(X)))

    def ask() -> Any:
        row = next(rows)
        return call(X[row : row + 1])

    return ask
