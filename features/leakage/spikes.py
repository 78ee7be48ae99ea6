"""Days of import: many leads with one creation date, which then says nothing of them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from features.instants import DAY, MISSING, Instants, iso
from features.leakage.finding import Finding
from features.leakage.outcome import FEWEST

SHARE, BUSY = 0.05, 10.0
"""A day is implausible with this share of all leads and this many times the usual day."""
MOST = 0.20
"""The share from which ages and horizons of the whole list are in doubt."""
INSTANT = 0.01
"""The share of leads created at one instant, to the microsecond, from which a machine did it."""
DAYS = 10
"""Different days that a list must have before one of them can stick out."""


def import_spikes(created_at: Instants, tz: ZoneInfo) -> list[Finding]:
    """Creation dates that look like an import.

    Parameters
    ----------
    created_at : ndarray of shape (n_leads,), int64, `MISSING` where not known
    tz : ZoneInfo
        The zone of days.
    """
    known = created_at[created_at != MISSING]
    if len(known) < 10 * FEWEST:
        return []
    found = []
    wall = pd.DatetimeIndex(known.astype("datetime64[us]")).tz_localize("UTC").tz_convert(tz)
    day, count = np.unique(wall.tz_localize(None).to_numpy("datetime64[D]"), return_counts=True)
    usual = float(np.median(count))
    if len(day) >= DAYS:
        for d, n in zip(day, count, strict=True):
            if n >= SHARE * len(known) and n >= BUSY * usual and n >= FEWEST:
                found.append(_spike(str(d), int(n), len(known), f"the usual day has {usual:g}"))
    instant, same = np.unique(known, return_counts=True)
    # Where times are whole days, every instant is shared, and says nothing.
    if len(instant) > 2 * len(day) or (instant % DAY != instant[0] % DAY).any():
        for at, n in zip(instant, same, strict=True):
            if n >= INSTANT * len(known) and n >= FEWEST:
                moment = iso(int(at), tz)
                found.append(_spike(f"{moment}", int(n), len(known), "to the microsecond"))
    return found


def _spike(when: str, n: int, of: int, usual: str) -> Finding:
    return Finding(
        "likely" if n >= MOST * of else "note",
        "file",
        f"leads, {when}",
        "import date",
        f"{n:,} of {of:,} leads ({n / of:.1%}) were created then; {usual}.",
        "If it is an import, give the first real date as created_at: ages and horizons begin there.",
    )
