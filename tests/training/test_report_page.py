"""Plots and page: complete, harmless, and never boxes for letters."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from features.instants import DAY
from training.report import style
from training.report.answered import Answered
from training.report.importance import Importance
from training.report.page import ABOUT, page
from training.report.parts import by_tenth
from training.report.plots import importance, plots, reliability
from training.report.report import Report, report_of
from training.report.style import MARKS, can_show, fonts, svg
from training.resampling import Resamples

HOSTILE = '<script>alert("x")</script> $\\frac{1}{0}$ --> & 手がかり'


def a_report(*, timed: bool = True) -> Report:
    rng = np.random.default_rng(3)
    p = rng.beta(1, 6, 600)
    rows = Answered(
        (rng.random(600) < p).astype(np.int8),
        np.arange(600),
        np.arange(600),
        (20_454 + 20 * rng.integers(4, size=600)) * DAY,
        ZoneInfo("Asia/Tokyo") if timed else None,
        {"model": p, "scorecard": np.round(p, 1).clip(0.01), "base rate": np.full(600, 0.15)},
        {},
    )
    looked_at = Importance("share", [HOSTILE, "source"], [0.7, 0.3])
    return report_of(
        rows,
        title=HOSTILE,
        about=[("data", HOSTILE)],
        warnings=[HOSTILE],
        notes=[HOSTILE],
        importance=looked_at,
    )


@pytest.fixture(scope="module")
def made() -> Report:
    return a_report()


class Tags(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_runs_nothing_and_loads_nothing(made: Report) -> None:
    tags = Tags(page(made)).found
    assert not {"script", "link", "iframe", "object", "svg"} & {tag for tag, _ in tags}
    for tag, attributes in tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith("data:image/svg+xml;base64,"), tag


def test_the_page_has_every_plot_its_warnings_and_its_figures(made: Report) -> None:
    text = page(made)
    assert (
        len([tag for tag, _ in Tags(text).found if tag == "img"]) == len(plots(made)) == len(ABOUT)
    )
    assert "&lt;script&gt;" in text
    assert text.index("Beware") < text.index("<h2>Figures</h2>")
    auc = made.figures["model"].auc
    assert auc is not None
    assert f"{auc.mean:.3f}" in text
    calm = page(replace(made, warnings=[]))
    assert "Beware" not in calm


def test_a_flat_report_has_no_months(made: Report) -> None:
    flat = a_report(timed=False)
    assert set(plots(made)) - set(plots(flat)) == {"drift"}
    assert "month of the cutoff" not in page(flat)


def test_plots_are_the_same_bytes_every_time(made: Report) -> None:
    for name, plot in plots(made).items():
        assert svg(plot) == svg(plots(made)[name]), name


def test_the_reliability_plot_shows_the_table_of_tenths(made: Report) -> None:
    above = reliability(made).axes[0]
    bars = {str(bar.get_label()): bar for bar in above.containers}
    assert set(bars) == {"model", "scorecard"}  # the base rate sorts nobody
    line = bars["model"][0]
    assert list(line.get_xdata()) == [part.predicted for part in made.tenths["model"]]


def test_letters_without_a_font_become_a_number(
    made: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "fonts", lambda: ("DejaVu Sans",))
    assert can_show("source, größe")
    assert not can_show("業種")
    shown = [text.get_text() for text in importance(made).axes[0].get_yticklabels()]
    assert shown == ["no. 1", "source"]


def test_answerers_differ_in_colour_line_and_marker() -> None:
    assert fonts()[0] == "DejaVu Sans"
    for looks in zip(*MARKS, strict=True):
        assert len(set(looks)) == len(MARKS)


def test_one_class_makes_a_report_all_the_same() -> None:
    p = np.linspace(0.1, 0.4, 50)
    nobody = np.zeros(50, dtype=np.int8)
    at = np.arange(50)
    made = report_of(Answered(nobody, at, at, at, None, {"model": p}, {}), title="t")
    assert made.figures["model"].auc is None
    assert len(by_tenth(Resamples.of(at), at, nobody, p)) == 10
    assert re.search(r"<td>–<span", page(made))
