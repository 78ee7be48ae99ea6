"""Events and leads that do not find each other: how many, which, and the usual reasons."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.leakage.bounds import wilson, z_of
from features.leakage.finding import Finding, Severity
from features.leakage.outcome import FEWEST

MANY = 0.20
"""The share of events of unknown leads from which files and list do not belong together."""
SOME = 0.01
ABSENT = 0.05
"""The share of all leads that converted from which their absence from the list bends everything."""
EXAMPLES = 3
LOOKED_AT = 50_000
"""Unknown ids that are compared; more would tell nothing more."""

_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def long_id(short: str) -> str:
    """The 18 characters of a Salesforce id of 15, which differ only by the case of its letters.

    Each of the three last characters tells which of five are capitals, the first being worth 1.

    Examples
    --------
    >>> long_id("0019000000B98de")
    '0019000000B98deAAB'
    """
    ends = ""
    for part in (short[:5], short[5:10], short[10:15]):
        ends += _SUFFIX[sum(1 << place for place, c in enumerate(part) if "A" <= c <= "Z")]
    return short + ends


def _fifteen(ids: pa.Array) -> pa.Array:
    """Ids of 18 characters whose end fits as 15; all others as they are."""
    return pa.array(
        [i[:15] if len(i) == 18 and long_id(i[:15]) == i else i for i in ids.to_pylist()],
        pa.string(),
    )


CAUSES: dict[str, Callable[[pa.Array], pa.Array]] = {
    "blanks around them": pc.utf8_trim_whitespace,
    "15 against 18 characters of Salesforce ids": _fifteen,
    "upper and lower case": pc.utf8_lower,
    "full and half width": lambda ids: pc.utf8_normalize(ids, form="NFKC"),
    "leading zeros": lambda ids: pc.utf8_ltrim(ids, characters="0"),
    "numbers written with .0": lambda ids: pc.replace_substring_regex(ids, r"\.0+$", ""),
}
"""Why ids that mean the same lead differ -> what makes them equal."""


@dataclass(frozen=True)
class Unmatched:
    """Events whose lead is not in the list.

    Attributes
    ----------
    events, of : int
        Such events, of all that name a lead.
    unknown, eventless : tuple of str
        Ids that only events have; ids of leads without events.
    causes : dict of str to float
        Cause -> the share of unknown ids that are in the list but for it, where there are any.
    absent : int
        Unknown ids with an event of the label that no cause makes equal to one of the list.
    """

    events: int
    of: int
    unknown: tuple[str, ...]
    eventless: tuple[str, ...]
    causes: dict[str, float]
    absent: int


def unmatched(
    lead_id: pa.Array, event_lead: pa.Array, event_type: pa.Array, label: Collection[str]
) -> Unmatched:
    """Compare the ids of a lead list with those of an event log, as they are in the files.

    Parameters
    ----------
    lead_id : pyarrow.StringArray of shape (n_leads,)
    event_lead, event_type : pyarrow.StringArray of shape (n_events,)
    label : collection of str
        Event types that mean a conversion.
    """
    named = event_lead.is_valid()
    event_lead, event_type = event_lead.filter(named), event_type.filter(named)
    lost = pc.invert(pc.is_in(event_lead, value_set=lead_id))
    unknown = event_lead.filter(lost).unique()
    wanted = pc.is_in(event_type.filter(lost), value_set=pa.array(sorted(label), pa.string()))
    absent = event_lead.filter(lost).filter(wanted).unique()
    eventless = lead_id.filter(pc.invert(pc.is_in(lead_id, value_set=event_lead.unique())))
    some = unknown.slice(0, LOOKED_AT)
    causes = {}
    for alike in CAUSES.values():
        # Written otherwise, not absent.
        absent = absent.filter(pc.invert(pc.is_in(alike(absent), value_set=alike(lead_id))))
    for cause, alike in CAUSES.items():
        found = pc.is_in(alike(some), value_set=alike(lead_id)) if len(some) else pa.array([])
        share = float(np.mean(found.to_numpy(zero_copy_only=False))) if len(some) else 0.0
        if share > 0:
            causes[cause] = share
    return Unmatched(
        int(pc.sum(lost).as_py() or 0),
        len(event_lead),
        tuple(unknown.slice(0, EXAMPLES).to_pylist()),
        tuple(eventless.slice(0, EXAMPLES).to_pylist()),
        dict(sorted(causes.items(), key=lambda item: -item[1])),
        len(absent),
    )


def not_matching(compared: Unmatched) -> list[Finding]:
    """Events of unknown leads: likely from 20% of the events on, a note from 1%."""
    share = compared.events / max(compared.of, 1)
    if share < SOME:
        return []
    evidence = f"{compared.events:,} of {compared.of:,} events ({share:.1%}) match no lead."
    if compared.unknown:
        evidence += (
            f" Ids of such events: {_quoted(compared.unknown)}. Leads without events: "
            f"{_quoted(compared.eventless)}."
        )
    if compared.causes:
        cause, alike = next(iter(compared.causes.items()))
        evidence += f" {alike:.0%} of the unknown ids are in the list but for {cause}."
        advice = "Write the ids alike in both files."
    elif not compared.unknown:
        advice = "`tegakari check` shows which, and why."
    else:
        advice = "Export both files with the same filter, or name the right column with --columns."
    severity: Severity = "likely" if share > MANY else "note"
    return [Finding(severity, "file", "events", "match no lead", evidence, advice)]


def absent_from_list(compared: Unmatched, present: int) -> list[Finding]:
    """Leads that converted and are only in the events: the list holds those that remained.

    Likely when at least `ABSENT` of all that converted are missing, by the lower bound.

    Parameters
    ----------
    present : int
        Leads of the list that converted.
    """
    if not compared.absent:
        return []
    total = compared.absent + present
    low = float(wilson(compared.absent, total, z_of(1))[0])
    severity: Severity = "likely" if low >= ABSENT and compared.absent >= FEWEST else "note"
    return [
        Finding(
            severity,
            "file",
            "leads",
            "converted leads absent",
            f"{compared.absent:,} of {total:,} leads that converted ({compared.absent / total:.1%}) "
            "are in the events and not in the list.",
            "Export leads that became customers too; where only others remain, every rate is wrong.",
        )
    ]


def _quoted(ids: tuple[str, ...]) -> str:
    return ", ".join(repr(i) for i in ids) or "none"
