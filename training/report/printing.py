"""The figures of a report, as the command prints them."""

from __future__ import annotations

from rich.console import Console

from models.terminal import print_table
from training.report.page import ends, figure
from training.report.report import Report
from training.resampling import Interval


def print_report(report: Report, console: Console) -> None:
    """The warnings, the figures of each answerer, and what calling gains."""
    for warning in report.warnings:
        console.print(f"warning: {warning}")
    for note in report.notes:
        console.print(f"note: {note}")
    title = (
        f"{report.rows:,} rows of {report.leads:,} leads, {report.positives:,} converted; "
        "95% intervals resample leads"
    )
    names = ("AUC", "log loss", "slope", "average precision", "Brier", "ECE")
    lines = [
        [
            name,
            _cell(of.auc, 3),
            _cell(of.log_loss, 4),
            _cell(of.calibration_slope, 2),
            figure(of.average_precision, 3),
            figure(of.brier, 4),
            figure(of.ece, 4),
        ]
        for name, of in report.figures.items()
    ]
    print_table(console, title, ["", *names], lines)
    header = ["called per cutoff date", "calls", "converted", "of the called", "lift"]
    called = [
        [
            f"top {call.top}" if call.top else f"{call.share or 0:.0%}",
            f"{call.calls:,}",
            f"{call.converted:,}",
            "-" if call.precision is None else f"{call.precision.mean:.1%}",
            _cell(call.lift, 2),
        ]
        for call in report.calls.get(report.first, [])
    ]
    if called:
        console.print()
        print_table(console, f"calling by the {report.first}", header, called)
    for distance in report.distances[:1]:
        console.print(
            f"\ngain of the {distance.name}, 0 the base rate and 1 the best possible: {_cell(distance.gain, 3)}"
        )


def _cell(value: Interval | None, digits: int) -> str:
    return "-" if value is None else f"{figure(value, digits)} ({ends(value, digits)})"
