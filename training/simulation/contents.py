"""What the events of the invented world look like in a log: names, channels, hours and contents.

Nothing here depends on a hidden state: these columns tell nothing about it beyond the event.
"""

from __future__ import annotations

import numpy as np

from training.simulation.population import HOUR, SECONDS
from training.simulation.world import OUTCOMES, PAGES, RESPONSES, TOUCHES, Ints

TYPES = (*PAGES, *RESPONSES, *TOUCHES, *OUTCOMES)
"""Every event type; an event carries its index."""

CHANNELS = {
    "web": (
        "blog_view", "case_study_view", "price_page_view", "catalogue_download",
        "demo_request", "contact_form",
    ),
    "social": ("social_click",),
    "mail": (
        "newsletter_open", "newsletter_click", "newsletter_sent", "webinar_invite", "seminar_invite"
    ),
    "post": ("direct_mail_sent", "mail_reply"),
    "phone": ("call_made", "call_answered"),
    "webinar": ("webinar_register", "webinar_attend"),
    "event": ("seminar_attend", "exhibition_visit"),
    "sales": OUTCOMES,
}  # fmt: skip

MINUTE = 60 * SECONDS

# (earliest, latest) microseconds after midnight, or (after which event of the day, least, most).
# All end before 23:00, so that a day shortened by summer time holds them too.
HOURS: dict[str, tuple[int, int]] = {
    "newsletter_sent": (9 * HOUR, 9 * HOUR + 20 * MINUTE),
    "direct_mail_sent": (10 * HOUR, 11 * HOUR),
    "call_made": (9 * HOUR + 30 * MINUTE, 17 * HOUR + 30 * MINUTE),
    "webinar_invite": (11 * HOUR, 11 * HOUR + 15 * MINUTE),
    "seminar_invite": (10 * HOUR + 30 * MINUTE, 10 * HOUR + 45 * MINUTE),
    "mail_reply": (9 * HOUR, 18 * HOUR),
    "webinar_attend": (14 * HOUR, 14 * HOUR + 10 * MINUTE),
    "seminar_attend": (13 * HOUR, 13 * HOUR + 20 * MINUTE),
    "exhibition_visit": (10 * HOUR, 17 * HOUR),
    "deal_opened": (10 * HOUR, 18 * HOUR),
    "deal_won": (10 * HOUR, 18 * HOUR),
    "lost": (17 * HOUR, 19 * HOUR),
    "purchase": (9 * HOUR, 18 * HOUR),
}
AFTER: dict[str, tuple[str, int, int]] = {
    "newsletter_open": ("newsletter_sent", MINUTE, 10 * HOUR),
    "newsletter_click": ("newsletter_open", 5 * SECONDS, 2 * MINUTE),
    "call_answered": ("call_made", 4 * SECONDS, 30 * SECONDS),
    "webinar_register": ("webinar_invite", MINUTE, 9 * HOUR),
}

_BLOG = (
    "3dcad-hajimete", "2d-kara-3d", "sheet-metal", "assembly", "cae-nyumon", "drawing-rules",
    "data-kanri", "3d-print", "training-plan", "subsidy", "kanagata", "simulation",
)  # fmt: skip
_CASES = ("machine", "auto-parts", "mould", "electric", "medical", "architect", "plastic", "school")
_WEBINARS = (
    "はじめての3D-CAD", "2次元図面からの移行", "板金設計の基本", "大規模アセンブリのコツ",
    "設計者のためのCAE", "図面と3Dデータの管理", "金型設計の実際",
)  # fmt: skip
_SEMINARS = ("3D設計体験セミナー", "設計部門の業務改革セミナー", "CAE活用セミナー")
_EXHIBITIONS = ("設計とものづくり展", "機械要素と加工展", "デジタル設計展")
_ISSUES = tuple(f"メールマガジン 第{n}号" for n in range(1, 27))

# type: (contents, weeks for which one of them is current; 0 where the lead picks any)
_CONTENTS: dict[str, tuple[tuple[str, ...], int]] = {
    "blog_view": (tuple(f"/blog/{name}" for name in _BLOG), 0),
    "social_click": (("新機能の紹介", "導入事例の紹介", "セミナーのお知らせ"), 0),
    "case_study_view": (tuple(f"/cases/{name}" for name in _CASES), 0),
    "price_page_view": (("/price", "/price/training", "/price/consulting"), 0),
    "catalogue_download": (("総合カタログ", "3D-CAD製品カタログ", "教育コース一覧"), 0),
    "demo_request": (("/demo",), 0),
    "contact_form": (("/contact",), 0),
    **dict.fromkeys(("newsletter_sent", "newsletter_open", "newsletter_click"), (_ISSUES, 2)),
    **dict.fromkeys(("webinar_invite", "webinar_register", "webinar_attend"), (_WEBINARS, 4)),
    **dict.fromkeys(("seminar_invite", "seminar_attend"), (_SEMINARS, 12)),
    "exhibition_visit": (_EXHIBITIONS, 16),
}
TEXTS = tuple(dict.fromkeys(text for texts, _ in _CONTENTS.values() for text in texts))
"""Every content; an event carries its index, or -1."""


def channels(kind: Ints) -> Ints:
    """The channel of events of types `kind`, as an index into the keys of CHANNELS."""
    of_type = [
        next(i for i, types in enumerate(CHANNELS.values()) if name in types) for name in TYPES
    ]
    return np.array(of_type)[kind]


def contents(kind: Ints, week: int, rng: np.random.Generator) -> Ints:
    """An index into TEXTS, or -1, for each event of types `kind` in week number `week`."""
    chosen = np.full(len(kind), -1, dtype=np.int64)
    for name, (texts, weeks) in _CONTENTS.items():
        rows = np.flatnonzero(kind == TYPES.index(name))
        if len(rows):
            index = np.array([TEXTS.index(text) for text in texts])
            any_of = rng.integers(0, len(texts), len(rows))
            chosen[rows] = index[(week // weeks) % len(texts) if weeks else any_of]
    return chosen
