"""Which rows the gate may look at, and what a model must leave behind to be compared later."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.cells import text_column
from features.instants import MISSING
from features.spine import Spine
from features.times import parse_one
from models.calibration import row_losses
from training.held_out import HeldOut
from training.resampling import mean_interval
from training.sources import Material

NOT_THE_SAME = (
    "there are no outcomes that the champion has not seen, and this model did not hold out the rows "
    "that the champion held out; a person decides"
)


def registered(material: Material, held_out: HeldOut) -> dict[str, Any]:
    """What the record of a model needs so that a later model can be compared with it.

    Returns
    -------
    dict
        ``held_out``, the fingerprint of its test rows, and ``test_log_loss`` with ``mean``, ``low``
        and ``high``: the 95% interval from resampling leads.
    """
    losses = row_losses(held_out.label, held_out.best)
    return {
        "held_out": fingerprint(material, held_out.spine),
        "test_log_loss": mean_interval(losses, held_out.group)._asdict(),
    }


def fingerprint(material: Material, spine: Spine) -> str:
    """A hash of which rows these are, whatever their order and whatever became of them.

    Of a lead and its cutoff; in a flat export, which has neither, of what the row says. Labels are
    left out: the same rows with other outcomes are the same rows, and the gate finds out about them.
    But a random split deals out positives evenly: where other rows of a flat export are positive, its
    test rows are others too.
    """
    if material.flat:
        outcome = {column.name for column in material.columns if column.role == "outcome"}
        kept = [name for name in material.leads.attributes.column_names if name not in outcome]
        cells = [text_column(material.leads.attributes[name]) for name in sorted(kept)]
    else:
        cells = [material.leads.lead_id]
    of_row = [column.take(pa.array(spine.lead)).to_pylist() for column in cells]
    if not material.flat:
        of_row.append(spine.cutoff.tolist())
    digest = hashlib.sha256()
    for row in sorted(map(repr, zip(*of_row, strict=True))):
        digest.update(row.encode())
    return digest.hexdigest()


def gate_rows(
    material: Material, held_out: HeldOut, mine: dict[str, Any], theirs: dict[str, Any]
) -> npt.NDArray[np.bool_] | str:
    """The test rows whose outcomes neither model has seen; or why there are none to be had.

    Where the champion knew outcomes as late as the challenger does, picking test rows anew until
    one selection flatters is all too easy: then only the rows that both held out will do.

    Parameters
    ----------
    mine, theirs : dict
        Records of the challenger and of the champion.

    Returns
    -------
    ndarray of shape (n_test_rows,), bool
        Cutoffs after both models' ``outcomes_seen_until``.
    """
    newer = instant(mine, "observed_until") > instant(theirs, "observed_until")
    if theirs.get("measured_as_shipped") is False and (material.flat or not newer):
        return "the champion was fitted on these rows too; a person decides"
    if material.flat or not newer:
        same = theirs.get("held_out") == fingerprint(material, held_out.spine)
        alike = theirs.get("first_test_cutoff") == mine.get("first_test_cutoff")
        return np.ones(len(held_out.label), dtype=bool) if same and alike else NOT_THE_SAME
    seen = max(_seen(mine), _seen(theirs))
    if seen == MISSING:
        return "it is not known which outcomes the two models have seen; a person decides"
    return held_out.spine.cutoff > seen


def instant(record: dict[str, Any], name: str) -> int:
    """A time of a record; `MISSING` where it has none."""
    text = record.get(name)
    return parse_one(text, None, name) if text else MISSING


def _seen(record: dict[str, Any]) -> int:
    # Every training horizon has ended by the first test cutoff: as late as it can have been.
    name = "outcomes_seen_until" if record.get("outcomes_seen_until") else "first_test_cutoff"
    return instant(record, name)
