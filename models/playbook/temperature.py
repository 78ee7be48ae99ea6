"""``[temperature]`` and ``[trend]``: which leads are hot, warm and cold, and which are on the move."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from features.instants import DAY
from models.playbook.values import Count, Day, Duration, Number, Section, Share, Text, refuse

By = Literal["points", "probability", "capacity"]

POINTS_OF_HYSTERESIS = 5.0
SHARE_OF_HYSTERESIS = 0.1
"""Of probabilities: the same share of the line as 5 of 50 points."""


class Expected(Section):
    """So many a week: the expectation, and the 90% prediction interval of one week, ends included."""

    mean: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    low: Annotated[int, Field(ge=0)]
    high: Annotated[int, Field(ge=0)]


class SolvedSection(Section):
    """``[temperature.capacity.solved]``: the lines that a capacity came to, frozen.

    `n` leads of the `population` were looked at in the `weeks` up to `date`, as `model` scored them.
    """

    hot: Share
    warm: Share
    date: Day
    population: Text
    n: Count
    weeks: Count
    model: Text | None = None
    calls: Expected
    conversions: Expected

    @model_validator(mode="after")
    def _bands(self) -> Self:
        if self.hot <= self.warm:
            raise refuse(f"expected hot above warm, got hot {self.hot:g} and warm {self.warm:g}")
        return self


class CapacitySection(Section):
    """``[temperature.capacity]``: how many calls can be made, and the lines that this came to.

    Attributes
    ----------
    calls : int
        In the time `per`, by all the people together.
    people : int or None
        How many they are; said, and not counted with.
    warm : float
        Warm reaches down to where this many times as many would have to be called.
    """

    calls: Count
    per: Duration = 7 * DAY
    people: Count | None = None
    warm: Annotated[float, Field(gt=1, le=100)] = 3.0
    solved: SolvedSection | None = None


class TemperatureSection(Section):
    """``[temperature]``: hot from `hot` on, warm from `warm` on, cold below.

    A lead leaves a temperature only when it falls more than `hysteresis` below its line: points, or
    by probabilities a share of the line.
    """

    by: By = "points"
    hot: Number | None = None
    warm: Number | None = None
    hysteresis: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    capacity: CapacitySection | None = None

    @model_validator(mode="before")
    @classmethod
    def _default_points(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("by", "points") == "points":
            return {"hot": 50, "warm": 25, **data}
        return data

    @model_validator(mode="after")
    def _bands(self) -> Self:
        if self.by == "capacity":
            return self._of_capacity()
        if self.hot is None or self.warm is None:
            missing = "hot" if self.hot is None else "warm"
            raise refuse(f"expected the line {missing} = ... as a probability, and it is missing")
        if self.hot <= self.warm:
            raise refuse(f"expected hot above warm, got hot {self.hot:g} and warm {self.warm:g}")
        if self.by == "points" and not (self.hot.is_integer() and self.warm.is_integer()):
            raise refuse(f"expected whole points, got hot {self.hot:g} and warm {self.warm:g}")
        if self.by == "probability" and not (self.warm > 0 and self.hot <= 1):
            raise refuse(
                f"expected probabilities in (0, 1], got hot {self.hot:g} and warm {self.warm:g}"
            )
        if self.by == "probability" and self.hysteresis is not None and self.hysteresis >= 1:
            raise refuse(
                "expected hysteresis below 1, a share of the line by which a probability has to fall "
                f"below it, got {self.hysteresis:g}"
            )
        return self

    def _of_capacity(self) -> Self:
        if self.capacity is None:
            raise refuse(
                'by = "capacity" needs [temperature.capacity] with calls, how many can be made in a week'
            )
        if self.hot is not None or self.warm is not None:
            raise refuse(
                'by = "capacity" has no hot and warm of its own: tegakari playbook capacity solves them'
            )
        if self.hysteresis is not None and self.hysteresis >= 1:
            raise refuse(
                f"expected hysteresis below 1, a share of the line, got {self.hysteresis:g}"
            )
        return self

    @property
    def lines(self) -> tuple[float, float] | None:
        """Warm and hot; None while a capacity is not solved."""
        if self.by == "capacity":
            solved = self.capacity.solved if self.capacity else None
            return (solved.warm, solved.hot) if solved else None
        # The schema asks for both.
        assert self.warm is not None
        assert self.hot is not None
        return self.warm, self.hot

    def leaves_below(self, line: float) -> float:
        """Below which value a lead leaves the band that begins at a line."""
        if self.by == "points":
            return line - (POINTS_OF_HYSTERESIS if self.hysteresis is None else self.hysteresis)
        return line * (1 - (SHARE_OF_HYSTERESIS if self.hysteresis is None else self.hysteresis))


class TrendSection(Section):
    """``[trend]``: the change of the log-odds from which on a lead is rising, or cooling."""

    threshold: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.5
