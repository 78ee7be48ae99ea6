"""The simulated world, where the best possible answer is known."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np

from features.instants import zone
from models.playbook import Playbook
from training.quality.comparison import OURS, Comparison, gain_share, trained_on
from training.report.best_possible import best_possible
from training.simulate import simulate
from training.sources import Sources

_ZONE = "Asia/Tokyo"
_END = datetime(2026, 7, 1, tzinfo=zone(_ZONE))
"""A day that does not move, so that the figures do not either."""


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
    note = f"Gain in log loss, (base - ours) / (base - p_bayes): {gain_share(*losses):.3f}."
    if not known.all():
        note += f" Left out, having no p_bayes: {(~known).sum():,} test rows."
    return Comparison(title, compared.label, compared.group, answers, note)
