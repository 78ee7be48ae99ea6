"""How plots look: legible in print without colour, and for those who see other colours."""

from __future__ import annotations

import base64
import io
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

_JAPANESE = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Source Han Sans JP",
    "BIZ UDGothic",
    "IPAexGothic",
    "IPAGothic",
    "TakaoGothic",
    "VL Gothic",
    "Hiragino Sans",
    "Yu Gothic",
    "Meiryo",
    "MS Gothic",
    "Droid Sans Fallback",
    "WenQuanYi Zen Hei",
)
"""Fonts with Japanese letters, the first that is installed being taken."""


class Mark(NamedTuple):
    """How an answerer is drawn; each differs from the others in all three."""

    color: str
    linestyle: Any
    marker: str


# Okabe and Ito (2008), "Color universal design".
MARKS = (
    Mark("#0072B2", "-", "o"),
    Mark("#D55E00", "--", "s"),
    Mark("#009E73", "-.", "^"),
    Mark("#CC79A7", ":", "D"),
    Mark("#000000", (0, (5, 1, 1, 1)), "v"),
)
GREY, PALE = "#555555", "#BBBBBB"


@cache
def fonts() -> tuple[str, ...]:
    """The font families of plots: Matplotlib's own, then one with Japanese letters if there is one."""
    installed = {font.name for font in fontManager.ttflist}
    return ("DejaVu Sans", *[name for name in _JAPANESE if name in installed][:1])


def can_show(text: str) -> bool:
    """Whether some font has every letter of a text; what none has would become boxes."""
    letters = {ord(letter) for letter in text}
    for name in fonts():
        font = get_font(findfont(FontProperties(family=name)))
        letters = {letter for letter in letters if not font.get_char_index(letter)}
    return not letters


def drawing() -> AbstractContextManager[None]:
    """Matplotlib's settings while a figure is made; texts keep the fonts they were made with."""
    settings: dict[Any, Any] = {
        "font.family": list(fonts()),
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        # Names from data are never formulas.
        "text.parse_math": False,
        "grid.color": "#E4E4E4",
        "grid.linewidth": 0.6,
        "lines.linewidth": 1.6,
        "lines.markersize": 4.5,
        "legend.frameon": False,
        "figure.constrained_layout.use": True,
    }
    return mpl.rc_context(settings)


def svg(figure: Figure) -> bytes:
    """A figure as SVG: letters as shapes, the same bytes every time."""
    file = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "tegakari"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def data_uri(figure: Figure) -> str:
    """A figure as the source of an image in a page: nothing in it can run there."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg(figure)).decode()
