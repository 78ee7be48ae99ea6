"""The leads of the invented world: who they are, and which of it matters.

Industry, size and role make a lead's profile, its source the state it starts in, `project` (which
changes) its pace. Prefecture and the wish not to be mailed decide what it is sent; `cad_seats`
(which changes too) and the names mean nothing. All companies, people and addresses are invented.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.simulation.behaviour import Traits
from training.simulation.world import SOURCES, Ints

SECONDS = 1_000_000
"""Microseconds in a second."""

HOUR = 3600 * SECONDS
SEATS = ("0席", "1-4席", "5-19席", "20席以上")

# name: (share, contribution to the profile)
_INDUSTRIES = {
    "機械": (0.17, 2), "自動車部品": (0.13, 2), "金型": (0.09, 2), "電機": (0.11, 2),
    "医療機器": (0.06, 1), "建築設計": (0.09, 1), "建設": (0.10, 1), "プラスチック": (0.07, 1),
    "商社": (0.06, 0), "情報サービス": (0.06, 0), "教育": (0.04, 0), "官公庁": (0.02, 0),
}  # fmt: skip
_ROLES = {
    "経営者": (0.08, 2), "設計部長": (0.14, 2), "設計担当": (0.34, 1), "生産技術": (0.14, 1),
    "情報システム": (0.11, 1), "購買": (0.08, 0), "総務": (0.05, 0), "学生": (0.06, -1),
}  # fmt: skip
_PREFECTURES = {
    "東京都": 0.20, "神奈川県": 0.10, "埼玉県": 0.06, "千葉県": 0.05, "愛知県": 0.14,
    "静岡県": 0.07, "大阪府": 0.12, "兵庫県": 0.06, "京都府": 0.04, "広島県": 0.04,
    "福岡県": 0.05, "長野県": 0.04, "宮城県": 0.03,
}  # fmt: skip
_NEAR = ("東京都", "神奈川県", "埼玉県", "千葉県", "愛知県", "大阪府")
_SOURCE_SHARES = {
    "exhibition": 0.17, "seminar": 0.07, "phone": 0.09, "direct_mail": 0.06, "blog": 0.14,
    "social": 0.07, "demo": 0.03, "webinar": 0.09, "newsletter": 0.05, "catalogue": 0.10,
    "price": 0.04, "case_study": 0.06, "contact": 0.03,
}  # fmt: skip
_COMPANY = (
    ("東", "西", "北", "新", "大", "三", "富", "瑞", "若", "白", "桂", "常"),
    ("和", "栄", "陽", "進", "鳳", "峰", "泉", "浜", "原", "嶺", "谷", "瀬"),
    ("製作所", "精機", "工業", "設計", "技研", "産業", "機工", "エンジニアリング"),
)
_SURNAMES = (
    ("佐野", "sano"), ("三宅", "miyake"), ("吉岡", "yoshioka"), ("大西", "onishi"),
    ("岩田", "iwata"), ("松原", "matsubara"), ("北川", "kitagawa"), ("秋山", "akiyama"),
    ("荒井", "arai"), ("川村", "kawamura"), ("内藤", "naito"), ("平野", "hirano"),
)  # fmt: skip
_GIVEN = ("陽子", "健", "美咲", "誠", "直樹", "恵", "翔太", "由美", "大輔", "彩", "隆", "葵")


@dataclass(frozen=True)
class Population:
    """The leads in the order of their creation.

    Attributes
    ----------
    traits : what their behaviour depends on.
    created_at : ndarray of shape (n,), microseconds after the midnight of the day of
        arrival, whole seconds.
    seats : ndarray of shape (n,), index into SEATS at creation.
    columns : DataFrame of n rows, the fixed attributes as leads.csv gives them.
    """

    traits: Traits
    created_at: Ints
    seats: Ints
    columns: pd.DataFrame


def populate(
    leads: int, days: int, seed: np.random.SeedSequence, account: Ints | None = None
) -> Population:
    """Leads that arrive evenly over the days [0, days), between 08:00 and 20:00.

    `account`, ndarray of shape (leads,), says which of them are colleagues: they have what their
    company has in common, and a column `account_id`. Without it everybody is a company.
    """
    rng = np.random.default_rng(seed)
    industry, industry_points = _choose(_INDUSTRIES, leads, rng)
    role, role_points = _choose(_ROLES, leads, rng)
    employees = np.maximum(1, rng.lognormal(4.2, 1.3, leads)).astype(np.int64)
    first_of = (
        np.arange(leads) if account is None else np.unique(account, return_index=True)[1][account]
    )
    industry, industry_points = industry[first_of], industry_points[first_of]
    employees = employees[first_of]
    points = industry_points + role_points + (employees >= 30) + (employees >= 200)
    prefecture = rng.choice(list(_PREFECTURES), leads, p=list(_PREFECTURES.values()))[first_of]
    source = rng.choice(len(SOURCES), leads, p=[_SOURCE_SHARES[name] for name in SOURCES])
    do_not_mail = rng.random(leads) < 0.18
    traits = Traits(
        arrival=np.sort(rng.integers(0, days, leads)),
        source=source,
        profile=np.digitize(points, (3, 5)),
        do_not_mail=do_not_mail,
        near=np.isin(prefecture, _NEAR),
    )
    first, second, third = (rng.choice(part, leads).astype(object) for part in _COMPANY)
    surname = rng.integers(0, len(_SURNAMES), leads)
    given = rng.choice(_GIVEN, leads).astype(object)
    kanji, romaji = (np.array(part, dtype=object)[surname] for part in zip(*_SURNAMES, strict=True))
    columns = pd.DataFrame(
        {
            "lead_id": [f"L{i:06d}" for i in range(1, leads + 1)],
            "company": ("株式会社" + first + second + third)[first_of],
            "person": kanji + " " + given,
            "email": [
                f"{name}@company{i}.example" for i, name in zip(first_of + 1, romaji, strict=True)
            ],
            "industry": industry,
            "employees": employees,
            "prefecture": prefecture,
            "role": role,
            "source": np.array(list(SOURCES), dtype=object)[source],
            "do_not_mail": np.where(do_not_mail, "yes", "no"),
        }
    )
    if account is not None:
        columns.insert(1, "account_id", [f"A{i:06d}" for i in account + 1])
    return Population(
        traits,
        created_at=rng.integers(8 * 3600, 20 * 3600, leads) * SECONDS,
        seats=rng.choice(len(SEATS), leads, p=(0.3, 0.35, 0.25, 0.1)),
        columns=columns,
    )


def _choose(
    shares: dict[str, tuple[float, int]], n: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.object_], Ints]:
    """Names for n leads, and their points."""
    names, (share, points) = list(shares), zip(*shares.values(), strict=True)
    index = rng.choice(len(names), n, p=share)
    return np.array(names, dtype=object)[index], np.array(points)[index]
