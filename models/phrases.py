"""What features are and what leads did, said in one language with a company's own names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from features.groups import OTHER
from features.instants import HOUR
from features.kinds import KINDS
from features.plan import Feature, Plan
from models import wording
from models.playbook import Playbook


@dataclass(frozen=True)
class Phrases:
    """Says features and reasons.

    Attributes
    ----------
    playbook : Playbook
        What people call events, attributes and steps.
    plan : Plan
    lang : {"en", "ja"}
    """

    playbook: Playbook
    plan: Plan
    lang: str

    def reason(self, role: str, name: str, facts: Mapping[str, Any]) -> str:
        """One reason in words; see `models.explain.Groups` for what a role is."""
        if role == "events":
            return wording.events(self.group(name), self._said(name), facts, self.lang)
        if role == "response":
            return self._response(facts)
        if role == "bigram":
            return self._bigram(facts)
        if role == "step":
            form = "reached" if facts["reached"] else "ahead"
            return wording.texts(self.lang)["step"][form].format(step=self._step(facts["step"]))
        if role == "kind":
            return self._kind(self._features[facts["feature"]], facts["value"])
        if role == "pair":
            told = facts["values"].items()
            return " × ".join(self.reason("attribute", of, {"value": value}) for of, value in told)
        if isinstance(facts.get("value"), str):
            facts = {**facts, "value": self.playbook.word(facts["value"], self.lang)}
        return wording.sentence(role, self._attribute(name), facts, self.lang)

    def _response(self, facts: Mapping[str, Any]) -> str:
        """How often we touched the lead, then how often it answered; without either, that we did not."""
        touches = self._often(facts["touch"], facts["touches"])
        if not (facts["touches"] or facts["answers"]):
            return touches
        answers = self._often(facts["answer"], facts["answers"])
        both = wording.texts(self.lang)["response"]["both"]
        return both.format(touches=touches, answers=answers)

    def _often(self, event_type: str, count: int) -> str:
        return wording.often(self.group(event_type), self._said(event_type), count, self.lang)

    def _bigram(self, facts: Mapping[str, Any]) -> str:
        """How often one event came right after another."""
        form = "seen" if facts["count"] else "none"
        return wording.texts(self.lang)["bigram"][form].format(
            first=self.group(facts["first"]),
            then=self.group(facts["then"]),
            count=wording.quantity(facts["count"], "events", self.lang),
        )

    def _kind(self, feature: Feature, value: str | float | None) -> str:
        """A feature with its value; none and not known as absence, where there are words for it."""
        absence = "missing" if value is None else "none" if value == 0 else None
        if absence and wording.key(feature) in wording.texts(self.lang)[absence]:
            return self._say(absence, feature, "")
        return self.feature(feature, self._value(feature, value))

    def feature(self, feature: Feature, value: str = "…") -> str:
        """What a feature says when it has a value, already in words."""
        return self._say("kinds", feature, value)

    def _say(self, section: str, feature: Feature, value: str) -> str:
        return wording.texts(self.lang)[section][wording.key(feature)].format(
            of=self._subject(feature),
            value=value,
            window=wording.window(feature.parameter, self.lang),
            length=wording.span((feature.parameter or 0) / HOUR, self.lang),
        )

    def attribute(self, name: str, value: str = "…") -> str:
        """What an attribute says when it has a value, already in words."""
        words = wording.texts(self.lang)["attribute"]["given"]
        return str(words.format(label=self._attribute(name), value=value))

    def group(self, name: str) -> str:
        """What people call an event type or a group of them; its own name, quoted, where nobody says."""
        group = wording.texts(self.lang)["groups"].get(name)
        return group or self.playbook.event_label(name, self.lang) or self._quoted(name)

    def _said(self, name: str) -> str | None:
        """How often events of a type or of a group happened, with ``{count}`` for the number."""
        group = wording.texts(self.lang)["said"].get(name)
        return group or self.playbook.event_said(name, self.lang)

    @cached_property
    def _features(self) -> dict[str, Feature]:
        return {feature.name: feature for feature in self.plan.features}

    def _attribute(self, name: str) -> str:
        return self.playbook.attribute_label(name, self.lang) or self._quoted(name)

    def _step(self, name: str) -> str:
        return self.playbook.step_label(name, self.lang) or self._quoted(name)

    def _quoted(self, name: str) -> str:
        return wording.quoted(name, self.lang)

    def _subject(self, feature: Feature) -> str:
        """What a feature is about, in words."""
        per, of = KINDS[feature.kind].per, feature.of or ""
        if per == "group":
            return self.group(of)
        if per == "attribute":
            return self._attribute(of)
        if per == "step":
            return self._step(of)
        words = wording.texts(self.lang)["feature"]
        if per == "bigram":
            pair = next(pair for pair in self.plan.bigrams if " > ".join(pair) == of)
            return words["then"].format(one=self.group(pair[0]), other=self.group(pair[1]))
        if per == "response":
            response = next(r for r in self.plan.responses if r.name == of)
            touch, answer = self.group(response.touch), self.group(response.answer)
            return words["answers"].format(touch=touch, answer=answer)
        return ""

    def _value(self, feature: Feature, value: str | float | None) -> str:
        """The value of a feature in words."""
        unit = feature.says.unit
        if value is None:
            return wording.texts(self.lang)["feature"]["unknown"]
        if isinstance(value, str):
            return self._code(unit, value)
        return wording.quantity(value, unit, self.lang)

    def _code(self, unit: str, name: str) -> str:
        """What a code stands for, in words."""
        if name == OTHER:
            return wording.texts(self.lang)["feature"]["other"]
        if unit == "channel":
            return self.playbook.word(name, self.lang)
        return self.group(name) if unit == "type" else self._step(name)
