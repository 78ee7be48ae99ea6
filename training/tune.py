"""Tuning: more candidates than the default set, as far as a budget of time or of trials goes."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from features.instants import DAY
from models.terminal import Report
from training.trees import MEMBERS, Bench, Candidate, Tried, defaults

HALF_LIVES = (90, 180, 365, None)
"""Of rows' weights in fitting, in days; None for one weight. Those that tuning may choose from."""


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
        A folder in which the search is kept while it goes on; None for nowhere.
    resume : bool
        Whether to go on with the search of the same rows that was broken off there.
    """

    seconds: float | None = 0.0
    trials: int | None = None
    threads: int = 0
    store: Path | None = None
    resume: bool = False


NONE = Budget()
"""The default set alone."""


@dataclass(frozen=True)
class Trial:
    """One candidate that was tried, for the record and for MLflow."""

    name: str
    params: dict[str, Any]
    log_loss: float
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
    for candidate in defaults(bench, calendar):
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
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("optuna").setLevel(logging.ERROR)
    kept = _kept(bench, budget)
    study = optuna.create_study(
        storage=None if kept is None else JournalStorage(JournalFileBackend(str(kept))),
        study_name="trees",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=0),
    )

    # From the same seed the sampler would suggest again what was tried before.
    study.sampler = _sampler(bench.seed + len(study.trials))
    complete = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    for earlier in sorted(complete, key=lambda trial: trial.values[0])[:MEMBERS]:
        report(
            f"trial {earlier.number + 1} again, one of the best before the search was broken off"
        )
        started = time.monotonic()
        tried.append(bench.tried(Candidate.from_json(earlier.user_attrs["candidate"])))
        trials.append(_trial(tried[-1], time.monotonic() - started))

    def objective(trial: optuna.Trial) -> float:
        candidate = _suggested(trial, bench, calendar)
        trial.set_user_attr("candidate", candidate.to_json())
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
    pruned = study.get_trials(states=[optuna.trial.TrialState.PRUNED])
    more = None if n_trials is None else max(n_trials - len(complete) - len(pruned), 0)
    if (more is None and left) or more:
        study.optimize(objective, n_trials=more, timeout=left if more is None else None)
    if kept is not None:
        kept.unlink(missing_ok=True)


def _sampler(seed: int) -> Any:
    import optuna

    return optuna.samplers.TPESampler(seed=seed, multivariate=True)


def _kept(bench: Bench, budget: Budget) -> Path | None:
    """The file of the search of these rows; empty unless it is to be gone on with."""
    if budget.store is None:
        return None
    rows = hashlib.blake2b(np.ascontiguousarray(bench.rows.X).data, digest_size=8)
    rows.update(bench.rows.label.tobytes() + f"{bench.names} {bench.seed}".encode())
    budget.store.mkdir(parents=True, exist_ok=True)
    path = budget.store / f"{rows.hexdigest()}.journal"
    if not budget.resume:
        path.unlink(missing_ok=True)
    return path


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
        days = trial.suggest_categorical("half_life_days", list(HALF_LIVES))
        half_life = None if days is None else days * DAY
    without: tuple[str, ...] = ()
    if calendar and trial.suggest_categorical("timeless", [False, True]):
        without = tuple(calendar)
    return Candidate(f"trial {trial.number + 1}", parameters, view, half_life, without)  # type: ignore[arg-type]


def _best(tried: Sequence[Tried]) -> float:
    return min((one.loss for one in tried), default=float("inf"))


def _trial(found: Tried, seconds: float) -> Trial:
    return Trial(found.candidate.name, found.candidate.to_json(), found.loss, seconds, "complete")
