"""Who is left out of the call list, each lead for one reason: the first that holds, in this order.

owner       another person of ours answers for it (``--owner``)
excluded    no lead at all: ``[exclude]``
in_deal     a deal is open
not_asked   not a lead that the task asks about: lost, a customer, not created yet
cool_off    lost less than ``[suppress] cool_off`` ago
no_consent  an attribute of ``[suppress] do_not_call`` says yes
suppressed  a rule of ``[[suppress.rules]]`` holds, the first of them, by its name
quiet       touched less than ``[suppress] quiet`` ago
no_phone    no number in the attribute ``[suppress] phone``
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow.compute as pc

from features.errors import UsageError
from features.instants import HOUR
from models.conditions import Conditions, Mask
from models.playbook import in_language
from models.playbook.references import nearest
from models.wording import quoted, shown, span, texts
from serving.lists.consent import forbids
from serving.lists.happened import latest, of_types
from serving.lists.seen import Seen

_NAMED = 10
"""Names that a message lists."""


@dataclass
class LeftOut:
    """Leads that are left out.

    Attributes
    ----------
    by : ndarray of shape (n_leads,), int64
        The place in `reasons` of why; -1 for leads that may be called.
    reasons : list of str
    labels : list of str
        The same for people.
    warnings : list of str
    """

    by: np.ndarray[tuple[int], np.dtype[np.int64]]
    reasons: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def may_be_called(self) -> Mask:
        """Leads without a reason, shape (n_leads,)."""
        return np.asarray(self.by < 0)

    def counts(self) -> list[dict[str, str | int]]:
        """How many leads for which reason, in the order of the reasons; those for which there is one."""
        n = np.bincount(self.by[self.by >= 0], minlength=len(self.reasons))
        both = zip(self.reasons, self.labels, n, strict=True)
        return [{"reason": r, "label": label, "leads": int(k)} for r, label, k in both if k]

    def _add(self, reason: str, label: str, holds: Mask) -> None:
        self.by[holds & (self.by < 0)] = len(self.reasons)
        self.reasons.append(reason)
        self.labels.append(label)


def left_out(seen: Seen, owner: str | None) -> LeftOut:
    """Say of each lead why it is not to be called now, if so.

    Raises
    ------
    UsageError
        When the owner, or a column that the playbook names, is not in the list.
    """
    said, lang = seen.playbook.said.suppress, seen.lang
    words = texts(lang)["lists"]
    state = np.array(seen.scores.state)
    out = LeftOut(np.full(len(seen), -1))
    if owner is not None:
        out._add("owner", words["left_out.owner"].format(owner=shown(owner)), _others(seen, owner))
    out._add("excluded", words["left_out.excluded"], seen.excluded)
    out._add("in_deal", words["left_out.in_deal"], state == "in_deal")
    out._add("not_asked", words["left_out.not_asked"], ~seen.on_task)
    length = span(said.cool_off / HOUR, lang)
    out._add("cool_off", words["left_out.cool_off"].format(span=length), cooling_off(seen))
    forbidden = np.zeros(len(seen), dtype=bool)
    for name in said.do_not_call:
        if not _there(seen, name):
            out.warnings.append(words["no_column"].format(name=name, near=_near(seen, name)))
        mask, strange = forbids(seen.attribute(name))
        forbidden |= mask
        if strange:
            some = ", ".join(quoted(value, lang) for value in strange[:_NAMED])
            out.warnings.append(words["neither"].format(name=name, values=some))
    out._add("no_consent", words["left_out.no_consent"], forbidden)
    conditions, view = Conditions(seen.playbook), seen.scores.qualified.view
    for rule in said.rules:
        label = in_language(rule.label, lang) or quoted(rule.name, lang)
        said_so = words["left_out.suppressed"].format(rule=label)
        out._add(f"suppressed: {rule.name}", said_so, conditions.hold(rule, view))
    touched = seen.ago(seen.last_touch) < said.quiet
    length = span(said.quiet / HOUR, lang)
    out._add("quiet", words["left_out.quiet"].format(span=length), touched)
    if said.phone is not None:
        out._add("no_phone", words["left_out.no_phone"], ~_given(seen, said.phone))
    return out


def cooling_off(seen: Seen) -> Mask:
    """Leads that were lost too lately to be approached again."""
    types = [name for name, event in seen.playbook.events.items() if event.outcome == "lost"]
    loss = latest(seen.log, of_types(seen.log, types), seen.scores.as_of)
    lately = seen.ago(loss) < seen.playbook.said.suppress.cool_off
    return np.asarray(lately & (np.array(seen.scores.state) == "lost"))


def _others(seen: Seen, owner: str) -> Mask:
    """Leads that are not the owner's."""
    name = seen.playbook.said.actions.calls.owner
    if name is None:
        raise UsageError(
            "--owner: the playbook does not say which column holds the owner of a lead. Write "
            f'owner = "<that column>" under [actions.calls] in {seen.playbook.source}.'
        )
    if not _there(seen, name):
        raise UsageError(
            f"--owner: [actions.calls] owner names the column {name!r}, and the list has none of "
            f"that name.{_near(seen, name)}"
        )
    values = pc.utf8_trim_whitespace(seen.attribute(name))
    mine = pc.fill_null(pc.equal(values, owner.strip()), False).to_numpy(zero_copy_only=False)
    if not mine.any():
        there = sorted(value for value in pc.unique(values).to_pylist() if value)
        listed = ", ".join(there[:_NAMED]) + (", ..." if len(there) > _NAMED else "")
        raise UsageError(
            f"--owner {owner!r}: no lead of the list has this owner; column {name!r} has "
            f"{listed or 'no value'}.{nearest(owner, there)}"
        )
    return ~np.asarray(mine, dtype=bool)


def _given(seen: Seen, name: str) -> Mask:
    """Leads with a value in a column that has to be there."""
    if not _there(seen, name):
        raise UsageError(
            f"[suppress] phone in {seen.playbook.source} names the column {name!r}, and the list has "
            f"none of that name.{_near(seen, name)} Correct it, or nobody could be called."
        )
    values = pc.utf8_trim_whitespace(seen.attribute(name))
    empty = pc.fill_null(pc.equal(values, ""), True)
    return ~np.asarray(empty.to_numpy(zero_copy_only=False), dtype=bool)


def _there(seen: Seen, name: str) -> bool:
    return name in seen.taken.intake.leads.attributes.column_names


def _near(seen: Seen, name: str) -> str:
    return nearest(name, seen.taken.intake.leads.attributes.column_names)
