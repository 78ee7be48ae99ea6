"""The form of a score over HTTP, for OpenAPI; `models.scores.Scores.record` writes it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.playbook.actions import Direction
from models.playbook.stages import Psychological, Stage
from models.playbook.temperature import By
from models.scores import FallbackReason
from models.temperature import Temperature


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class BasisOut(_Answer):
    """Comparable leads: how many, how many converted, and the 95% interval of their rate."""

    n: int = Field(ge=0)
    converted: int = Field(ge=0)
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)


class EntryOut(_Answer):
    """A rule that fired."""

    rule: str
    points: float = Field(description="after decay and caps")
    event: str | None = Field(
        description="the type of the last event that fired it; null for attributes and silence"
    )
    at: str | None = Field(description="when that event occurred, ISO 8601")
    count: int = Field(description="occurrences that counted")
    label: str


class ReasonOut(_Answer):
    """What moved the answer."""

    group: str
    facts: dict[str, Any]
    effect: float | None = Field(description="percentage points of probability; null by rules")
    text: str = Field(description="in the language asked for")


class AssociationOut(_Answer):
    """How similar leads converted with the touch and without: an association, not its effect."""

    tercile: Literal["low", "middle", "high"] = Field(
        description="of the model's score, in which leads are similar"
    )
    window: str = Field(
        description="with: a touch came in (cutoff, cutoff + window]; converted: after that window, "
        "up to the end of the horizon; leads that converted within it are in neither group"
    )
    with_: BasisOut = Field(alias="with")
    without: BasisOut
    text: str = Field(description="in the language asked for")


class NextActionOut(_Answer):
    """What to do next, by the playbook's rules."""

    label: str = Field(description="in the language asked for")
    touch: str | None = Field(description="the event type with which it is done")
    association: AssociationOut | None = Field(
        description="null by rules, without touch, and where under 100 similar leads had the touch"
    )


class MoveOut(_Answer):
    """An event that moved a lead from stage to stage."""

    stage: Stage = Field(description="where to")
    since: str | None = Field(description="when the event occurred, ISO 8601")
    event: str = Field(description="its type")
    content: str | None = Field(description="its content; of what sent the lead back, the reason")
    by_points: bool = Field(description="whether it moved the lead by the points reached with it")


class StandingOut(_Answer):
    """How a lead came to its stage."""

    origin: Literal["SAL", "SGL"] | None = Field(
        description="SAL: sales accepted what marketing had made an MQL; SGL: sales found the lead"
    )
    cycle: int = Field(ge=1, description="one more each time the lead was sent back to nurturing")
    entered: list[MoveOut] = Field(description="the stages of the present cycle, in their order")
    sent_back: MoveOut | None = Field(description="the last time it was sent back")
    evidence: list[str] = Field(
        description="what of the playbook's [[stages.evidence]] holds, in the language asked for"
    )


class SignOut(_Answer):
    """The event that something is told by."""

    event: str
    at: str | None = Field(description="when it occurred, ISO 8601")


class JourneyOut(_Answer):
    """What step and psychological stage are told by."""

    step_by: SignOut | None
    psychological_by: SignOut | None
    inferred: Literal[True] = Field(
        description="nobody asked the lead: the playbook's map infers the psychological stage"
    )


class ThenOut(_Answer):
    """The probability of an earlier day, by the same model and playbook."""

    days: int
    probability: float | None = Field(description="null where the lead was not on the task then")
    change: float | None = Field(description="of the log-odds since")


class TrendOut(_Answer):
    """Where a lead is going."""

    direction: Direction
    past: list[ThenOut]


class IgnoredOut(_Answer):
    """Events that were not used, by why."""

    future: int
    duplicate: int
    unknown_type: int


class VersionsOut(_Answer):
    """What answered."""

    model: str | None
    playbook: str
    features: str | None
    code: str


class Score(_Answer):
    """How likely a lead is to convert within the horizon, why, and on what basis."""

    lead_id: str
    as_of: str = Field(description="the moment as of which the lead was seen, ISO 8601")
    known_at: str | None
    task: str | None = Field(description="null for a lead that no task asks about")
    state: Literal["open", "in_deal", "customer", "lost", "closed", "not_created"]
    horizon: str | None
    probability: float | None = Field(
        ge=0,
        le=1,
        description="of conversion in (as_of, as_of + horizon]; null before anything was observed",
    )
    basis: BasisOut | None
    points: int
    points_by_score: dict[str, int] | None = Field(
        description="the playbook's scores, which sum to the points; null where it has none"
    )
    grade: str | None = Field(
        description="the place in the playbook's grid of scores, such as B1; A1 is the best"
    )
    ledger: list[EntryOut]
    temperature: Temperature | None
    temperature_by: By
    temperature_otherwise: Temperature | None = Field(
        description="by what does not decide it: by probability where points do, and the other way "
        "round; null by rules, and where nothing was observed for points"
    )
    stage: Stage | None = Field(description="null where the playbook has no stages")
    standing: StandingOut | None
    psychological_stage: Psychological | None
    journey_step: str | None = Field(description="the furthest step of the journey reached")
    journey: JourneyOut
    excluded: str | None = Field(description="the rule by which the playbook takes it for no lead")
    trend: TrendOut | None = Field(description="null where there is no probability")
    scored_by: Literal["model", "rules"]
    fallback_reason: FallbackReason | None = Field(description="why rules answered")
    starting_point: float | None = Field(
        ge=0,
        le=1,
        description="the probability from which effects set out: all effects, those of reasons not "
        "shown too, sum to 100 * (probability - starting_point); null by rules, and without reasons",
    )
    reasons: list[ReasonOut]
    next_action: NextActionOut | None = Field(
        description="null where no rule of the playbook holds"
    )
    warnings: list[str]
    ignored: IgnoredOut
    outside_training: list[str] = Field(
        description="attributes, or the age of the lead, with a value beyond those of training"
    )
    missing_inputs: list[str]
    versions: VersionsOut
