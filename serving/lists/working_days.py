"""Working days: Monday to Friday in the company's zone, holidays aside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, tzinfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.instants import Instants


def passed(
    start: Instants, end: int, tz: tzinfo, holidays: Sequence[date] = ()
) -> npt.NDArray[np.int64]:
    """How many whole working days passed from each start to the end.

    One has passed when the clock shows the time of the start again on the next working day. What
    starts on a day off starts with the next working day.

    Parameters
    ----------
    start : ndarray of shape (n,), int64

    Examples
    --------
    From Friday 2026-09-25 15:00 to Tuesday 2026-09-29 at 14:59, and at 15:00:

    >>> from datetime import UTC
    >>> hour = 3_600_000_000
    >>> friday = np.array([20721 * 24 * hour + 15 * hour])
    >>> tuesday = int(friday[0]) + 4 * 24 * hour
    >>> passed(friday, tuesday - 60_000_000, UTC).tolist(), passed(friday, tuesday, UTC).tolist()
    ([1], [2])
    """
    days = np.array(list(holidays), dtype="datetime64[D]")
    begun, time = _wall(start, tz)
    is_day = np.is_busday(begun, holidays=days)
    begun = np.busday_offset(begun, 0, roll="forward", holidays=days)
    time = np.where(is_day, time, np.timedelta64(0, "us"))
    (today,), (now,) = _wall(np.array([end]), tz)
    count = np.busday_count(begun, today, holidays=days)
    # The last of them is whole only once its time of day has come, which on a day off it never does.
    not_yet = (time > now) | ~np.is_busday(today, holidays=days)
    return np.asarray(np.maximum(count - not_yet, 0), dtype=np.int64)


def _wall(
    instants: Instants, tz: tzinfo
) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.timedelta64]]:
    """The day and the time of day of instants on the clocks of a zone."""
    aware = pd.DatetimeIndex(instants.astype("datetime64[us]")).tz_localize("UTC").tz_convert(tz)
    wall = aware.tz_localize(None).to_numpy(dtype="datetime64[us]")
    day = wall.astype("datetime64[D]")
    return day, wall - day
