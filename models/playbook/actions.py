"""``[actions]``, ``[suppress]``, ``[exclude]``, ``[target]``, ``[definitions]``: whom to approach, and how."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator

from features.instants import DAY
from models.playbook.conditions import Condition, NamedConditions
from models.playbook.stages import Psychological, Stage
from models.playbook.values import (
    Count,
    Day,
    Duration,
    Label,
    Section,
    Share,
    Text,
    Texts,
    Whole,
    listed,
    one_or_more,
    refuse,
)

LeadState = Literal["open", "in_deal", "customer", "lost", "closed", "not_created"]
"""How a lead stands at the moment as of which it is seen."""

Direction = Literal["rising", "steady", "cooling", "new"]
"""How the probability of a lead moves."""

Temperatures = Annotated[
    tuple[Literal["hot", "warm", "cold"], ...], BeforeValidator(one_or_more), Field(min_length=1)
]
States = Annotated[tuple[LeadState, ...], BeforeValidator(one_or_more), Field(min_length=1)]
StageNames = Annotated[tuple[Stage, ...], BeforeValidator(one_or_more), Field(min_length=1)]
Minds = Annotated[tuple[Psychological, ...], BeforeValidator(one_or_more), Field(min_length=1)]
Directions = Annotated[tuple[Direction, ...], BeforeValidator(one_or_more), Field(min_length=1)]


class ActionSection(Section):
    """``[[actions.rules]]``: what to do next about a lead of which every condition given holds.

    `touch` is the type of the event with which we do it.
    """

    refers: ClassVar = {"task": "task", "touch": "touch", "journey_step": "step"}
    label: Label
    temperature: Temperatures | None = None
    task: Annotated[Texts, Field(min_length=1)] | None = None
    state: States | None = None
    stage: StageNames | None = None
    psychological_stage: Minds | None = None
    journey_step: Annotated[Texts, Field(min_length=1)] | None = None
    trend: Directions | None = None
    touch: Text | None = None

    @field_validator("label")
    @classmethod
    def _said(cls, label: Label) -> Label:
        if label.en is None and label.ja is None:
            raise refuse("expected what to do, in at least one language: en, ja")
        return label

    def holds(self, **lead: str | None) -> bool:
        """Whether a lead with these values is meant; one that has none of them meets no condition.

        Examples
        --------
        >>> call = ActionSection(label=Label(en="call"), temperature="hot")
        >>> call.holds(temperature="hot", state="open"), call.holds(temperature=None, state="open")
        (True, False)
        """
        conditions = {name: getattr(self, name) for name in lead}
        return all(of is None or lead[name] in of for name, of in conditions.items())


class CallsSection(Section):
    """``[actions.calls]``: the call list.

    Attributes
    ----------
    per_week : int
        Calls that can be made, where the command does not say.
    explore : float
        The share of the places that is drawn at random from below the line.
    owner : str or None
        The attribute with the person of ours who answers for a lead.
    within : int
        Working days in which a lead over the line should be touched.
    holidays : tuple of datetime.date
        Days besides Saturdays and Sundays on which nobody works.
    """

    per_week: Count = 40
    explore: Annotated[float, Field(ge=0, lt=1)] = 0.05
    owner: Text | None = None
    within: Count = 2
    holidays: Annotated[tuple[Day, ...], BeforeValidator(listed)] = ()


class ActionsSection(Section):
    """``[actions]``: the next action of a lead is that of the first rule that holds."""

    rules: Annotated[tuple[ActionSection, ...], BeforeValidator(listed)] = ()
    calls: CallsSection = CallsSection()


class SuppressSection(Section):
    """``[suppress]``: who is not to be called now.

    Attributes
    ----------
    quiet : int
        A lead that we touched less than this long ago is left in peace.
    touches : tuple of str
        Events of ours that are a touch of one lead, after which it is left in peace and is not
        untouched: a call, a letter, and not what goes to everybody. All events of ours without it.
    cool_off : int
        A lost lead is not approached again for this long.
    do_not_call : tuple of str
        Attributes that, where they say yes, forbid calling.
    phone : str or None
        The attribute with the number to call.
    rules : tuple of Named
        Further leads that are not to be called, and why.
    """

    refers: ClassVar = {"touches": "touch"}
    quiet: Duration = 14 * DAY
    touches: Texts = ()
    cool_off: Duration = 60 * DAY
    do_not_call: Texts = ()
    phone: Text | None = None
    rules: NamedConditions = ()


class ExcludeSection(Section):
    """``[exclude]``: who is no lead at all: our own company, competitors, tests."""

    rules: NamedConditions = ()


Wanted = dict[Text, Condition]


class TargetSection(Section):
    """``[target]``: whom we want to reach, with what, and how."""

    who: Wanted = Field(default={})
    what: Wanted = Field(default={})
    how: Wanted = Field(default={})


class DefinitionSection(Condition):
    """``[definitions.<name>]``: one idea of a qualified lead; all that it says has to hold.

    `points`, `probability` and `stage` are the least that a lead has.
    """

    label: Label = Label()
    points: Whole | None = None
    probability: Share | None = None
    stage: Stage | None = None

    def _needs_one(self) -> bool:
        return self.points is None and self.probability is None and self.stage is None
