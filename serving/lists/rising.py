"""Who is on the rise: cold is not hopeless."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from models.playbook import Playbook
from models.settings import Settings
from models.terminal import Report
from models.trend import Trend
from models.wording import texts
from serving.asked import warnings_of
from serving.lists.listed import Listed, first, records
from serving.lists.seen import Wanted, see


def rising(wanted: Wanted, settings: Settings, playbook: Playbook, report: Report) -> Listed:
    """The leads whose probability is rising, by the change of its log-odds, the greatest first.

    Those that are not hot come before those that are: a hot lead is called anyway.
    """
    seen = see(wanted, settings, playbook, report)
    scores, threshold = seen.scores, playbook.said.trend.threshold
    trends = {
        row: trend
        for row, trend in enumerate(scores.trend.records())
        if trend is not None and not seen.excluded[row]
    }
    moved = {
        row: _change(trend, threshold)
        for row, trend in trends.items()
        if trend["direction"] == "rising"
    }
    order = sorted(
        moved, key=lambda row: (seen.hot[row], -moved[row]["change"], scores.lead_id[row])
    )
    rows = first(np.array(order, dtype=np.int64), wanted.most)
    report("saying why")
    counts = Counter(scores.temperature[row] or "none" for row in moved)
    facts = {
        "rising": len(moved),
        "rising_by_temperature": {name: counts[name] for name in ("cold", "warm", "hot", "none")},
        "directions": dict(Counter(trend["direction"] for trend in trends.values())),
        "threshold": threshold,
    }
    words = texts(seen.lang)["lists"]
    notes = [
        words["rising"].format(
            n=f"{len(moved):,}",
            known=f"{len(trends):,}",
            threshold=f"{threshold:g}",
            **{name: f"{counts[name]:,}" for name in ("cold", "warm", "hot")},
        )
    ]
    warnings = warnings_of(seen.taken)
    if not trends:
        warnings.append(words["no_trend"])
    leads = records(seen, rows, [moved[int(row)] for row in rows])
    return Listed("rising", seen, leads, rows, facts, notes, warnings)


def _change(trend: Trend, threshold: float) -> dict[str, Any]:
    """What made a lead rising: its probability so many days ago, and the change since."""
    then = next(t for t in trend["past"] if t["change"] is not None and t["change"] >= threshold)
    return {"days": then["days"], "probability_then": then["probability"], "change": then["change"]}
