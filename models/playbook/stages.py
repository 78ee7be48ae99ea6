"""``[stages]``, ``[journey]`` and ``[psychological_stages]``: where a lead stands."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from models.playbook.conditions import NamedConditions
from models.playbook.values import Label, Patterns, Section, Text, Texts, Whole, listed, refuse

Stage = Literal["lead", "MQL", "TQL", "SAL", "SQL"]
STAGES: tuple[Stage, ...] = ("lead", "MQL", "TQL", "SAL", "SQL")
"""In the order of the process."""

Psychological = Literal["awareness", "familiarity", "consideration", "purchase", "loyalty"]
PSYCHOLOGICAL: tuple[Psychological, ...] = (
    "awareness",
    "familiarity",
    "consideration",
    "purchase",
    "loyalty",
)


class WaySection(Section):
    """A way into a stage: an event of a type, by a channel, with a content; or so many points.

    Points count at the moments when the lead acts, without rules for silence.
    """

    refers: ClassVar = {"event": "event"}
    event: Texts = ()
    channel: Annotated[Texts, Field(min_length=1)] | None = None
    content: Patterns | None = None
    points: Whole | None = None

    @property
    def is_there(self) -> bool:
        """Whether it says anything."""
        return bool(self.event) or self.points is not None

    @model_validator(mode="after")
    def _of_events(self) -> Self:
        if not self.event and (self.channel is not None or self.content is not None):
            raise refuse("channel and content belong to a way with event, and this one has none")
        return self


class PhoneSection(Section):
    """``[stages.enter.TQL]``: the ways into TQL; `tql` says which of them is gone."""

    before_call: WaySection = WaySection()
    after_call: WaySection = WaySection()


class EnterSection(Section):
    """``[stages.enter]``: the ways into the stages."""

    mql: WaySection = Field(default=WaySection(), alias="MQL")
    tql: PhoneSection = Field(default=PhoneSection(), alias="TQL")
    sal: WaySection = Field(default=WaySection(), alias="SAL")
    sql: WaySection = Field(default=WaySection(), alias="SQL")

    @model_validator(mode="after")
    def _accepted(self) -> Self:
        for name, way in (("SQL", self.sql), ("SAL", self.sal)):
            if way.points is not None:
                raise refuse(
                    f"{name} is never reached by points: sales formally accepts a lead, by an event"
                )
        return self


class StagesSection(Section):
    """``[stages]``: what moves leads from stage to stage.

    Attributes
    ----------
    tql : {"before_call", "after_call"}
        Whether a lead is TQL once a call is judged appropriate, or once it led to an appointment.
    sal : {"origin", "stage"}
        Whether SAL says where an SQL came from, or is a step before SQL.
    moves : tuple of str
        Event types of manual moves, whose content names the stage.
    found : tuple of str
        Event types with which sales finds a lead by itself.
    back : tuple of str
        Event types that send a lead back to nurturing; their content is the reason.
    """

    refers: ClassVar = dict.fromkeys(("moves", "found", "back"), "event")
    tql: Literal["before_call", "after_call"] = "before_call"
    sal: Literal["origin", "stage"] = "origin"
    moves: Texts = ()
    found: Texts = ()
    back: Texts = ()
    enter: EnterSection = EnterSection()
    evidence: NamedConditions = ()

    def way(self, stage: Stage) -> WaySection:
        """The way into a stage; an empty one for ``"lead"``, and for SAL where it is no stage."""
        if stage == "TQL":
            return (
                self.enter.tql.before_call
                if self.tql == "before_call"
                else self.enter.tql.after_call
            )
        if stage == "lead" or (stage == "SAL" and self.sal == "origin"):
            return WaySection()
        found: WaySection = getattr(self.enter, stage.lower())
        return found

    @property
    def order(self) -> tuple[Stage, ...]:
        """The stages there are, in the order of the process."""
        return tuple(name for name in STAGES if name != "SAL" or self.sal == "stage")


class StepSection(Section):
    """``[[journey.steps]]``: one step on the way to a purchase."""

    name: Text
    label: Label = Label()


class JourneySection(Section):
    """``[journey]``: the steps, first step first; events say which of them they reach."""

    model: Literal["AISCEAS", "AIDMA"] | None = None
    steps: Annotated[tuple[StepSection, ...], BeforeValidator(listed)] = ()


class PsychologicalSection(Section):
    """``[psychological_stages]``: what the steps of the journey say of a lead's mind.

    `loyal` are event types that, after a transaction, show loyalty: referral, sharing, use again.
    """

    refers: ClassVar = {"loyal": "event"}
    keys_refer: ClassVar = {"steps": "step"}
    steps: dict[Text, Psychological] = Field(default={})
    loyal: Texts = ()
