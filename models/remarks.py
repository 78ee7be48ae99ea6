"""What a reader of an answer should know besides: warnings, what was missing, what was not used."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.colleagues import NOT_TOLD
from features.instants import DAY, MISSING, Instants, iso
from features.kinds.kind import Source
from features.known import Known
from features.log import EventLog
from features.spine import States
from models.answer import Answer
from models.artefact import Artefact
from models.playbook import in_language
from models.qualification import Qualified
from models.temperature import Temperature
from models.wording import quoted, texts


class State(NamedTuple):
    """How leads stand: by which events, in words, and whether they belong to the task asked about."""

    seen: States
    names: list[str]
    on_it: npt.NDArray[np.bool_]


class Warmth(NamedTuple):
    """Temperatures, and those by what does not decide; None where there is none."""

    temperature: list[Temperature | None]
    otherwise: list[Temperature | None]


def warnings_of(
    known: Known,
    state: State,
    qualified: Qualified,
    warmth: Warmth,
    until: int,
    as_of: Instants,
    answer: Answer,
    lines: list[str],
    lang: str,
) -> list[list[str]]:
    """What a reader of each answer should know; `lines` of those that may have a temperature."""
    words, log, seen = texts(lang)["warnings"], known.log, state.seen
    warnings: list[list[str]] = [[] for _ in state.names]
    for row, name in enumerate(state.names):
        said = warnings[row]
        if name == "not_created":
            said.append(words["not_created"])
        elif name != "open" and not state.on_it[row]:
            event, at = log.types[seen.closed_by[row]], iso(int(seen.closed_at[row]))
            said.append(words["not_open"].format(event=event, at=at))
        elif seen.last_act[row] != MISSING and as_of[row] - seen.last_act[row] >= until:
            said.append(words["silent"].format(days=until // DAY))
        said += answer.warnings[row]
        rule = qualified.excluded[row]
        if rule is not None:
            label = in_language(rule.label, lang) or quoted(rule.name, lang)
            said.append(words["excluded"].format(label=label))
        elif state.on_it[row]:
            said += lines
        bands = warmth.temperature[row], warmth.otherwise[row]
        if set(bands) == {"hot", "cold"}:
            names = [texts(lang)["page"][str(band)] for band in bands]
            said.append(words["disagrees"].format(temperature=names[0], otherwise=names[1]))
    return warnings


def missing_inputs(
    known: Known, artefact: Artefact | None, timed: bool, by_model: npt.NDArray[np.bool_]
) -> list[list[str]]:
    """What would have been looked at, had it been given."""
    leads, changes, colleagues = known.leads, known.changes, known.colleagues
    missing: list[list[str]] = [
        ["created_at"] if timed and at == MISSING else [] for at in leads.created_at
    ]
    if artefact is None:
        return missing
    not_told = np.full(len(leads), colleagues is None)
    if colleagues is not None:
        not_told = colleagues.account == NOT_TOLD
    inputs: tuple[tuple[str, npt.NDArray[np.bool_], Source], ...] = (
        ("account", not_told, "colleagues"),
        ("changes", np.full(len(leads), changes is None), "changes"),
    )
    for name, lacking, source in inputs:
        if artefact.plan.reads(source):
            for row in np.flatnonzero(by_model & lacking):
                missing[row].append(name)
    return missing


def ignored(log: EventLog, as_of: Instants, known: set[str]) -> dict[str, npt.NDArray[np.int64]]:
    lead = log.lead_of_event()
    future = log.visible_at > as_of[lead]
    unknown = ~np.array([name in known for name in log.types] or [True], dtype=bool)
    strange = unknown[log.event_type] & ~future if log.n_events else future
    n = log.n_leads
    return {
        "future": np.bincount(lead[future], minlength=n),
        "duplicate": log.duplicates,
        "unknown_type": np.bincount(lead[strange], minlength=n),
    }
