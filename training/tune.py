"""Tuning: more candidates than the default set, as far as a budget of time or of trials goes."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.rows import Report
from training.trees import DAYS, Bench, Candidate, Tried, defaults, half_life_of

STEADY = 120.0
"""Seconds of tuning where nobody says."""


@dataclass(frozen=True)
class Budget:
    """How long candidates are looked for, the default set aside, which is always tried.

    Attributes
    ----------
    seconds : float or None
        Begin no trial later than this after the start; None for no limit of time.
    trials : int or None
        Try exactly so many; the same seed then finds the same model. None for no such limit.
    threads : int
        0 for all there are; with 1, the same bits on every run of one machine.
    store : Path or None
        An SQLite file in which the search is kept, so that it can be gone on with.
    """

    seconds: float | None = 0.0
    trials: int | None = None
    threads: int = 0
    store: Path | None = None


NONE = Budget()
"""The default set alone."""


@dataclass(frozen=True)
class Trial:
    """One candidate that was tried, for the record and for MLflow."""

    name: str
    params: dict[str, Any]
    log_loss: float | None
    seconds: float
    state: str


def search(
    bench: Bench, budget: Budget, calendar: Sequence[str], report: Report
) -> tuple[list[Tried], list[Trial]]:
    """Try the default set, then what Optuna suggests, until the budget is used up.

    Parameters
    ----------
    calendar : sequence of str
        Columns that tell little but the calendar, which candidates may do without.
    """
    begun = time.monotonic()
    tried: list[Tried] = []
    trials: list[Trial] = []
    for candidate in defaults(bench.has_statistics, calendar):
        report(
            f"trying {candidate.name}" + (f"; log loss {_best(tried):.4f} so far" if tried else "")
        )
        started = time.monotonic()
        tried.append(bench.tried(candidate))
        trials.append(_trial(tried[-1], time.monotonic() - started))
    more = budget.trials if budget.trials is not None else (None if budget.seconds else 0)
    if more != 0 and bench.folds:
        _search(bench, budget, more, calendar, begun, tried, trials, report)
    return tried, trials


def _search(
    bench: Bench,
    budget: Budget,
    n_trials: int | None,
    calendar: Sequence[str],
    begun: float,
    tried: list[Tried],
    trials: list[Trial],
    report: Report,
) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("optuna").setLevel(logging.ERROR)
    study = optuna.create_study(
        storage=f"sqlite:///{budget.store}" if budget.store else None,
        study_name="trees",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=bench.seed, multivariate=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=0),
    )

    def objective(trial: optuna.Trial) -> float:
        candidate = _suggested(trial, bench, calendar)
        report(f"trial {trial.number + 1}; log loss {_best(tried):.4f} so far")
        started = time.monotonic()

        def prune(fold: int, loss: float) -> None:
            trial.report(loss, fold)
            if fold + 1 < len(bench.folds) and trial.should_prune():
                seconds = time.monotonic() - started
                trials.append(Trial(candidate.name, candidate.to_json(), loss, seconds, "pruned"))
                raise optuna.TrialPruned

        found = bench.tried(candidate, prune)
        tried.append(found)
        trials.append(_trial(found, time.monotonic() - started))
        return found.loss

    left = None if budget.seconds is None else max(budget.seconds - (time.monotonic() - begun), 0)
    if budget.trials is None and not left:
        return
    study.optimize(
        objective,
        n_trials=n_trials,
        timeout=None if budget.trials is not None else left,
        show_progress_bar=False,
    )


def _suggested(trial: Any, bench: Bench, calendar: Sequence[str]) -> Candidate:
    parameters = {
        "num_leaves": trial.suggest_int("num_leaves", 4, 63, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 10, 200, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.3, 50.0, log=True),
        "cat_smooth": trial.suggest_float("cat_smooth", 1.0, 50.0, log=True),
        "extra_trees": trial.suggest_categorical("extra_trees", [False, True]),
    }
    view = "codes"
    if bench.has_statistics:
        view = trial.suggest_categorical("view", ["codes", "statistics"])
    half_life = None
    if bench.rows.timed:
        half_life = half_life_of(trial.suggest_categorical("half_life_days", list(DAYS)))
    without: tuple[str, ...] = ()
    if calendar and trial.suggest_categorical("timeless", [False, True]):
        without = tuple(calendar)
    return Candidate(f"trial {trial.number + 1}", parameters, view, half_life, without)  # type: ignore[arg-type]


def _best(tried: Sequence[Tried]) -> float:
    return min((one.loss for one in tried), default=float("inf"))


def _trial(found: Tried, seconds: float) -> Trial:
    return Trial(found.candidate.name, found.candidate.to_json(), found.loss, seconds, "complete")
