"""Attributes: what role a column plays, when its value was known, and its value as of a cutoff.

A playbook declares role, time and type; what it leaves open is guessed here from general evidence
(the column's name and its values), and every guess is shown with its reason, ready to paste.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.cells import digits, numbers, text_column
from features.changes import Changes
from features.errors import PlaybookError
from features.instants import DAY, MISSING, zone
from features.log import Leads
from features.people import email
from features.plan import Attribute, Monotone, Type
from features.spine import Spine
from features.times import parse

Role = Literal["feature", "display", "key", "consent", "outcome", "protected"]
Time = Literal["fixed", "tracked", "snapshot"]

LEARNT: frozenset[Role] = frozenset({"feature", "consent"})
"""Roles whose columns a model may learn from."""

# Words that stand alone in a column's name ("Last Activity", "lead_owner", "担当者名").
_NAMES: tuple[tuple[Role | Literal["snapshot"], str], ...] = (
    ("consent", r"do not|don't|opt ?(in|out)|unsubscribed?|consent|配信停止|配信可否|同意"),
    (
        "protected",
        r"gender|sex|race|ethnicity|religion|nationality|disability|性別|国籍|宗教|人種",
    ),
    (
        "snapshot",
        r"status|stage|owner|score|rating|grade|last|latest|total|count|number of|visits|"
        r"lifecyclestage|is converted|converted|modified|updated|next|assigned|"
        r"ステータス|状態|担当|スコア|最終|累計|件数|回数|更新",
    ),
    (
        "display",
        r"name|first name|last name|full name|company|account name|organi[sz]ation|phone|tel|mobile|fax|"
        r"e ?mail|mail|address|street|url|website|notes?|comments?|description|memo|remarks?|"
        r"氏名|名前|会社名|企業名|社名|電話番号|電話|メールアドレス|メール|住所|備考|メモ|コメント",
    ),
    ("key", r"id|uuid|guid|key|番号|コード番号"),
)


@dataclass(frozen=True)
class Declared:
    """What a playbook says of an attribute; None where it says nothing."""

    role: Role | None = None
    time: Time | None = None
    type: Type | None = None
    monotone: Monotone | None = None


@dataclass(frozen=True)
class Column:
    """What is known of one attribute column, and why."""

    name: str
    role: Role
    time: Time
    type: Type
    why: str
    levels: int
    monotone: Monotone | None = None

    @property
    def learnable(self) -> bool:
        """Whether its role and type let a model learn it, its time aside."""
        return self.role in LEARNT and self.levels > 1

    def as_playbook(self) -> str:
        """The line that declares this in a playbook's ``[attributes]``."""
        bare = re.fullmatch(r"[A-Za-z0-9_-]+", self.name)
        name = self.name if bare else json.dumps(self.name, ensure_ascii=False)
        said = {"role": self.role, "time": self.time, "type": self.type, "monotone": self.monotone}
        words = [f'{key} = "{value}"' for key, value in said.items() if value]
        return f"{name} = {{ {', '.join(words)} }}"


def columns(
    leads: Leads,
    declared: Mapping[str, Declared],
    *,
    tracked: Iterable[str] = (),
    outcomes: Iterable[str] = (),
) -> list[Column]:
    """Role, time and type of every attribute column.

    Parameters
    ----------
    leads : Leads
    declared : mapping
        What the playbook says, by column.
    tracked : iterable of str
        Attributes that the table of changes follows.
    outcomes : iterable of str
        Columns that are the outcome, or that the task excludes.

    Raises
    ------
    PlaybookError
        When a category is declared monotone.
    """
    followed, excluded = set(tracked), set(outcomes)
    found = []
    for name in leads.attributes.column_names:
        said = declared.get(name, Declared())
        column = leads.attributes[name].combine_chunks()
        kind = said.type or _type(column)
        text = text_column(column)
        levels = len(text.drop_null().unique())
        role, time, why = _guess(name, kind, text, levels, leads)
        if said.role or said.time:
            role, time, why = said.role or role, said.time or time, "declared in the playbook"
        if name in followed and said.time is None:
            time, why = "tracked", "followed by the table of changes"
        if name in excluded:
            role, why = "outcome", "the outcome, or excluded by the task"
        if said.monotone and kind == "category":
            raise PlaybookError(
                f"[attributes.{name}] monotone: expected an attribute whose values have an order; "
                "this one is a category."
            )
        found.append(Column(name, role, time, kind, why, levels, said.monotone))
    return found


def _type(column: pa.Array) -> Type:
    if pa.types.is_boolean(column.type):
        return "category"
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        is_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        return (
            "number" if is_number else "date" if pa.types.is_temporal(column.type) else "category"
        )
    text = digits(column).drop_null()
    if not len(text):
        return "category"
    literal = r"(?i)^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf|infinity)$"
    written_as_code = r"^0\d"
    if pc.all(pc.match_substring_regex(text, literal)).as_py():
        coded = pc.any(pc.match_substring_regex(text, written_as_code)).as_py()
        return "category" if coded else "number"
    times = parse(text, zone("UTC"))
    return "date" if not times.bad.any() else "category"


def _guess(
    name: str, kind: Type, text: pa.Array, levels: int, leads: Leads
) -> tuple[Role, Time, str]:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-./]+", " ", name).lower()
    came = len(text) - text.null_count
    for meaning, pattern in _NAMES:
        if not re.search(rf"(?<![a-z])({pattern})(?![a-z])", words):
            continue
        if meaning == "snapshot":
            return "feature", "snapshot", "named like a status, an owner, a score or a counter"
        if meaning == "key" and levels < 0.5 * came:
            continue
        return meaning, "fixed", f"named like {_ARTICLE[meaning]}"
    if kind == "category" and _tells_addresses(text):
        return "display", "fixed", "most of its values are e-mail addresses"
    if came >= 20 and levels > 0.9 * came and kind == "category":
        return "display", "fixed", f"{levels} different texts in {came} rows"
    if came >= 20 and levels == came and _counts_up(text, kind):
        return "key", "fixed", "a different whole number in every row"
    if kind == "date":
        moments = parse(text, zone("UTC")).instant
        if ((moments > leads.created_at) & (leads.created_at != MISSING)).any():
            return "feature", "snapshot", "dates after created_at"
    return "feature", "fixed", "known at creation, unless you declare otherwise"


