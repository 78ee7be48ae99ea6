"""``[tasks]``: the questions asked of leads."""

from __future__ import annotations

import itertools
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from features.errors import TegakariError
from features.instants import DAY
from features.plan import expand
from models.playbook.values import Duration, Durations, Lines, Section, Texts, refuse


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

    refers: ClassVar = dict.fromkeys(("label", "closes", "reopens", "exclude_events"), "event")
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


Tasks = Annotated[
    dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")], TaskSection],
    AfterValidator(_one_task_at_a_time),
]
"""The tasks by name."""
