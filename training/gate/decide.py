"""Training asks the gate: the new model, the champion, and the rows on which they meet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from features.errors import ArtefactError
from features.spine import labels_of
from models.settings import Settings
from training.gate.backtest import Refit, backtest
from training.gate.champion import Champion, champion_of
from training.gate.criteria import PERSON, GateRows, judge
from training.gate.rows import gate_rows
from training.gate.verdict import Backtest, Verdict
from training.held_out import HeldOut, Probabilities
from training.resampling import Interval
from training.sources import Material
from training.split import grouped_folds, rolling_origins
from training.train import Trained

NOT_AS_SHIPPED = f"not measured as shipped, {PERSON}"


def decide(
    settings: Settings,
    task: str,
    trained: Trained,
    material: Material,
    refit: Refit | None = None,
) -> Verdict:
    """Whether a trained model takes the champion's place; never an error for want of a champion.

    Parameters
    ----------
    refit : Refit, optional
        Fits again for the backtest, where there are not enough new outcomes; without it there is
        no backtest.
    """
    artefact, held_out = trained.artefact, trained.held_out
    if artefact is None:
        return Verdict(False, "too few leads converted for a model; rules answer")
    try:
        champion = champion_of(settings, task)
    except ArtefactError as error:
        return _undecided(held_out, f"the champion cannot be loaded, {PERSON}: {error}")
    if champion is None:
        verdict = judge(_rows(held_out))
    else:
        verdict = _against(champion, trained, material)
        enough = verdict.criterion("a")
        if enough and not enough.met:
            verdict = _with_backtest(verdict, _tried(champion, trained, material, refit))
    if artefact.record.get("measured_as_shipped") is False:
        verdict = replace(verdict, promote=False, reason=f"{NOT_AS_SHIPPED}: {verdict.reason}")
    return verdict


def _against(champion: Champion, trained: Trained, material: Material) -> Verdict:
    assert trained.artefact is not None
    held_out, theirs = trained.held_out, champion.artefact.record
    asked, before = trained.artefact.task, champion.artefact.task
    if (asked.label, asked.horizon) != (before.label, before.horizon):
        reason = (
            f"the champion answers another question ({_question(before.label, before.horizon_text)}; "
            f"now {_question(asked.label, asked.horizon_text)}), {PERSON}"
        )
        return _undecided(held_out, reason, champion.version)
    chosen = gate_rows(material, held_out, trained.artefact.record, theirs)
    if isinstance(chosen, str):
        return _undecided(held_out, chosen, champion.version)
    try:
        rows = np.flatnonzero(chosen)
        answers = champion.probability(material, held_out.spine.take(rows)) if len(rows) else None
    except ArtefactError as error:
        reason = f"the champion cannot be measured, {PERSON}: {error}"
        return _undecided(held_out, reason, champion.version)
    registered = theirs.get("test_log_loss")
    return judge(
        _rows(held_out, chosen, answers),
        Interval(**registered) if registered else None,
        champion.version,
    )


def _rows(
    held_out: HeldOut,
    chosen: npt.NDArray[np.bool_] | slice = slice(None),
    champion: Probabilities | None = None,
) -> GateRows:
    said = held_out.probability
    return GateRows(
        held_out.label[chosen],
        held_out.group[chosen],
        said["model"][chosen],
        said["base rate"][chosen],
        said["scorecard"][chosen],
        champion,
    )


def _undecided(held_out: HeldOut, reason: str, champion: str | None = None) -> Verdict:
    """Not promoted, with what can be said of the model by itself."""
    alone = judge(_rows(held_out))
    return Verdict(False, f"{reason}.", alone.criteria, champion)


def _tried(
    champion: Champion, trained: Trained, material: Material, refit: Refit | None
) -> Backtest | None:
    """Both procedures on rolling origins inside the training span; the test rows are not touched."""
    assert trained.artefact is not None
    theirs = champion.artefact.record.get("parameters")
    if refit is None or theirs is None:
        return None
    train, label = trained.held_out.split.train, labels_of(material.spine)
    if material.task.horizon is None:
        folds = grouped_folds(label[train], material.group[train], 0)
    else:
        folds = rolling_origins(material.spine.take(train), material.task.horizon)
    on_spine = [(train[fitted], train[predicted]) for fitted, predicted in folds]
    mine = trained.artefact.record["parameters"]
    return backtest(label, material.group, on_spine, refit, theirs, mine)


def _with_backtest(verdict: Verdict, found: Backtest | None) -> Verdict:
    says = f"{found}; {PERSON}" if found else f"no backtest could be made; {PERSON}"
    reason = f"{verdict.reason.rstrip('.')}. To go by instead: {says}."
    return replace(verdict, backtest=found, reason=reason)


def _question(label: tuple[str, ...], horizon: str | None) -> str:
    return f"{' or '.join(label) or 'a label column'} within {horizon or 'no horizon'}"