_ARTICLE = {
    "consent": "a consent",
    "protected": "a protected attribute",
    "display": "a name, a contact or a note",
    "key": "an id",
}


def _tells_addresses(text: pa.Array) -> bool:
    values = text.drop_null().unique().to_pylist()
    return sum(email(value) is not None for value in values) > len(values) / 2


def _counts_up(text: pa.Array, kind: Type) -> bool:
    if kind != "number":
        return False
    value, bad = numbers(text)
    return not bad.any() and bool(np.all(value[np.isfinite(value)] % 1 == 0))


def learnt(found: Iterable[Column], trusted: Iterable[str], *, flat: bool) -> tuple[Attribute, ...]:
    """The attributes a model learns from.

    A snapshot is learnt only when trusted by name, or from a flat export, where nothing is known
    but the export. A flat export has no cutoffs, so no date has an age there.
    """
    names = set(trusted)
    return tuple(
        Attribute(c.name, c.type, c.time, c.monotone)
        for c in found
        if c.learnable
        and (c.time != "snapshot" or flat or c.name in names)
        and not (flat and c.type == "date")
    )


class Unreadable(NamedTuple):
    """Cells that a model cannot learn from or look at.

    Attributes
    ----------
    cells : ndarray of shape (n_leads,), bool
    expected : str
        What should have come: ``"a finite number"``.
    """

    cells: npt.NDArray[np.bool_]
    expected: str


def unreadable(
    leads: Leads, attributes: Iterable[Attribute], tz: ZoneInfo | None
) -> dict[str, Unreadable]:
    """For each attribute that is a number or a date: which leads hold something else there.

    NaN and infinity are no numbers. `tz` is the zone of dates; None where there are none.
    """
    present = set(leads.attributes.column_names)
    found = {}
    for attribute in attributes:
        if attribute.name not in present:
            continue
        column = leads.attributes[attribute.name]
        if attribute.type == "number":
            strange = Unreadable(leads.numbers(attribute.name)[1], "a finite number")
        elif attribute.type == "date":
            strange = Unreadable(parse(column, tz).bad, "a date")
        else:
            continue
        if strange.cells.any():
            found[attribute.name] = strange
    return found


def as_of(
    attribute: Attribute,
    leads: Leads,
    changes: Changes | None,
    spine: Spine,
    tz: ZoneInfo | None = None,
) -> npt.NDArray[np.float64] | pa.Array:
    """What is learnt of an attribute, for each row of a spine.

    The value at a cutoff c of a tracked attribute is the `old_value` of its first change after c,
    else the one in the lead list. A column that is absent is missing everywhere. A number is
    itself, a date the days from its start to the cutoff, below 0 where it is to come, and a text
    its number of characters.

    Parameters
    ----------
    tz : ZoneInfo, optional
        The zone of dates and local times.

    Returns
    -------
    ndarray of shape (n_rows,), float64, NaN for missing; or pyarrow.StringArray of n_rows
    """
    if attribute.name not in leads.attributes.column_names:
        empty = np.full(len(spine), np.nan)
        return empty if attribute.is_number else pa.nulls(len(spine), pa.string())
    column = leads.attributes[attribute.name]
    text = None
    if attribute.time == "tracked" and changes is not None:
        text = _rolled_back(attribute.name, leads.texts(attribute.name), changes, spine)
    if attribute.type == "number":
        return leads.numbers(attribute.name)[0][spine.lead] if text is None else numbers(text)[0]
    if attribute.type == "date":
        at = parse(column, tz).instant[spine.lead] if text is None else parse(text, tz).instant
        return np.where(at == MISSING, np.nan, (spine.cutoff - at) / DAY)
    value = leads.texts(attribute.name).take(pa.array(spine.lead)) if text is None else text
    if attribute.type == "category":
        return value
    length = pc.cast(pc.utf8_length(value), pa.float64())
    return np.asarray(length.to_numpy(zero_copy_only=False), dtype=np.float64)


def _rolled_back(name: str, now: pa.Array, changes: Changes, spine: Spine) -> pa.Array:
    """The texts of an attribute at each row: the old value of its first change after the cutoff."""
    mine = changes.of(name)
    values = now.take(pa.array(spine.lead))
    if not len(mine):
        return values
    first = np.full(len(spine), -1)
    _first_after(changes.lead[mine], changes.changed_at[mine], spine.lead, spine.cutoff, first)
    later = first >= 0
    if not later.any():
        return values
    old = pa.array([changes.old_value[i] for i in mine[first[later]]], pa.string())
    return pc.replace_with_mask(values, pa.array(later), old)


@numba.njit(cache=True, nogil=True)
def _first_after(of: Any, at: Any, lead: Any, cutoff: Any, first: Any) -> None:
    """The place of each row's first change after its cutoff; changes are by lead, then time."""
    for row in range(len(lead)):
        low, high = 0, len(of)
        while low < high:
            middle = (low + high) // 2
            if of[middle] < lead[row] or (of[middle] == lead[row] and at[middle] <= cutoff[row]):
                low = middle + 1
            else:
                high = middle
        if low < len(of) and of[low] == lead[row]:
            first[row] = low
