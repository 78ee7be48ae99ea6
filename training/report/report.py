"""`Report`: every figure of a set of answers, as plain data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from training.held_out import Probabilities
from training.report.answered import Answered
from training.report.best_possible import Distance, distances
from training.report.calls import Call, Point, calls
from training.report.curves import Curve, Histogram, histogram, precision_recall
from training.report.figures import Figures, figures
from training.report.importance import Importance
from training.report.parts import Part, by_tenth, coded, parts
from training.resampling import Interval, Resamples


@dataclass(frozen=True)
class Report:
    """How good answers are, where, and what to beware of.

    Dictionaries by answerer have whoever answers for the company first.

    Attributes
    ----------
    title : str
    about : list of (str, str)
        What was answered by whom, as names and values.
    warnings, notes : list of str
        What makes the figures or the model doubtful; what their reader must know besides.
    rows, leads, positives, resamples : int
    figures : dict of str to Figures
    tenths : dict of str to list of Part
        Calibration by tenths of the probability, of answerers with more than one probability.
    calls : dict of str to list of Call
    gains : dict of str to list of Point
    curves : dict of str to Curve
    histogram : Histogram
        Of the first answerer.
    segments : dict of str to list of Part
        Of the first answerer, as are the months.
    months : list of Part
        By the month of the cutoff; empty in a flat export.
    distances : list of Distance
        From the best possible answers; empty where these are not known.
    importance : Importance or None
        None where rules answer.
    """

    title: str
    about: list[tuple[str, str]]
    warnings: list[str]
    notes: list[str]
    rows: int
    leads: int
    positives: int
    resamples: int
    figures: dict[str, Figures]
    tenths: dict[str, list[Part]]
    calls: dict[str, list[Call]]
    gains: dict[str, list[Point]]
    curves: dict[str, Curve]
    histogram: Histogram
    segments: dict[str, list[Part]]
    months: list[Part]
    distances: list[Distance]
    importance: Importance | None

    @property
    def first(self) -> str:
        """Who answers for the company."""
        return next(iter(self.figures))

    def to_json(self) -> dict[str, Any]:
        """Plain values; an interval is a list of value, low and high, what is undefined is None."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def report_of(
    rows: Answered,
    *,
    title: str,
    about: Sequence[tuple[str, str]] = (),
    segments: Mapping[str, pa.Array] | None = None,
    warnings: Sequence[str] = (),
    notes: Sequence[str] = (),
    best: Probabilities | None = None,
    importance: Importance | None = None,
    seed: int = 0,
    report: Callable[[str], None] = lambda step: None,
) -> Report:
    """Work out every figure.

    Parameters
    ----------
    rows : Answered
    segments : mapping of str to pyarrow.StringArray of n_rows, optional
    best : ndarray of shape (n_rows,), optional
        The best possible answers, NaN where unknown.
    report : callable
        Told what is being done.
    """
    resamples = Resamples.of(rows.group, seed=seed)
    first = rows.probability[rows.best]
    sorting = [name for name, p in rows.probability.items() if np.ptp(p) > 0]
    found, called, points = {}, {}, {}
    for name, p in rows.probability.items():
        report(f"figures of the {name}")
        own = None if name == rows.best else first
        found[name] = figures(resamples, rows.label, p, own)
    for name in sorting:
        called[name], points[name] = calls(rows, name, resamples)
    report("parts of the rows")
    by_segment = {}
    for name, values in (segments or {}).items():
        names, code = coded(values, rows.lead)
        by_segment[name] = parts(names, code, resamples, rows.lead, rows.label, first)
    months, named = rows.months()
    by_month = parts(named, months, resamples, rows.lead, rows.label, first)
    return Report(
        title=title,
        about=list(about),
        warnings=list(warnings),
        notes=list(notes),
        rows=len(rows),
        leads=len(np.unique(rows.lead)),
        positives=int(rows.label.sum()),
        resamples=len(resamples.times) - 1,
        figures=found,
        tenths={
            name: by_tenth(resamples, rows.lead, rows.label, rows.probability[name])
            for name in sorting
        },
        calls=called,
        gains=points,
        curves={name: precision_recall(rows.label, rows.probability[name]) for name in sorting},
        histogram=histogram(rows.label, first),
        segments=by_segment,
        months=by_month,
        distances=[] if best is None else distances(rows, best, resamples),
        importance=importance,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Interval):
        return [_plain(v) for v in value]
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
