"""The invented world: which hidden states there are, how they move, and what they let be seen.

Parameters only. `training.simulation.behaviour` samples from these tables and `training.simulation.truth` computes with
the same ones, so the sampler and the likelihood cannot drift apart.

A lead is in one hidden state a day. At the midnight that begins day d it moves from z[d-1] to z[d]
with `transition[profile, project]`, where `profile` is a class of its fixed attributes and
`project` the value of its changing attribute at that midnight. On day d it emits given z[d] alone,
besides what anybody can see (weekday, profile, what we sent). Dormant emits nothing.

`training.simulation.reseller` has the numbers of the default world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

STATES = (
    "unaware", "aware", "interested", "comparing", "deciding",
    "in_deal", "customer", "lost", "dormant",
)  # fmt: skip
PROFILES = ("weak fit", "fair fit", "good fit")
PROJECTS = ("no_plan", "planned", "budgeted")
PAGES = (
    "blog_view", "social_click", "case_study_view", "price_page_view",
    "catalogue_download", "demo_request", "contact_form",
)  # fmt: skip
RESPONSES = (
    "newsletter_open", "newsletter_click", "mail_reply", "call_answered",
    "webinar_register", "webinar_attend", "seminar_attend", "exhibition_visit",
)  # fmt: skip
TOUCHES = ("newsletter_sent", "direct_mail_sent", "call_made", "webinar_invite", "seminar_invite")
OUTCOMES = ("deal_opened", "deal_won", "lost", "purchase")
SOURCES = {
    "exhibition": "exhibition_visit",
    "seminar": "seminar_attend",
    "phone": "call_answered",
    "direct_mail": "mail_reply",
    "blog": "blog_view",
    "social": "social_click",
    "demo": "demo_request",
    "webinar": "webinar_register",
    "newsletter": "newsletter_click",
    "catalogue": "catalogue_download",
    "price": "price_page_view",
    "case_study": "case_study_view",
    "contact": "contact_form",
}
"""Where a lead came from, and the act that made it a lead."""


@dataclass(frozen=True)
class World:
    """The parameters of one world: S states, P profiles, X values of the changing attribute.

    Attributes
    ----------
    open : bool ndarray of shape (S,), states in which the lead has neither a deal nor a loss.
    deal, customer, lost : index of the state whose entry is the event deal_opened; deal_won and
        purchase; lost. -1 where the world has no such state.
    initial : ndarray of shape (n_sources, S), state on the day of creation.
    transition : ndarray of shape (P, X, S, S), rows sum to 1: state of the day before to state.
    project : ndarray of shape (X, X), rows sum to 1: the changing attribute from one midnight to
        the next. It does not look at the state.
    project_start : ndarray of shape (X,), its distribution at creation.
    sessions : ndarray of shape (S,), mean sessions per day (Poisson).
    activity : ndarray of shape (P,), factor on `sessions`.
    weekday : ndarray of shape (7,), factor on `sessions`, Monday first.
    extra_pages : ndarray of shape (S,), mean pages of a session beyond its first (Poisson).
    mix : ndarray of shape (S, n_pages), rows sum to 1: what a page is.
    response : ndarray of shape (n_responses, S), probability of a response given its occasion.
    purchase : daily probability that a customer buys again.
    sessions_tell : the number of sessions of a day depends on the state; else the number of its
        pages does alone (sessions and extra pages as above, parted into sessions anew).
    """

    open: Bools
    deal: int
    customer: int
    lost: int
    initial: Floats
    transition: Floats
    project: Floats
    project_start: Floats
    sessions: Floats
    activity: Floats
    weekday: Floats
    extra_pages: Floats
    mix: Floats
    response: Floats
    purchase: float
    sessions_tell: bool = True

    def rate(self, profile: Ints, weekday: int) -> Floats:
        """Mean sessions of a day, by lead and state: ndarray of shape (n, S)."""
        by_profile: Floats = np.outer(self.activity * self.weekday[weekday], self.sessions)
        return by_profile[profile]
