"""The numbers of the default world: a reseller of 3D-CAD in Japan.

They are tuned so that the best possible answer is good but not certain and counting alone is not
enough: `training.simulation.difficulty` measures it, and its tests hold the numbers to it.
"""

from __future__ import annotations

import numpy as np

from training.simulation.world import PROFILES, PROJECTS, SOURCES, STATES, Floats, World

# Daily probability of a move, before the factors of profile and project.
# "up" is progress and "down" is cooling; "other" moves do not depend on attributes.
_MOVES: dict[str, list[tuple[str, str, float]]] = {
    "up": [
        ("unaware", "aware", 0.008),
        ("aware", "interested", 0.014),
        ("interested", "comparing", 0.034),
        ("comparing", "deciding", 0.050),
        ("deciding", "in_deal", 0.070),
    ],
    "down": [
        ("aware", "unaware", 0.010),
        ("interested", "aware", 0.040),
        ("comparing", "interested", 0.040),
        ("deciding", "comparing", 0.050),
        ("unaware", "dormant", 0.008),
        ("aware", "dormant", 0.008),
        ("interested", "dormant", 0.006),
        ("comparing", "dormant", 0.006),
        ("deciding", "dormant", 0.004),
    ],
    "other": [
        ("unaware", "lost", 0.0010),
        ("aware", "lost", 0.0010),
        ("interested", "lost", 0.0015),
        ("comparing", "lost", 0.0030),
        ("deciding", "lost", 0.0060),
        ("dormant", "lost", 0.0010),
        ("in_deal", "customer", 0.020),
        ("in_deal", "lost", 0.025),
        ("customer", "dormant", 0.001),
        ("dormant", "aware", 0.006),
        ("lost", "interested", 0.001),
    ],
}
_UP_BY_PROFILE, _DOWN_BY_PROFILE = (0.7, 1.0, 1.3), (1.15, 1.0, 0.9)
_UP_BY_PROJECT, _DOWN_BY_PROJECT = (0.8, 1.1, 1.5), (1.1, 0.95, 0.8)

# State on the day of creation: unaware, aware, interested, comparing, deciding.
_INITIAL = {
    "exhibition": (0.30, 0.60, 0.10, 0.00, 0.00),
    "seminar": (0.00, 0.50, 0.45, 0.05, 0.00),
    "phone": (0.50, 0.45, 0.05, 0.00, 0.00),
    "direct_mail": (0.30, 0.60, 0.10, 0.00, 0.00),
    "blog": (0.10, 0.70, 0.20, 0.00, 0.00),
    "social": (0.20, 0.70, 0.10, 0.00, 0.00),
    "demo": (0.00, 0.10, 0.45, 0.35, 0.10),
    "webinar": (0.00, 0.45, 0.45, 0.10, 0.00),
    "newsletter": (0.00, 0.60, 0.35, 0.05, 0.00),
    "catalogue": (0.00, 0.35, 0.50, 0.15, 0.00),
    "price": (0.00, 0.10, 0.50, 0.35, 0.05),
    "case_study": (0.00, 0.30, 0.50, 0.20, 0.00),
    "contact": (0.00, 0.05, 0.40, 0.40, 0.15),
}

# Mean sessions per day, and mean pages of a session beyond its first.
_BROWSING = {
    "unaware": (0.006, 0.6),
    "aware": (0.05, 1.0),
    "interested": (0.13, 1.6),
    "comparing": (0.18, 2.0),
    "deciding": (0.21, 2.0),
    "in_deal": (0.22, 1.8),
    "customer": (0.06, 1.2),
    "lost": (0.008, 0.8),
    "dormant": (0.0, 0.0),
}

# What a page is, in percent and in the order of PAGES. Dormant has no pages: its row is unused.
_MIX = {
    "unaware": (70, 20, 4, 2, 3, 0.5, 0.5),
    "aware": (60, 18, 9, 5, 6, 1, 1),
    "interested": (45, 12, 18, 12, 9, 2, 2),
    "comparing": (26, 6, 28, 22, 12, 3.5, 2.5),
    "deciding": (16, 4, 24, 36, 10, 5, 5),
    "in_deal": (16, 4, 24, 36, 12, 3, 5),
    "customer": (56, 14, 10, 8, 8, 1, 3),
    "lost": (64, 16, 8, 6, 5, 0.5, 0.5),
    "dormant": (100, 0, 0, 0, 0, 0, 0),
}

# Probability of a response given its occasion, in the order of RESPONSES.
_RESPONSE = {
    "unaware": (0.06, 0.02, 0.010, 0.12, 0.01, 0.20, 0.01, 0.004),
    "aware": (0.18, 0.06, 0.020, 0.20, 0.03, 0.30, 0.03, 0.010),
    "interested": (0.32, 0.12, 0.040, 0.30, 0.08, 0.50, 0.08, 0.030),
    "comparing": (0.38, 0.18, 0.060, 0.38, 0.12, 0.60, 0.14, 0.060),
    "deciding": (0.38, 0.20, 0.080, 0.48, 0.10, 0.60, 0.15, 0.080),
    "in_deal": (0.36, 0.18, 0.060, 0.60, 0.08, 0.60, 0.12, 0.070),
    "customer": (0.34, 0.14, 0.030, 0.45, 0.08, 0.50, 0.10, 0.040),
    "lost": (0.08, 0.03, 0.005, 0.10, 0.01, 0.20, 0.01, 0.005),
    "dormant": (0, 0, 0, 0, 0, 0, 0, 0),
}


def transitions(up: float = 1.0) -> Floats:
    """The moves of every profile and project: ndarray of shape (P, X, S, S), rows sum to 1.

    `up` is a factor on progress besides those of profile and project.
    """
    table = np.zeros((len(PROFILES), len(PROJECTS), len(STATES), len(STATES)))
    factors = {
        "up": np.outer(_UP_BY_PROFILE, _UP_BY_PROJECT) * up,
        "down": np.outer(_DOWN_BY_PROFILE, _DOWN_BY_PROJECT),
        "other": np.ones((len(PROFILES), len(PROJECTS))),
    }
    for direction, moves in _MOVES.items():
        for before, after, probability in moves:
            i, j = STATES.index(before), STATES.index(after)
            table[:, :, i, j] = probability * factors[direction]
    diagonal = np.arange(len(STATES))
    table[:, :, diagonal, diagonal] = 1 - table.sum(axis=-1)
    return table


def default_world() -> World:
    """The world of a reseller of 3D-CAD in Japan."""
    sessions, extra_pages = np.array([_BROWSING[state] for state in STATES]).T
    initial = np.zeros((len(SOURCES), len(STATES)))
    initial[:, :5] = [_INITIAL[source] for source in SOURCES]
    return World(
        open=~np.isin(STATES, ("in_deal", "customer", "lost")),
        deal=STATES.index("in_deal"),
        customer=STATES.index("customer"),
        lost=STATES.index("lost"),
        initial=initial,
        transition=transitions(),
        project=np.array(
            [[0.9985, 0.0012, 0.0003], [0.0040, 0.9920, 0.0040], [0.0060, 0.0020, 0.9920]]
        ),
        project_start=np.array([0.75, 0.18, 0.07]),
        sessions=sessions,
        activity=np.array([1.3, 1.0, 0.85]),
        weekday=np.array([1.05, 1.1, 1.1, 1.1, 1.0, 0.45, 0.4]),
        extra_pages=extra_pages,
        mix=np.array([_MIX[state] for state in STATES]) / 100,
        response=np.array([_RESPONSE[state] for state in STATES], dtype=np.float64).T,
        purchase=0.004,
    )
