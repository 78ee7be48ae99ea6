"""The simulated world, where the best possible answer is known."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from features.instants import zone
from models.playbook import Playbook
from training.quality.comparison import OURS, Comparison, gain_share, trained_on
from training.report.best_possible import best_possible
from training.report.parts import by_tenth
from training.resampling import Resamples
from training.simulate import simulate
from training.sources import Sources

_ZONE = "Asia/Tokyo"
_END = datetime(2026, 7, 1, tzinfo=zone(_ZONE))
"""A day that does not move, so that the figures do not either."""


def means(worlds: Sequence[Comparison]) -> str:
    """Means over worlds of what is asked of each."""
    of = [world.figures for world in worlds]
    names = ("base rate", OURS, "p_bayes")
    gain = np.mean([gain_share(*(figures[name].log_loss for name in names)) for figures in of])
    short = np.mean([(f["p_bayes"].auc or 0) - (f[OURS].auc or 0) for f in of])
    slope = np.mean([f[OURS].calibration_slope or 0 for f in of])
    return (
        f"Mean of {len(worlds)} simulated worlds: gain in log loss {gain:.3f}, AUC {short:.3f} below "
        f"p_bayes, slope {slope:.2f}."
    )


def _tenths(compared: Comparison) -> str:
    """How many tenths of our probabilities hold what was observed, and the one that does least."""
    resamples = Resamples.of(compared.group)
    tenths = by_tenth(resamples, compared.group, compared.label, compared.answers[OURS])
    held = [tenth for tenth in tenths if not tenth.missed]
    worst = max(tenths, key=lambda t: abs(t.predicted - t.observed.mean) if t.observed else 0)
    said = f"{len(held)} of {len(tenths)} tenths inside their 95% intervals"
    if worst.observed is None:
        return f"{said}."
    low, high = worst.observed.low, worst.observed.high
    return f"{said}; the worst: predicted {worst.predicted:.4f}, observed {low:.4f} to {high:.4f}."


def world(n_leads: int, seed: int) -> Comparison:
    """Ours beside `p_bayes`, on the test rows that the truth covers."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        simulate(here, leads=n_leads, seed=seed, end=_END, timezone=_ZONE)
        sources = Sources(
            here / "leads.csv",
            here / "events.parquet",
            here / "changes.parquet",
            timezone=_ZONE,
        )
        material, rows = trained_on(sources, Playbook.load())
        best = best_possible(here / "truth.parquet", material.leads, rows.spine)
    known = np.isfinite(best)
    answers = {
        OURS: rows.probability["model"][known],
        "p_bayes": best[known],
        "scorecard": rows.probability["scorecard"][known],
        "base rate": rows.probability["base rate"][known],
    }
    title = f"simulated world, seed {seed}"
    compared = Comparison(title, rows.label[known], rows.group[known], answers)
    losses = [compared.figures[name].log_loss for name in ("base rate", OURS, "p_bayes")]
    note = (
        f"Gain in log loss, (base - ours) / (base - p_bayes): {gain_share(*losses):.3f}. "
        f"{_tenths(compared)}"
    )
    if not known.all():
        note += f" Left out, having no p_bayes: {(~known).sum():,} test rows."
    return Comparison(title, compared.label, compared.group, answers, note)
