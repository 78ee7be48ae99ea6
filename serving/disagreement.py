"""Where rules and model disagree most over a list: the leads that one ranks far above the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from scipy.stats import rankdata

from models.scores import Scores
from models.wording import percentage_points


@dataclass(frozen=True)
class Disagreement:
    """Leads that a model answered, far apart in its ranking and in that of the points.

    Attributes
    ----------
    compared : int
        Leads answered by the model: those ranked.
    model_says_more, rules_say_more : list of dict
        Each with `lead_id`, `probability`, `points`, `rank_by_model` and `rank_by_points` (see
        `rank_shares`), `reason` and `ledger`: the model's strongest reason, and the strongest line
        of the ledger, of those that speak for the difference (None where none does). Farthest
        apart first.
    """

    compared: int
    model_says_more: list[dict[str, Any]]
    rules_say_more: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """The same in plain values, for ``--json``."""
        return {
            "compared": self.compared,
            "model_says_more": self.model_says_more,
            "rules_say_more": self.rules_say_more,
        }


def rank_shares(value: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Ranks as shares of a list: of how many leads each one has a higher value before it.

    A lead's rank is (leads with a greater value + half of those with an equal one, itself
    included) / n: in (0, 1), small for great values, equal for equal ones, 1/2 on average. So
    values of any scale, with any number of ties, can be compared.

    Examples
    --------
    >>> rank_shares(np.array([30, 0, 0, 50])).tolist()
    [0.375, 0.75, 0.75, 0.125]
    """
    return (_ranks(value) - 0.5) / max(len(value), 1)


def _ranks(value: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """1 for the greatest value; equal values share the middle of their ranks."""
    ranks: npt.NDArray[np.float64] = rankdata(-np.asarray(value, dtype=np.float64))
    return ranks


def farthest_apart(
    probability: npt.NDArray[np.float64],
    points: npt.NDArray[Any],
    lead_id: npt.NDArray[Any],
    most: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """At most `most` rows whose ranks by probability and by points differ most.

    Half of them, or one more, are rows that the probability puts further ahead; the others those
    that the points do. A side with fewer such rows gives fewer. Equal differences go by `lead_id`.

    Returns
    -------
    by_probability, by_points : ndarray of rows, farthest apart first
    """
    # Multiples of one half, exact: shares could differ in the last place where ranks do not.
    ahead = _ranks(points) - _ranks(probability)
    sides = []
    for gap, room in ((ahead, (most + 1) // 2), (-ahead, most // 2)):
        order = np.lexsort((lead_id, -gap))
        sides.append(order[gap[order] > 0][:room])
    return sides[0], sides[1]


def disagreement(
    scores: Scores, most: int, again: Callable[[npt.NDArray[np.bool_]], Scores]
) -> Disagreement:
    """The leads of a list about which rules and model disagree most.

    Parameters
    ----------
    scores : Scores
        Of the whole list, without reasons.
    most : int
        At most this many leads.
    again : callable
        Scores the leads marked in a mask of shape (n_leads,) again, with all their reasons.
    """
    ranked = np.flatnonzero(scores.by_model)
    points, probability = scores.points.total[ranked], scores.probability[ranked]
    shares = {"rank_by_model": rank_shares(probability), "rank_by_points": rank_shares(points)}
    ids = np.array(scores.lead_id, dtype=object)[ranked]
    sides = farthest_apart(probability, points, ids, most)
    found = np.concatenate(sides)
    if not len(found):
        return Disagreement(len(ranked), [], [])
    mask = np.zeros(len(scores), dtype=bool)
    mask[ranked[found]] = True
    told, place = again(mask), np.cumsum(mask) - 1

    def line(row: int, sign: int) -> dict[str, Any]:
        record = told.record(int(place[ranked[row]]))
        return {
            "lead_id": record["lead_id"],
            "probability": float(probability[row]),
            "points": int(points[row]),
            **{name: float(share[row]) for name, share in shares.items()},
            "reason": _strongest(record["reasons"], "effect", sign),
            "ledger": _strongest(record["ledger"], "points", -sign),
        }

    model, rules = (
        [line(int(row), sign) for row in side] for side, sign in zip(sides, (1, -1), strict=True)
    )
    return Disagreement(len(ranked), model, rules)


def _strongest(lines: list[dict[str, Any]], by: str, sign: int) -> dict[str, Any] | None:
    """The first of lines, strongest first, that speaks in the direction of `sign`; None if none does."""
    return next((line for line in lines if line[by] * sign > 0), None)


def print_disagreement(console: Console, found: Disagreement) -> None:
    """Print the leads of both sides, with what speaks for them in either view."""
    if not found.compared:
        console.print("\nrules and model: no lead was answered by a model, nothing to compare")
        return
    console.print(
        f"\nwhere rules and model disagree most, among {found.compared:,} leads answered by the model"
    )
    for title, side in (
        ("the model says more", found.model_says_more),
        ("the rules say more", found.rules_say_more),
    ):
        console.print(title + ("" if side else ": nowhere"))
        for line in side:
            _print_line(console, line)


def _print_line(console: Console, line: dict[str, Any]) -> None:
    console.print(
        f"  {line['lead_id']}  {line['probability']:.1%} (top {line['rank_by_model']:.1%})  "
        f"{line['points']} points (top {line['rank_by_points']:.1%})"
    )
    reason, entry = line["reason"], line["ledger"]
    if reason:
        console.print(
            f"       model: {percentage_points(reason['effect'], 'en')}  {reason['text']}"
        )
    if entry:
        console.print(f"       rules: {entry['points']:+g} points  {entry['label']}")
