"""The values that stand in a playbook, and what every table of it has in common."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from features.errors import UsageError
from features.instants import DAY, duration

_LONGEST = 36_500 * DAY


def refuse(message: str) -> PydanticCustomError:
    """A problem in a playbook: what was expected and, where it helps, what came."""
    return PydanticCustomError("playbook", "{message}", {"message": message})


def _duration(value: object) -> object:
    if not isinstance(value, str):
        raise refuse("expected a length of time in quotes, such as '90d'")
    try:
        length = duration(value)
    except UsageError as error:
        raise refuse(
            f"expected a length of time such as '90d', '36h' or '2w', got {value!r}"
        ) from error
    if length > _LONGEST:
        raise refuse(f"expected a length of time of at most '36500d', got {value!r}")
    return length


def listed(value: object) -> object:
    """A list of TOML as the tuple that the schema holds."""
    return tuple(value) if isinstance(value, list) else value


def one_or_more(value: object) -> object:
    """A list of TOML, or one text for a list of one, as the tuple that the schema holds."""
    return (value,) if isinstance(value, str) else listed(value)


def one_table_or_more(value: object) -> object:
    """A list of TOML, or one table for a list of one, as the tuple that the schema holds."""
    return (value,) if isinstance(value, dict) else listed(value)


def _scalar(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        raise refuse(f"expected text, a finite number, true or false, got {value}")
    if not isinstance(value, str | int | float):
        raise refuse("expected text, a number, true or false")
    return value


def _day(value: object) -> object:
    if isinstance(value, str):
        try:
            return datetime.date.fromisoformat(value)
        except ValueError as error:
            raise refuse(f"expected a day such as 2026-10-01, got {value!r}") from error
    if isinstance(value, datetime.datetime) or not isinstance(value, datetime.date):
        raise refuse("expected a day such as 2026-10-01")
    return value


Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(one_or_more)]
"""A list of texts; one text stands for a list of one."""
Lines = Annotated[tuple[Text, ...], BeforeValidator(listed), Field(min_length=1)]
Duration = Annotated[int, BeforeValidator(_duration)]
"""Microseconds, written ``"90d"``."""
Durations = Annotated[tuple[Duration, ...], BeforeValidator(listed), Field(min_length=1)]
Day = Annotated[datetime.date, BeforeValidator(_day)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Scalar = Annotated[str | bool | int | float, BeforeValidator(_scalar)]
Scalars = Annotated[tuple[Scalar, ...], BeforeValidator(listed), Field(min_length=1)]
Count = Annotated[int, Field(gt=0, le=1_000_000)]
Whole = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Share = Annotated[float, Field(gt=0, le=1)]
Patterns = Annotated[tuple[Text, ...], BeforeValidator(one_or_more), Field(min_length=1)]
"""Texts of which one has to fit, ``*`` standing for any letters and ``?`` for one."""


def _how_often(text: str) -> str:
    if text.count("{count}") != 1 or {"{", "}"} & set(text.replace("{count}", "")):
        raise refuse(
            "expected a text with {count} in it once and no other braces, "
            f"such as 'price page seen {{count}}', got {text!r}"
        )
    return text


HowOften = Annotated[Text, AfterValidator(_how_often)]
"""A text in which ``{count}`` stands for "once" or "4 times"."""


def is_duration(field: FieldInfo) -> bool:
    """Whether a field of a section is a length of time."""
    checks = list(field.metadata)
    for kind in get_args(field.annotation):
        checks += getattr(kind, "__metadata__", ())
    return any(isinstance(c, BeforeValidator) and c.func is _duration for c in checks)


class Section(BaseModel):
    """A table of the playbook: no key beyond its own, except tables called ``x-...``.

    Attributes
    ----------
    refers : mapping of str to str
        Fields that hold names of something else in the playbook, and of what: ``"event"``,
        ``"touch"``, ``"task"``, ``"step"``, ``"group"``, ``"score"``.
    keys_refer : mapping of str to str
        Fields whose keys are such names.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    refers: ClassVar[Mapping[str, str]] = {}
    keys_refer: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _without_own_tables(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {k: v for k, v in data.items() if not (k.startswith("x-") and isinstance(v, dict))}


class Label(Section):
    """What something is called, in each language."""

    en: Text | None = None
    ja: Text | None = None


class Said(Section):
    """How often something happened, in the words of each language."""

    en: HowOften | None = None
    ja: HowOften | None = None


class Range(Section):
    """From `min` to `max`, both included; at least one of them."""

    min: Number | None = None
    max: Number | None = None

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.min is None and self.max is None:
            raise refuse("expected min, max or both, such as { min = 100 }")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise refuse(f"expected min not above max, got min {self.min:g} and max {self.max:g}")
        return self
