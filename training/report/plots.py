"""The plots of a report; each function draws one figure from what the `Report` holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from training.report.importance import Importance
from training.report.parts import Part
from training.report.report import Report
from training.report.style import GREY, MARKS, PALE, Mark, can_show, drawing

_WIDE, _SQUARE = (7.2, 3.4), (4.6, 4.8)
_MOST = 20


def _drawn(draw: Callable[[Report], Figure]) -> Callable[[Report], Figure]:
    """A function that draws, with the settings of `style`."""

    @wraps(draw)
    def styled(report: Report) -> Figure:
        with drawing():
            return draw(report)

    return styled


def plots(report: Report) -> dict[str, Figure]:
    """Every plot that the report has data for, by the name of its file."""
    drawn: list[tuple[str, bool, Callable[[Report], Figure]]] = [
        ("reliability", True, reliability),
        ("gains", bool(report.gains), gains),
        ("precision_recall", any(c.recall for c in report.curves.values()), precision_recall),
        ("by_outcome", True, by_outcome),
        ("importance", report.importance is not None, importance),
        ("drift", len(report.months) > 1, drift),
    ]
    return {name: draw(report) for name, there, draw in drawn if there}


@_drawn
def reliability(report: Report) -> Figure:
    """Observed over predicted, by tenths of the rows with 95% intervals; below, counts."""
    figure, (above, below) = _stacked(_SQUARE)
    top = 0.0
    for name, mark in _marked(report):
        bins = report.tenths.get(name, [])
        _observed(above, [b.predicted for b in bins], bins, mark, name)
        reach = [b.observed.high for b in bins if b.observed] + [b.predicted for b in bins]
        top = max([top, *reach])
    top = min(1.02, top * 1.05 or 1.0)
    above.plot([0, 1], [0, 1], color=GREY, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)
    above.set(xlim=(0, top), ylim=(0, top), ylabel="share that converted")
    _legend(above, "upper left")
    _percent(above.xaxis, above.yaxis, below.xaxis)
    edges, others, positives = report.histogram
    total = [a + b for a, b in zip(others, positives, strict=True)]
    below.stairs(total, edges, fill=True, color=PALE)
    below.set(xlabel="predicted probability", ylabel="rows", yscale="log")
    return figure


@_drawn
def gains(report: Report) -> Figure:
    """Left, the share of conversions reached by calling a share of each date's leads; right, lift."""
    figure = Figure(figsize=_WIDE)
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color=GREY, linewidth=0.9, linestyle=(0, (1, 2)))
    for name, mark in _marked(report):
        points = report.gains.get(name, [])
        style = {"color": mark.color, "linestyle": mark.linestyle, "label": name}
        left.plot([0, *(p.share for p in points)], [0, *(p.gain for p in points)], **style)
        right.plot([p.share for p in points], [p.lift for p in points], **style)
    right.axhline(1, color=GREY, linewidth=0.9, linestyle=(0, (1, 2)))
    left.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="called, of each date's leads")
    left.set_title("conversions among the called")
    right.set(xlim=(0, 1), xlabel="called, of each date's leads")
    right.set_ylim(bottom=0)
    right.set_title("lift: times as many as blind calls")
    _legend(left, "lower right")
    _percent(left.xaxis, left.yaxis, right.xaxis)
    return figure


@_drawn
def precision_recall(report: Report) -> Figure:
    """Precision over recall, all rows on one list; dotted, the base rate."""
    figure = Figure(figsize=(4.6, 3.8))
    axes = figure.subplots()
    for name, mark in _marked(report):
        curve = report.curves.get(name)
        if curve and curve.recall:
            value = report.figures[name].average_precision
            said = name if value is None else f"{name} (average {value.mean:.3f})"
            axes.plot(*curve, color=mark.color, linestyle=mark.linestyle, label=said)
    rate = report.positives / report.rows
    axes.axhline(rate, color=GREY, linewidth=0.9, linestyle=(0, (1, 2)))
    axes.set(xlim=(0, 1), ylim=(0, None), xlabel="recall", ylabel="precision")
    axes.set_ylim(bottom=0, top=min(1.02, axes.get_ylim()[1]))
    _legend(axes, "upper right")
    _percent(axes.xaxis, axes.yaxis)
    return figure


