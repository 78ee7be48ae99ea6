"""What a playbook may say: every key with its type, as one Pydantic schema."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from features.errors import TegakariError
from features.instants import DAY
from features.plan import expand
from models.families import DEFAULT, lines_of
from models.playbook_values import (
    Count,
    Duration,
    Durations,
    Label,
    Lines,
    Number,
    Said,
    Scalar,
    Scalars,
    Section,
    Text,
    Texts,
    listed,
    one_or_more,
    refuse,
)

CATALOGUE = lines_of(DEFAULT)
"""The features of a playbook that lists none."""


class AttributeSection(Section):
    """``[attributes.<name>]``: what a column of the lead list is; what is not said is guessed."""

    role: Literal["feature", "display", "key", "consent", "outcome", "protected"] | None = None
    time: Literal["fixed", "tracked", "snapshot"] | None = None
    type: Literal["number", "category", "date", "text"] | None = None
    monotone: Literal["increasing", "decreasing"] | None = None
    label: Label = Label()


class EventSection(Section):
    """``[events.<type>]``: what an event means.

    `label` is a noun for it, `said` how often it happened: "price page seen {count}".
    """

    later = frozenset({"from"})
    label: Label = Label()
    said: Said = Said()
    by: Literal["lead", "us"] = "lead"
    flow: Literal["inbound", "outbound"] | None = None
    channel: Text | None = None
    outcome: Literal["deal", "won", "lost"] | None = None
    step: Text | None = None
    answers: Text | None = None


class Cutoffs(Section):
    """When leads are looked at in training: at multiples of a length of time, or at ages."""

    every: Duration | None = None
    ages: Durations | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.every is None) == (self.ages is None):
            raise refuse('expected exactly one of every = "7d" and ages = ["1d", "7d"]')
        return self


class TaskSection(Section):
    """``[tasks.<name>]``: one question asked of leads; see `features.task.Task`.

    `features` are lines of the catalogue that this task has besides those of ``[features]``.
    """

    label: Annotated[Texts, Field(min_length=1)]
    closes: Texts = ()
    reopens: Texts = ()
    horizon: Duration
    cutoffs: Cutoffs = Cutoffs(every="7d")  # type: ignore[arg-type]  # as a playbook writes it
    until: Duration = 365 * DAY
    exclude_events: Texts = ()
    exclude_columns: Texts = ()
    after: Texts = ()
    dormant: Duration | None = None
    features: Lines = ()

    @field_validator("features")
    @classmethod
    def _known(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        try:
            expand(lines, {})
        except TegakariError as error:
            raise refuse(str(error)) from error
        return lines

    @model_validator(mode="after")
    def _of_closed_leads(self) -> Self:
        strange = [name for name in self.after if name not in self.closes]
        if strange:
            raise refuse(f"after: expected events of closes, got {strange[0]!r}")
        if self.dormant is None:
            return self
        if not self.after:
            raise refuse("dormant goes with after, the events since which nothing came")
        again = [name for name in self.label if name not in self.after]
        if again:
            raise refuse(f"a label that ends dormancy has to be in after too; {again[0]!r} is not")
        if self.dormant >= self.until:
            raise refuse(
                "expected dormant shorter than until: leads silent for so long have left the task"
            )
        return self


def _one_task_at_a_time(tasks: dict[str, TaskSection]) -> dict[str, TaskSection]:
    """Refuse tasks between which a lead could be on two at once."""
    for (one, first), (other, second) in itertools.combinations(tasks.items(), 2):
        if not (first.after or second.after):
            continue
        for key in ("closes", "reopens"):
            if set(getattr(first, key)) != set(getattr(second, key)):
                raise refuse(
                    f"{one} and {other} need the same {key}, since one of them has after: "
                    "else a lead could be on both at once"
                )
        both = sorted(set(first.after) & set(second.after))
        if both:
            raise refuse(f"{one} and {other} both have {both[0]!r} in after: a lead is on one task")
    return tasks


class FeaturesSection(Section):
    """``[features]``: the catalogue of behavioural features, a line each."""

    catalogue: Lines = CATALOGUE


_FORMS = {
    "event": ("channel", "at_most", "half_life", "expires"),
    "attribute": ("equals", "in", "min", "max"),
    "silent_for": (),
}
"""What a rule looks at, and the keys that go with it."""


class RuleSection(Section):
    """``[[points.rules]]``: points for events, for an attribute, or for silence."""

    later = frozenset(
        {"content", "value", "pattern", "missing", "all", "any", "none", "once", "score"}
    )
    name: Text
    points: Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
    group: Text | None = None
    label: Label = Label()

    event: Annotated[Texts, Field(min_length=1)] | None = None
    channel: Annotated[Texts, Field(min_length=1)] | None = None
    at_most: Count | None = None
    half_life: Duration | None = None
    expires: Duration | None = None

    attribute: Text | None = None
    equals: Scalar | None = None
    one_of: Scalars | None = Field(default=None, alias="in")
    min: Number | None = None
    max: Number | None = None

    silent_for: Duration | None = None

    @property
    def values(self) -> tuple[str | bool | int | float, ...] | None:
        """What the attribute may equal; None for a range."""
        return self.one_of if self.equals is None else (self.equals,)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.points == 0:
            raise refuse("expected points above or below 0; a rule worth nothing says nothing")
        forms = [
            form for form in ("event", "attribute", "silent_for") if getattr(self, form) is not None
        ]
        if len(forms) != 1:
            came = " and ".join(forms) or "none of them"
            raise refuse(f"expected exactly one of event, attribute and silent_for, got {came}")
        given = {"in" if key == "one_of" else key for key in self.model_fields_set}
        for form, keys in _FORMS.items():
            strange = sorted(given.intersection(keys))
            if form != forms[0] and strange:
                raise refuse(
                    f"{strange[0]} belongs to a rule with {form}, and this one has {forms[0]}"
                )
        if self.half_life is not None and self.expires is not None:
            raise refuse("expected half_life or expires, got both")
        if self.attribute is not None:
            self._one_condition()
        return self

    def _one_condition(self) -> None:
        ranged = self.min is not None or self.max is not None
        if (self.equals is not None) + (self.one_of is not None) + ranged != 1:
            raise refuse(
                "a rule with attribute needs exactly one of equals, in, and min with or without max"
            )
        if self.min is not None and self.max is not None and self.min > self.max:
            raise refuse(f"expected min not above max, got min {self.min:g} and max {self.max:g}")
        numeric = {
            isinstance(v, int | float) and not isinstance(v, bool) for v in self.values or ()
        }
        if len(numeric) > 1:
            raise refuse("expected values that are all numbers or all texts")


class GroupSection(Section):
    """``[points.groups.<name>]``: the most that its rules earn, or cost, together."""

    cap: Count


class PointsSection(Section):
    """``[points]``: the scorecard."""

    groups: dict[Text, GroupSection] = Field(default={})
    rules: Annotated[tuple[RuleSection, ...], BeforeValidator(listed)] = ()


class StepSection(Section):
    """``[[journey.steps]]``: one step on the way to a purchase."""

    name: Text
    label: Label = Label()


class JourneySection(Section):
    """``[journey]``: the steps, first step first; events say which of them they reach."""

    steps: Annotated[tuple[StepSection, ...], BeforeValidator(listed)] = ()


class NamesSection(Section):
    """``[names.en]``, ``[names.ja]``: what people call channels and values of categories."""

    en: dict[str, Text] = Field(default={})
    ja: dict[str, Text] = Field(default={})


class TemperatureSection(Section):
    """``[temperature]``: hot from `hot` on, warm from `warm` on, cold below."""

    later = frozenset({"hysteresis", "capacity"})
    by: Literal["points", "probability"] = "points"
    hot: Number
    warm: Number

    @model_validator(mode="before")
    @classmethod
    def _default_points(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("by") != "probability":
            return {"hot": 50, "warm": 25, **data}
        return data

    @model_validator(mode="after")
    def _bands(self) -> Self:
        if self.hot <= self.warm:
            raise refuse(f"expected hot above warm, got hot {self.hot:g} and warm {self.warm:g}")
        if self.by == "points" and not (self.hot.is_integer() and self.warm.is_integer()):
            raise refuse(f"expected whole points, got hot {self.hot:g} and warm {self.warm:g}")
        if self.by == "probability" and not (self.warm > 0 and self.hot <= 1):
            raise refuse(
                f"expected probabilities in (0, 1], got hot {self.hot:g} and warm {self.warm:g}"
            )
        return self


LeadState = Literal["open", "in_deal", "customer", "lost", "closed", "not_created"]
"""How a lead stands at the moment as of which it is seen."""

Temperatures = Annotated[
    tuple[Literal["hot", "warm", "cold"], ...], BeforeValidator(one_or_more), Field(min_length=1)
]
States = Annotated[tuple[LeadState, ...], BeforeValidator(one_or_more), Field(min_length=1)]


class ActionSection(Section):
    """``[[actions.rules]]``: what to do next about a lead of which every condition given holds.

    `touch` is the type of the event with which we do it.
    """

    later = frozenset({"stage"})
    label: Label
    temperature: Temperatures | None = None
    task: Annotated[Texts, Field(min_length=1)] | None = None
    state: States | None = None
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


class ActionsSection(Section):
    """``[actions]``: the next action of a lead is that of the first rule that holds."""

    rules: Annotated[tuple[ActionSection, ...], BeforeValidator(listed)] = ()


class Schema(Section):
    """A whole playbook."""

    later = frozenset(
        {
            "stages",
            "exclude",
            "suppress",
            "target",
            "psychological_stages",
        }
    )
    version: Literal[1] = Field(alias="schema")
    timezone: Text | None = None
    columns: dict[str, Text] = Field(default={})
    attributes: dict[Text, AttributeSection] = Field(default={})
    events: dict[Text, EventSection] = Field(default={})
    tasks: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")], TaskSection],
        AfterValidator(_one_task_at_a_time),
    ] = Field(default={})
    names: NamesSection = NamesSection()
    features: FeaturesSection = FeaturesSection()
    journey: JourneySection = JourneySection()
    points: PointsSection = PointsSection()
    temperature: TemperatureSection = TemperatureSection(hot=50, warm=25)
    actions: ActionsSection = ActionsSection()
