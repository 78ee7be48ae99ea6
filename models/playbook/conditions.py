"""What a rule of the playbook looks at: events, an attribute, silence, or several of them together.

Points, stages, definitions, targets and exclusions are all written with these keys.
`models.conditions` decides of which leads they hold.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from models.playbook.values import (
    Count,
    Duration,
    Label,
    Number,
    Patterns,
    Range,
    Scalar,
    Scalars,
    Section,
    Text,
    Texts,
    listed,
    refuse,
)

Form = Literal["event", "attribute", "silent_for", "all"]
"""What a rule looks at: ``"all"`` stands for several conditions together."""

_FORMS: dict[Form, tuple[str, ...]] = {
    "event": ("event", "channel", "content", "value"),
    "attribute": ("attribute",),
    "silent_for": ("silent_for",),
    "all": ("all", "any", "none"),
}
"""The keys of which one at least makes a rule of the form."""

_BESIDE: dict[Form, tuple[str, ...]] = {
    "event": ("within", "at_least", "once", "at_most", "half_life", "expires"),
    "attribute": ("equals", "in", "min", "max", "pattern", "missing"),
    "silent_for": (),
    "all": (),
}
"""Further keys that go with a form alone."""


class Looked(Section):
    """What is looked at: exactly one of events, an attribute, silence, and several conditions.

    Events are those of any of the types `event`, by any of the channels, with a content that any
    of the patterns fits, and a value in a range with both its ends; what is not given is not asked.
    """

    refers: ClassVar = {"event": "event"}
    event: Annotated[Texts, Field(min_length=1)] | None = None
    channel: Annotated[Texts, Field(min_length=1)] | None = None
    content: Patterns | None = None
    value: Range | None = None

    attribute: Text | None = None
    equals: Scalar | None = None
    one_of: Scalars | None = Field(default=None, alias="in")
    min: Number | None = None
    max: Number | None = None
    pattern: Patterns | None = None
    missing: Literal[True] | None = None

    silent_for: Duration | None = None

    all_of: Conditions = Field(default=(), alias="all")
    any_of: Conditions = Field(default=(), alias="any")
    none_of: Conditions = Field(default=(), alias="none")

    @cached_property
    def form(self) -> Form | None:
        """What it looks at; None where it looks at nothing."""
        return next((form for form in _FORMS if self._given(form)), None)

    @property
    def values(self) -> tuple[str | bool | int | float, ...] | None:
        """What the attribute may equal; None where that is not asked."""
        return self.one_of if self.equals is None else (self.equals,)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions inside, of whatever kind."""
        return self.all_of + self.any_of + self.none_of

    def _given(self, form: Form) -> list[str]:
        return [key for key in _FORMS[form] if key in self._keys()]

    def _keys(self) -> set[str]:
        fields = type(self).model_fields
        return {
            fields[name].alias or name
            for name in self.model_fields_set
            if getattr(self, name) not in (None, ())
        }

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = [form for form in _FORMS if self._given(form)]
        if len(forms) > 1 or (not forms and self._needs_one()):
            came = " and ".join(self._given(form)[0] for form in forms) or "none of them"
            raise refuse(
                "expected exactly one of event (or channel, content, value), attribute, silent_for, "
                f"and all, any, none together, got {came}"
            )
        for form, keys in _BESIDE.items():
            strange = sorted(self._keys().intersection(keys))
            if strange and forms[:1] != [form]:
                came = self._given(forms[0])[0] if forms else "none"
                raise refuse(f"{strange[0]} belongs to a rule with {form}, and this one has {came}")
        if self.attribute is not None:
            self._one_question()
        return self

    def _needs_one(self) -> bool:
        return True

    def _one_question(self) -> None:
        ranged = self.min is not None or self.max is not None
        asked = (self.equals, self.one_of, self.pattern, self.missing)
        if sum(key is not None for key in asked) + ranged != 1:
            raise refuse(
                "a rule with attribute needs exactly one of equals, in, pattern, missing, and min "
                "with or without max"
            )
        if self.min is not None and self.max is not None and self.min > self.max:
            raise refuse(f"expected min not above max, got min {self.min:g} and max {self.max:g}")
        numeric = {
            isinstance(v, int | float) and not isinstance(v, bool) for v in self.values or ()
        }
        if len(numeric) > 1:
            raise refuse("expected values that are all numbers or all texts")


class Condition(Looked):
    """Something that holds of a lead or does not.

    Of events: at least `at_least` of them came, where `within` is given in the time up to now that
    long.
    """

    within: Duration | None = None
    at_least: Count = 1


Conditions = Annotated[tuple[Condition, ...], BeforeValidator(listed)]

Looked.model_rebuild()
Condition.model_rebuild()


class Named(Condition):
    """A condition with a name, and what people call it."""

    name: Text
    label: Label = Label()


NamedConditions = Annotated[tuple[Named, ...], BeforeValidator(listed)]
