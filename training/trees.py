"""Trees: candidates tried on held-out rows, the best blended, and all refitted on every row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.calibration import Calibrator, log_loss
from models.encode import Encoder
from models.forest import averaged
from models.statistics import Statistic
from models.terminal import Report
from training.rows import Folds, Rows
from training.statistics import candidates as statistic_candidates
from training.statistics import fitted, told, weight_of

PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "min_data_in_leaf": 20,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "cat_smooth": 5.0,
    "cat_l2": 5.0,
    "min_data_per_group": 20,
    "max_bin": 255,
    "feature_pre_filter": False,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    "num_threads": 0,
}
"""What every candidate has, unless it says otherwise."""

CAREFUL: dict[str, Any] = {
    "min_data_in_leaf": 40,
    "lambda_l2": 10.0,
    "cat_smooth": 20.0,
    "cat_l2": 20.0,
    "min_data_per_group": 50,
}
"""Stronger regularisation, for few positives among many rows of the same leads."""

LARGE = 50_000
RATES = (0.03, 0.06)
"""Learning rate below and from `LARGE` rows, where half as many trees cost half the time."""
SEEDS = (3, 1)
"""Models of different seeds that are averaged, below and from `LARGE` rows: there one is steady, and
every further one costs its time in scoring."""

MOST_TREES = 1200
TREES_UNTRIED = 200
"""Trees where the data are too short for any later row to choose their number."""
PATIENCE = 60
MANY = 50
"""Codes of a category from which a candidate reads its target statistics alone."""
MEMBERS = 3
"""The most candidates that a blend averages."""
_MAY_COST = (0.002, -0.0001)
"""Share of the log loss that a further member of a blend may cost, below and from `LARGE` rows. Of few
rows the one that happened to do best is chosen by noise, and the mean of several varies less; of many
a member must save something, because it costs time in scoring."""

Figures = npt.NDArray[np.float64]
View = Literal["codes", "statistics"]


@dataclass(frozen=True)
class Candidate:
    """One way to fit trees.

    Attributes
    ----------
    name : str
    parameters : dict
        LightGBM's, beside `PARAMETERS`.
    view : {"codes", "statistics"}
        Attributes as codes alone, or with their target statistics too.
    half_life : int or None
        Microseconds after which a row weighs half in fitting; None for rows of one weight.
    without : tuple of str
        Columns that are left out.
    """

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    view: View = "codes"
    half_life: int | None = None
    without: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the record of a model."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Candidate:
        """The candidate that `to_json` wrote."""
        return cls(**{**stored, "without": tuple(stored["without"])})


@dataclass(frozen=True)
class Tried:
    """A candidate, the number of trees that suits it, and what it says of held-out rows.

    Attributes
    ----------
    raw : ndarray of shape (n_rows,)
        Raw scores of the rows that are held out in some fold; NaN for the others.
    loss : float
        Mean log loss of these.
    """

    candidate: Candidate
    n_trees: int
    raw: Figures
    loss: float

    def says_as(self, other: Tried) -> bool:
        """Whether both say the same of every row; nobody says anything of no row."""
        return bool(np.isfinite(self.raw).any()) and np.array_equal(
            self.raw, other.raw, equal_nan=True
        )


class Bench:
    """Rows and folds on which candidates are tried.

    Parameters
    ----------
    rows : Rows
    folds : pairs of positions to fit on and to predict, both classes on either side
    encoder : Encoder
    names : list of str
        The columns of ``rows.X``.
    seed, threads : int
        0 threads for all there are.
    rising : mapping of str to int
        Columns with which the raw score may only rise, 1, or only fall, -1.
    """

    def __init__(
        self,
        rows: Rows,
        folds: Folds,
        encoder: Encoder,
        names: list[str],
        seed: int,
        threads: int = 0,
        rising: Mapping[str, int] | None = None,
    ) -> None:
        self.rows, self.folds, self.encoder, self.seed = rows, folds, encoder, seed
        self._of = (
            statistic_candidates(rows.keys, rows.label, rows.known, seed) if rows.keys else []
        )
        nobody = np.empty(0, dtype=np.int64)
        empty = [Statistic(of, 0.0, 1.0, nobody, np.empty(0), nobody) for of in self._of]
        self.names = [*names, *(name for s in empty for name in s.names)]
        self.n_plain = len(names)
        self._categorical = [place for place, name in enumerate(names) if name in encoder.levels]
        self._always = {
            **PARAMETERS,
            "learning_rate": RATES[len(rows.label) >= LARGE],
            "num_threads": threads or PARAMETERS["num_threads"],
        }
        if rising:
            free = [0] * (len(self.names) - len(names))
            self._always["monotone_constraints"] = [*(rising.get(n, 0) for n in names), *free]
        self._folded: dict[int, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]] = {}

    @property
    def many_codes(self) -> tuple[str, ...]:
        """Categories of so many codes that splits on them learn noise."""
        levels = self.encoder.categories.items()
        return tuple(name for name, known in levels if len(known) >= MANY)

    @property
    def has_statistics(self) -> bool:
        """Whether any attribute has target statistics."""
        return bool(self._of)

    def tried(
        self, candidate: Candidate, prune: Callable[[int, float], None] | None = None
    ) -> Tried:
        """Fit on each fold and predict its held-out rows.

        Parameters
        ----------
        prune : callable, optional
            Told after each fold its number and the mean log loss so far; it may give the trial up by
            raising.
        """
        raw = np.full(len(self.rows.label), np.nan)
        fitted_on, curves, weights = [], [], []
        for place, (inside, outside) in enumerate(self.folds):
            train, later = (self._visible(X, candidate) for X in self._of_fold(place))
            curve: dict[str, dict[str, list[float]]] = {}
            parameters = self._parameters(candidate, self.seed)
            dataset = self._dataset(train, inside, candidate, parameters)
            valid = lgb.Dataset(
                later, self.rows.label[outside], reference=dataset, params=parameters
            )
            booster = lgb.train(
                {**parameters, "metric": "binary_logloss"},
                dataset,
                MOST_TREES,
                valid_sets=[valid],
                callbacks=[
                    lgb.early_stopping(PATIENCE, verbose=False),
                    lgb.record_evaluation(curve),
                ],
            )
            fitted_on.append((booster, later, outside))
            curves.append(np.array(curve["valid_0"]["binary_logloss"]))
            weights.append(len(outside))
            if prune:
                prune(place, float(np.average([c.min() for c in curves], weights=weights)))
        if not fitted_on:
            return Tried(candidate, TREES_UNTRIED, raw, np.inf)
        length = min(len(curve) for curve in curves)
        losses = np.average([curve[:length] for curve in curves], axis=0, weights=weights)
        n_trees = int(np.argmin(losses)) + 1
        for booster, later, outside in fitted_on:
            predicted: Any = booster.predict(later, raw_score=True, num_iteration=n_trees)
            raw[outside] = predicted
        return Tried(candidate, n_trees, raw, float(losses[n_trees - 1]))

    def final(self, members: Sequence[Tried], report: Report) -> tuple[str, Encoder]:
        """The mean of all members, each fitted on all rows with several seeds, as one text of trees."""
        rows = self.rows
        everywhere = np.arange(len(rows.label))
        statistics: list[Statistic] = []
        if any(member.candidate.view == "statistics" for member in members):
            weight = weight_of(rows.lead)
            statistics = [fitted(rows.keys, of, rows.label, weight) for of in self._of]
        texts = []
        n_seeds = SEEDS[len(rows.label) >= LARGE]
        for member in members:
            for turn in range(n_seeds):
                report(
                    f"{member.candidate.name}: {member.n_trees} trees on all {len(everywhere):,} rows"
                )
                seed = self.seed + 1009 * turn
                X = self._with_told(everywhere, seed) if statistics else rows.X
                X = self._visible(X, member.candidate)
                parameters = self._parameters(member.candidate, seed)
                dataset = self._dataset(X, everywhere, member.candidate, parameters)
                booster = lgb.train(parameters, dataset, member.n_trees)
                texts.append(booster.model_to_string(num_iteration=-1))
        return averaged(texts), self.encoder.with_statistics(statistics)

    def _parameters(self, candidate: Candidate, seed: int) -> dict[str, Any]:
        return {**self._always, **candidate.parameters, "seed": seed}

    def _dataset(
        self,
        X: npt.NDArray[np.float32],
        rows: npt.NDArray[np.int64],
        candidate: Candidate,
        parameters: dict[str, Any],
    ) -> lgb.Dataset:
        return lgb.Dataset(
            X,
            self.rows.label[rows],
            weight=self.rows.weight(rows, candidate.half_life),
            categorical_feature=self._categorical,
            params=parameters,
        )

    def _visible(self, X: npt.NDArray[np.float32], candidate: Candidate) -> npt.NDArray[np.float32]:
        """The columns that a candidate sees; a column without values is never split on."""
        hidden = [place for place, name in enumerate(self.names) if name in candidate.without]
        if candidate.view == "codes" and X.shape[1] > self.n_plain:
            hidden += range(self.n_plain, X.shape[1])
        if not hidden:
            return X
        X = X.copy()
        X[:, hidden] = np.nan
        return X

    def _of_fold(self, place: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """What is fitted on and what is predicted in a fold; kept where it is not too much."""
        if place in self._folded:
            return self._folded[place]
        inside, outside = self.folds[place]
        both = self.rows.X[inside], self.rows.X[outside]
        if self._of:
            part, later = self.rows.take(inside), self.rows.take(outside)
            weight = weight_of(part.lead)
            known = [
                fitted(part.keys, of, part.label, weight).columns(later.keys) for of in self._of
            ]
            both = self._with_told(inside, self.seed), np.hstack([both[1], *known])
        if self.rows.X.size < 2**28:
            self._folded[place] = both
        return both

    def _with_told(self, rows: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.float32]:
        part = self.rows.take(rows)
        weight = weight_of(part.lead)
        columns = [told(part.keys, of, part.label, part.known, weight, seed) for of in self._of]
        return np.hstack([part.X, *columns])


def defaults(bench: Bench, calendar: Sequence[str]) -> list[Candidate]:
    """The set that is tried first: good without any tuning."""
    found = [
        Candidate("codes", {"num_leaves": 15}),
        Candidate("careful", {**CAREFUL, "num_leaves": 15}),
        Candidate("shallow", {**CAREFUL, "num_leaves": 7, "extra_trees": True}),
    ]
    if bench.has_statistics:
        found.append(Candidate("statistics", {"num_leaves": 15}, "statistics"))
        if bench.many_codes:
            by_rates = bench.many_codes
            found.append(Candidate("rates", {"num_leaves": 15}, "statistics", without=by_rates))
    if calendar:
        found.append(Candidate("timeless", {"num_leaves": 7}, without=tuple(calendar)))
    return found


def blended(tried: Sequence[Tried], label: npt.NDArray[np.int8]) -> list[Tried]:
    """The candidates whose mean says most of held-out rows (Caruana et al. 2004, without repeats).

    The best one first; a further one only where the mean with it costs no more than `_MAY_COST`.
    """
    ranked = sorted(tried, key=lambda t: t.loss)
    best, *others = [t for n, t in enumerate(ranked) if not any(map(t.says_as, ranked[:n]))]
    members = [best]
    held_out = np.isfinite(best.raw)
    if not held_out.any():
        return members

    def loss(of: Sequence[Tried]) -> float:
        raw = np.mean([one.raw[held_out] for one in of], axis=0)
        return log_loss(label[held_out], Calibrator()(raw))

    most = loss(members) * (1 + _MAY_COST[len(label) >= LARGE])
    while others and len(members) < MEMBERS:
        found = [(loss([*members, other]), place) for place, other in enumerate(others)]
        least, place = min(found)
        if least > most:
            break
        members.append(others.pop(place))
        most = min(most, least * (1 + _MAY_COST[len(label) >= LARGE]))
    return members