@_drawn
def by_outcome(report: Report) -> Figure:
    """Predicted probabilities of rows that converted and of those that did not, each as shares."""
    figure = Figure(figsize=(4.6, 3.2))
    axes = figure.subplots()
    edges, others, positives = report.histogram
    for counts, said, mark, fill in (
        (others, "did not convert", Mark(GREY, "-", ""), True),
        (positives, "converted", MARKS[1], False),
    ):
        total = sum(counts)
        shares = [count / max(total, 1) for count in counts]
        color = PALE if fill else mark.color
        axes.stairs(
            shares, edges, fill=fill, color=color, linewidth=1.6, label=f"{said} ({total:,} rows)"
        )
    axes.set(xlim=(0, edges[-1]), xlabel="predicted probability", ylabel="share of the rows")
    _legend(axes, "upper right")
    _percent(axes.xaxis, axes.yaxis)
    return figure


@_drawn
def importance(report: Report) -> Figure:
    """What the model looks at, by group of features; a name no font can show is a number."""
    of = report.importance or Importance("share", [], [])
    names, shares = of.names[:_MOST], of.shares[:_MOST]
    figure = Figure(figsize=(5.6, 0.8 + 0.24 * max(len(names), 2)))
    axes = figure.subplots()
    shown = [
        _short(name) if can_show(name) else f"no. {place}"
        for place, name in enumerate(names, start=1)
    ]
    axes.barh(range(len(names)), shares, color=MARKS[0].color, height=0.7)
    axes.set_yticks(range(len(names)), shown)
    axes.invert_yaxis()
    axes.set_xlabel(of.measure)
    axes.grid(visible=False, axis="y")
    _percent(axes.xaxis)
    return figure


@_drawn
def drift(report: Report) -> Figure:
    """Mean predicted and observed by month of the cutoff, with 95% intervals; below, rows."""
    figure, (above, below) = _stacked(_WIDE)
    months, place = report.months, range(len(report.months))
    predicted, observed = MARKS[0], MARKS[1]
    above.plot(
        place,
        [m.predicted for m in months],
        color=predicted.color,
        marker=predicted.marker,
        label=f"predicted by the {report.first}",
    )
    _observed(above, place, months, observed, "observed")
    above.set_ylim(bottom=0)
    above.set_ylabel("share that converts")
    _legend(above, "best")
    _percent(above.yaxis)
    below.bar(place, [m.rows for m in months], color=PALE, width=0.7)
    below.set_ylabel("rows")
    below.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    step = max(1, len(months) // 12)
    below.set_xticks(list(place)[::step], [m.name for m in months][::step])
    return figure


def _stacked(size: tuple[float, float]) -> tuple[Figure, Sequence[Axes]]:
    """A tall plot over a low one, with a common horizontal axis."""
    figure = Figure(figsize=size)
    axes: Sequence[Axes] = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [4, 1]})
    return figure, axes


def _observed(
    axes: Axes, at: Iterable[float], found: Sequence[Part], mark: Mark, label: str
) -> None:
    """Shares that converted, with their intervals."""
    drawn = [(x, p.observed) for x, p in zip(at, found, strict=True) if p.observed is not None]
    axes.errorbar(
        [x for x, _ in drawn],
        [seen.mean for _, seen in drawn],
        yerr=[
            [max(seen.mean - seen.low, 0) for _, seen in drawn],
            [max(seen.high - seen.mean, 0) for _, seen in drawn],
        ],
        color=mark.color,
        linestyle=mark.linestyle,
        marker=mark.marker,
        linewidth=1.2,
        capsize=2,
        label=label,
    )


def _marked(report: Report) -> list[tuple[str, Mark]]:
    """The answerers that sort leads, each with its mark."""
    return [(name, MARKS[i % len(MARKS)]) for i, name in enumerate(report.tenths)]


def _legend(axes: Axes, loc: Literal["upper left", "upper right", "lower right", "best"]) -> None:
    """A legend, if anything was drawn that has a name."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc=loc)


def _percent(*axes: object) -> None:
    for axis in axes:
        axis.set_major_formatter(PercentFormatter(1, decimals=None))  # type: ignore[attr-defined]


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"
