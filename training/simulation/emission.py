"""How likely what a day shows is in each hidden state, from the tables the sampler draws from."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, logsumexp

from training.simulation.behaviour import Day
from training.simulation.world import Floats, Ints, World


def likelihood(world: World, profile: Ints, day: Day, rows: Ints) -> Floats:
    """P(emissions of the day | state) up to a factor without the state: ndarray (len(rows), S).

    The silence of a day counts as much as its acts. Left out is whatever is the same in every
    state: sends, the factorials, the hours, contents and order of the acts, how the pages of a day
    spread over its sessions (uniform given their sum).
    """
    rate = world.rate(profile[rows], day.weekday)
    log = -rate
    browsing = np.flatnonzero(day.sessions[rows] > 0)
    if len(browsing):
        leads = rows[browsing]
        size = (len(day.present), world.mix.shape[1])
        flat = np.ravel_multi_index((day.page_lead, day.page_kind), size)
        kinds = np.bincount(flat, minlength=size[0] * size[1]).reshape(size)[leads]
        pages = kinds.sum(axis=1, keepdims=True)
        if world.sessions_tell:
            sessions = day.sessions[leads][:, None]
            extra = pages - sessions
            log[browsing] += sessions * (_log(world.sessions) - world.extra_pages)
            log[browsing] += extra * _log(world.extra_pages)
        else:
            log[browsing] += pages_in_all(world, rate[browsing], pages)
        log[browsing] += kinds @ _log(world.mix).T
    for tried, responded, chance in zip(day.tried, day.responded, world.response, strict=True):
        if tried.any():
            asked = np.flatnonzero(tried[rows])
            answer = responded[rows[asked], None]
            log[asked] += np.where(answer, _log(chance), _log(1 - chance))
    scaled: Floats = np.exp(log - log.max(axis=1, keepdims=True))
    return scaled


def pages_in_all(world: World, rate: Floats, pages: Ints) -> Floats:
    """Logarithm of P(n pages on a day | state), without its -r: ndarray (m, S).

    The number of sessions s is Poisson of mean r and has s + Poisson(s e) pages, e `extra_pages`:

        P(n) = exp(-r) sum over s = 1 .. n of  r^s / s!  (s e)^(n - s) exp(-s e) / (n - s)!

    Parameters
    ----------
    rate : ndarray of shape (m, S), mean sessions of the day.
    pages : ndarray of shape (m, 1), at least 1.
    """
    s = np.arange(1, pages.max() + 1)
    extra = pages[:, :, None] - s
    mean = world.extra_pages[:, None] * s
    log = s * _log(rate)[:, :, None] - gammaln(s + 1) - mean
    log = log + np.maximum(extra, 0) * _log(mean) - gammaln(np.maximum(extra, 0) + 1)
    total: Floats = logsumexp(np.where(extra >= 0, log, -np.inf), axis=2)
    return total


def _log(probability: Floats) -> Floats:
    """Logarithm in which 0 becomes the least positive float: 0 * log(0) is 0, not NaN."""
    log: Floats = np.log(np.maximum(probability, np.finfo(np.float64).tiny))
    return log
