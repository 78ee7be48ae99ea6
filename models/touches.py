"""What became of held-out leads with and without a touch of ours, by tercile of the model's score.

An association, and not the effect of the touch: those whom we call differ from those whom we do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt

from features.instants import HOUR, duration_text
from models.evidence import Basis, wilson
from models.wording import span, texts

Tercile = Literal["low", "middle", "high"]
TERCILES: tuple[Tercile, Tercile, Tercile] = ("low", "middle", "high")

AT_LEAST = 100
"""Fewest leads with the touch of which anything is said."""


class Count(NamedTuple):
    """Leads, and how many of them converted."""

    n: int
    converted: int


class Pair(NamedTuple):
    """Leads with a touch, and leads without."""

    touched: Count
    untouched: Count


Association = TypedDict(
    "Association",
    {"tercile": Tercile, "window": str, "with": Basis, "without": Basis, "text": str},
)
"""How similar leads converted with a touch in the window after the cutoff, and without."""


@dataclass(frozen=True)
class Touches:
    """Conversions of held-out leads with and without each touch.

    Attributes
    ----------
    window : int
        Microseconds: a lead counts as touched when a touch came in (cutoff, cutoff + window], and
        as converted when the label event came in (cutoff + window, cutoff + horizon]. Leads that
        converted by cutoff + window are in neither group.
    bounds : (float, float)
        Of the model's raw score: low below the first, high from the second on.
    pairs : dict of str to tuple of three Pair
        By event type of the touch; of the low, the middle and the high tercile.
    """

    window: int
    bounds: tuple[float, float]
    pairs: Mapping[str, tuple[Pair, Pair, Pair]]

    def tercile(self, raw: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The places in `TERCILES` of raw scores."""
        return np.asarray(np.searchsorted(self.bounds, raw, side="right"))

    def association(self, touch: str, label: str, tercile: int, lang: str) -> Association | None:
        """What was observed of a touch in a tercile; None of fewer than `AT_LEAST` leads with it.

        Parameters
        ----------
        label : str
            What the touch is called in the language `lang`.
        tercile : int
            A place in `TERCILES`.
        """
        if touch not in self.pairs:
            return None
        touched, untouched = self.pairs[touch][tercile]
        if touched.n < AT_LEAST or not untouched.n:
            return None
        with_it, without = wilson(*touched), wilson(*untouched)
        words = texts(lang)["association"]
        return {
            "tercile": TERCILES[tercile],
            "window": duration_text(self.window),
            "with": with_it,
            "without": without,
            "text": words["text"].format(
                touch=label,
                span=span(self.window / HOUR, lang),
                touched=_rate(with_it, words["rate"]),
                untouched=_rate(without, words["rate"]),
            ),
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values, as stored in an artefact."""
        return {
            "window": self.window,
            "bounds": list(self.bounds),
            "pairs": {
                touch: [{"with": list(p.touched), "without": list(p.untouched)} for p in pairs]
                for touch, pairs in self.pairs.items()
            },
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Touches:
        """What `to_json` wrote; ValueError when it contradicts itself."""
        low, high = map(float, stored["bounds"])
        pairs = {}
        for touch, three in stored["pairs"].items():
            first, second, third = (Pair(_count(p["with"]), _count(p["without"])) for p in three)
            pairs[str(touch)] = (first, second, third)
        window = int(stored["window"])
        duration_text(window)
        if not low <= high or window <= 0:
            raise ValueError("touches with bounds that fall, or without a window")
        return cls(window, (low, high), pairs)


def _count(stored: tuple[int, int]) -> Count:
    n, converted = map(int, stored)
    if not 0 <= converted <= n:
        raise ValueError(f"{converted} conversions of {n} leads")
    return Count(n, converted)


def _rate(basis: Basis, form: str) -> str:
    """A rate of conversion in words, with its counts and interval."""
    return form.format(
        rate=f"{basis['converted'] / basis['n']:.1%}",
        n=f"{basis['n']:,}",
        converted=f"{basis['converted']:,}",
        low=f"{basis['low']:.1%}",
        high=f"{basis['high']:.1%}",
    )
