"""Planted coins can be read from the log, and nothing that counts can tell how they fell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from training.simulation.behaviour import Day, live
from training.simulation.contents import TYPES
from training.simulation.diary import entries
from training.simulation.population import HOUR, Population, populate
from training.simulation.reseller import default_world, transitions
from training.simulation.signals import SIGNALS, Nature, nature
from training.simulation.world import PAGES, Bools, Ints

COINED = [name for name, signal in SIGNALS.items() if signal.plant]
N_LEADS, N_DAYS = 1500, 200


@dataclass
class Planted:
    """A world with a signal whose paces are all the same: only the coins differ."""

    nature: Nature
    fast: Bools
    days: list[Day]
    log: pd.DataFrame


@cache
def planted(name: str) -> Planted:
    """Leads that are all there on the first days. `log` has `lead`, `kind`, `day`, `at`, in order."""
    seeds, rng = np.random.SeedSequence(3).spawn(3), np.random.default_rng(4)
    people: Population = populate(N_LEADS, 5, seeds[0])
    hidden, up = nature(name, people.traits, None, seeds[1]), np.array(SIGNALS[name].up)
    level = replace(hidden.world, transition=np.tile(transitions(), (len(up), 1, 1, 1)))
    dates = [date(2025, 1, 6) + timedelta(days=i) for i in range(N_DAYS)]
    days = [day for day, _ in live(level, hidden.traits, dates, seeds[2], hidden.plant)]
    log = []
    for day in days:
        e = entries(day, people, day.number // 7, rng)
        log.append(pd.DataFrame({"lead": e.lead, "kind": e.kind, "day": day.number, "at": e.at}))
    written = pd.concat(log).sort_values(["lead", "day", "at"], kind="stable", ignore_index=True)
    return Planted(hidden, up[hidden.pace] > 1, days, written)


def coins(name: str) -> tuple[Ints, Ints]:
    """What fell, over all days: (tossed, heads), each ndarray of shape (n_coins, n_leads)."""
    thrown = [day.coins for day in planted(name).days]
    tossed = sum(c.tossed for c in thrown if c is not None)
    heads = sum(c.heads for c in thrown if c is not None)
    return np.asarray(tossed), np.asarray(heads)


def visits(log: pd.DataFrame) -> pd.DataFrame:
    """Pages with the session they belong to: a gap of more than 30 minutes parts two.

    The creating act, which may be a page, is of no session.
    """
    pages = log[(log["kind"] < len(PAGES)) & log.duplicated("lead")]
    apart = (pages[["lead", "day"]].diff() != 0).any(axis=1) | (pages["at"].diff() > HOUR / 2)
    return pages.assign(session=apart.cumsum())


def counted(series: pd.Series) -> Ints:
    """Values by lead: ndarray of shape (n_leads,), 0 where there is none."""
    return series.reindex(range(N_LEADS), fill_value=0).to_numpy()


def test_sessions_can_be_read_from_the_log() -> None:
    pages = visits(planted("sessions").log)
    by_day = pages.groupby(["lead", "day"])["session"].agg(["size", "nunique"])
    tossed, heads = coins("sessions")
    np.testing.assert_array_equal(counted((by_day["size"] - 1).groupby("lead").sum()), tossed[0])
    np.testing.assert_array_equal(counted((by_day["nunique"] - 1).groupby("lead").sum()), heads[0])


def test_order_can_be_read_from_the_log() -> None:
    session = visits(planted("order").log).groupby("session")
    frame = pd.DataFrame({
        "lead": session["lead"].first(),
        "several": session["kind"].nunique() > 1,
        "rising": session["kind"].is_monotonic_increasing,
        "falling": session["kind"].is_monotonic_decreasing,
    })  # fmt: skip
    several = frame[frame["several"]]
    assert (several["rising"] != several["falling"]).all()
    tossed, heads = coins("order")
    np.testing.assert_array_equal(counted(several.groupby("lead").size()), tossed[0])
    np.testing.assert_array_equal(counted(several.groupby("lead")["rising"].sum()), heads[0])


def test_responses_can_be_read_from_the_log() -> None:
    """A newsletter is answered once at most, by the first opening before the next one."""
    log = planted("responses").log
    sent, opened = TYPES.index("newsletter_sent"), TYPES.index("newsletter_open")
    mail = log[log["kind"].isin([sent, opened])]
    answers = (mail["kind"] == opened) & (mail["kind"].shift() == sent)
    assert (mail["lead"] == mail["lead"].shift())[answers].all()
    tossed, heads = coins("responses")
    np.testing.assert_array_equal(
        counted((mail["kind"] == sent).groupby(mail["lead"]).sum()), tossed[0]
    )
    np.testing.assert_array_equal(counted(answers.groupby(mail["lead"]).sum()), heads[0])
    np.testing.assert_array_equal(
        counted((mail["kind"] == opened).groupby(mail["lead"]).sum()), heads.sum(axis=0)
    )


def test_hours_can_be_read_from_the_log() -> None:
    pages = visits(planted("hours").log)
    begins = pages.drop_duplicates("session")
    tossed, heads = coins("hours")
    np.testing.assert_array_equal(counted(begins.groupby("lead").size()), tossed[0])
    night = (begins["at"] < 6 * HOUR).groupby(begins["lead"]).sum()
    np.testing.assert_array_equal(counted(night), heads[0])
    assert not pages["at"].between(6 * HOUR, 7 * HOUR).any()


def chances(score: Ints, fast: Bools) -> float:
    """Standard errors by which a score tells the paces apart (Mann and Whitney, 1947)."""
    n, m = len(fast), int(fast.sum())
    error = np.sqrt((n + 1) / (12 * m * (n - m)))
    return float((roc_auc_score(fast, score) - 0.5) / error)


@pytest.mark.parametrize("name", COINED)
def test_counts_do_not_tell_the_pace(name: str) -> None:
    """Neither over all days nor lately nor by weekday, for any type; 4 errors: once in 16 000.

    The paces move alike here, so that what differs between them is the signal alone.
    """
    it = planted(name)
    log, fast = it.log, it.fast
    lately = log["day"] >= N_DAYS - 30
    weekend = log["day"] % 7 >= 5
    for kind in range(len(TYPES)):
        for window in (lately | True, lately, weekend):
            count = counted(log[(log["kind"] == kind) & window].groupby("lead").size())
            assert abs(chances(count, fast)) < 4, TYPES[kind]


@pytest.mark.parametrize("name", COINED)
def test_the_coins_do(name: str) -> None:
    it = planted(name)
    tossed, heads = (side[0] for side in coins(name))
    enough = tossed >= 10
    assert enough.sum() > 100
    share = heads[enough] / tossed[enough]
    chance = SIGNALS[name].chance[0]
    auc = roc_auc_score(it.fast[enough], share if chance[-1] > chance[0] else -share)
    assert auc > 0.9


def test_how_much_is_mailed_varies_and_says_nothing() -> None:
    tossed, _ = coins("responses")
    mailed = tossed[0][tossed[0] > 0]
    assert np.quantile(mailed, 0.9) > 5 * np.quantile(mailed, 0.1)
    assert abs(chances(tossed[0], planted("responses").fast)) < 4


def test_nothing_is_planted_where_nobody_asks() -> None:
    people = populate(50, 5, np.random.SeedSequence(1))
    plain = nature(None, people.traits, None, np.random.SeedSequence(2))
    assert plain.plant is None
    assert plain.traits == people.traits
    np.testing.assert_array_equal(plain.world.transition, default_world().transition)
