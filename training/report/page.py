"""One page of a report: HTML that needs nothing else, runs nothing, and prints well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from training.report.plots import plots
from training.report.report import Report
from training.report.style import data_uri, svg
from training.resampling import Interval

ABOUT = {
    "reliability": (
        "Reliability",
        "Tenths of the rows by predicted probability: what was predicted, and what share converted. "
        "On the dotted line both are equal. Below, how many rows have which probability (log scale).",
    ),
    "gains": (
        "Gains and lift",
        "Calling the most likely leads of each cutoff date; a lead called once is not called again.",
    ),
    "precision_recall": (
        "Precision and recall",
        "Of the rows above a threshold, the share that converted, over the share of all conversions "
        "they hold. The dotted line is the base rate.",
    ),
    "by_outcome": (
        "Probabilities by outcome",
        "The further apart, the better the model tells leads from each other.",
    ),
    "importance": (
        "What the model looks at",
        "Groups of features. A group stands in for another: this is not what would be lost without it.",
    ),
    "drift": (
        "Drift over months",
        "Mean predicted and observed share by month of the cutoff, with 95% intervals.",
    ),
}
"""Heading and explanation of each plot."""


def files_of(report: Report) -> dict[str, bytes]:
    """The report as files: the page, its figures as JSON, and each plot as SVG."""
    drawn = plots(report)
    figures = json.dumps(report.to_json(), ensure_ascii=False, indent=1)
    return {
        "report.html": page(report, drawn).encode(),
        "report.json": figures.encode(),
        **{f"plots/{name}.svg": svg(plot) for name, plot in drawn.items()},
    }


def page(report: Report, drawn: Mapping[str, Figure] | None = None) -> str:
    """The report as one HTML page, in English; `drawn` are its plots where they are there already."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": figure, "ends": ends, "percent": percent}
    images = {name: data_uri(plot) for name, plot in (drawn or plots(report)).items()}
    return environment.get_template("page.html.jinja").render(
        report=report, plots=images, about=ABOUT
    )


def figure(value: Interval | float | None, digits: int = 3, sign: bool = False) -> str:
    """A figure; a dash where it is undefined."""
    if value is None:
        return "–"
    number = value.mean if isinstance(value, Interval) else value
    return f"{number:+.{digits}f}" if sign else f"{number:.{digits}f}"


def ends(value: Interval | None, digits: int = 3, sign: bool = False) -> str:
    """The ends of an interval."""
    if value is None:
        return ""
    return f"{figure(value.low, digits, sign)} to {figure(value.high, digits, sign)}"


def percent(value: Interval | float | None) -> str:
    """A share in percent, with its interval where it has one."""
    if value is None:
        return "–"
    if isinstance(value, Interval):
        return f"{value.mean:.1%} ({value.low:.1%} to {value.high:.1%})"
    return f"{value:.1%}"
