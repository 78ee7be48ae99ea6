"""What a playbook may say: every key with its type, as one Pydantic schema."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from models.families import DEFAULT, lines_of
from models.playbook.actions import (
    ActionsSection,
    DefinitionSection,
    ExcludeSection,
    SuppressSection,
    TargetSection,
)
from models.playbook.points import PointsSection
from models.playbook.stages import JourneySection, PsychologicalSection, StagesSection
from models.playbook.tasks import Tasks
from models.playbook.temperature import TemperatureSection, TrendSection
from models.playbook.values import (
    Label,
    Lines,
    Patterns,
    Said,
    Section,
    Text,
    one_table_or_more,
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


class RawSection(Section):
    """``from`` of an event: raw rows of which it is made when sources are gathered.

    A row fits when its raw type, its content and its channel do, as far as they are said.
    """

    type: Patterns
    content: Patterns | None = None
    channel: Text | None = None

    def fits(self, kind: str, content: str | None, channel: str | None) -> bool:
        """Whether a raw row is such an event."""
        if self.channel not in (None, channel) or not any(fnmatchcase(kind, t) for t in self.type):
            return False
        patterns = self.content
        return patterns is None or any(fnmatchcase(content or "", one) for one in patterns)


class EventSection(Section):
    """``[events.<type>]``: what an event means.

    `label` is a noun for it, `said` how often it happened: "price page seen {count}".
    """

    refers: ClassVar = {"step": "step", "answers": "event"}
    label: Label = Label()
    said: Said = Said()
    by: Literal["lead", "us"] = "lead"
    flow: Literal["inbound", "outbound"] | None = None
    channel: Text | None = None
    outcome: Literal["deal", "won", "lost"] | None = None
    step: Text | None = None
    answers: Text | None = None
    made_of: Annotated[tuple[RawSection, ...], BeforeValidator(one_table_or_more)] = Field(
        default=(), alias="from"
    )


class FeaturesSection(Section):
    """``[features]``: the catalogue of behavioural features, a line each."""

    catalogue: Lines = CATALOGUE


class NamesSection(Section):
    """``[names.en]``, ``[names.ja]``: what people call channels and values of categories."""

    en: dict[str, Text] = Field(default={})
    ja: dict[str, Text] = Field(default={})


class Schema(Section):
    """A whole playbook."""

    version: Literal[1] = Field(alias="schema")
    timezone: Text | None = None
    columns: dict[str, Text] = Field(default={})
    attributes: dict[Text, AttributeSection] = Field(default={})
    events: dict[Text, EventSection] = Field(default={})
    tasks: Tasks = Field(default={})
    names: NamesSection = NamesSection()
    features: FeaturesSection = FeaturesSection()
    journey: JourneySection = JourneySection()
    psychological_stages: PsychologicalSection = PsychologicalSection()
    points: PointsSection = PointsSection()
    temperature: TemperatureSection = TemperatureSection(hot=50, warm=25)
    trend: TrendSection = TrendSection()
    stages: StagesSection = StagesSection()
    exclude: ExcludeSection = ExcludeSection()
    suppress: SuppressSection = SuppressSection()
    definitions: dict[Text, DefinitionSection] = Field(default={})
    target: TargetSection = TargetSection()
    actions: ActionsSection = ActionsSection()
