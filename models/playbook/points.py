"""``[points]``: the scorecard, its scores, groups and rules."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from models.playbook.conditions import Looked
from models.playbook.values import Count, Duration, Label, Section, Text, Whole, listed, refuse


class RuleSection(Looked):
    """``[[points.rules]]``: points for events, an attribute, silence, or conditions together."""

    refers: ClassVar = {**Looked.refers, "group": "group", "score": "score"}
    name: Text
    points: Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
    score: Text | None = None
    group: Text | None = None
    label: Label = Label()

    once: Literal[True] | None = None
    at_most: Count | None = None
    half_life: Duration | None = None
    expires: Duration | None = None

    @property
    def counts(self) -> int | None:
        """How many of its events count at most; None for all."""
        return 1 if self.once else self.at_most

    @model_validator(mode="after")
    def _worth_something(self) -> Self:
        if self.points == 0:
            raise refuse("expected points above or below 0; a rule worth nothing says nothing")
        if self.half_life is not None and self.expires is not None:
            raise refuse("expected half_life or expires, got both")
        if self.once and self.at_most is not None:
            raise refuse("expected once or at_most, got both")
        return self


class GroupSection(Section):
    """``[points.groups.<name>]``: the most that its rules earn, or cost, together."""

    cap: Count


class ScoreSection(Section):
    """``[points.scores.<name>]``: a part of the points with a number of its own.

    `hot` is the least of it that a hot lead has. `bands` are the lines between its grades, lowest
    first: a lead with as many points as a line or more is above it.
    """

    label: Label = Label()
    hot: Whole | None = None
    bands: Annotated[tuple[Whole, ...], BeforeValidator(listed)] = ()

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if list(self.bands) != sorted(set(self.bands)):
            raise refuse(f"expected lines that rise, lowest first, got {list(self.bands)}")
        return self


class GridSection(Section):
    """``[points.grid]``: the scores whose grades are shown against each other."""

    refers: ClassVar = {"rows": "score", "columns": "score"}
    rows: Text
    columns: Text


class PointsSection(Section):
    """``[points]``: the scorecard."""

    scores: dict[Text, ScoreSection] = Field(default={})
    grid: GridSection | None = None
    groups: dict[Text, GroupSection] = Field(default={})
    rules: Annotated[tuple[RuleSection, ...], BeforeValidator(listed)] = ()
