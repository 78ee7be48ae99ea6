"""What conditions of a playbook say, in words."""

from __future__ import annotations

from collections.abc import Iterable

from features.instants import HOUR
from models.playbook import Playbook
from models.playbook.conditions import Condition, Looked
from models.wording import quoted, span, texts


class ConditionsTold:
    """Conditions of a playbook in one language.

    Examples
    --------
    >>> told = ConditionsTold(Playbook.load(), "en")
    >>> told.of(Condition(silent_for="30d"))
    'no activity for 30 days'
    """

    def __init__(self, playbook: Playbook, lang: str) -> None:
        self.playbook, self.lang = playbook, lang
        self.words = {
            name.removeprefix("show."): text
            for name, text in texts(lang)["playbook"].items()
            if name.startswith("show.")
        }

    def of(self, rule: Looked) -> str:
        """A condition in words; that every lead meets it where it asks nothing."""
        words = self.words
        if rule.form == "event":
            return self._events(rule)
        if rule.form == "attribute":
            return self._attribute(rule)
        if rule.silent_for is not None:
            return words["silent"].format(span=self.length(rule.silent_for))
        parts = [
            words[name].format(conditions=words["next"].join(map(self.of, inside)))
            for name, inside in (("all", rule.all_of), ("any", rule.any_of), ("none", rule.none_of))
            if inside
        ]
        return words["and"].join(parts) or words["always"]

    def length(self, length: int) -> str:
        """A length of time."""
        return span(length / HOUR, self.lang)

    def events(self, names: Iterable[str]) -> str:
        """What people call event types."""
        said = (self.playbook.event_label(n, self.lang) or quoted(n, self.lang) for n in names)
        return " / ".join(said)

    def attribute(self, name: str) -> str:
        """What people call an attribute."""
        return self.playbook.attribute_label(name, self.lang) or quoted(name, self.lang)

    def happened(
        self, event: Iterable[str], channel: Iterable[str] | None, content: Iterable[str] | None
    ) -> str:
        """Events of types, by channels, with contents."""
        words, lang = self.words, self.lang
        text = self.events(event) or words["any_event"]
        if channel is not None:
            by = " / ".join(self.playbook.word(name, lang) for name in channel)
            text = words["event_by"].format(events=text, channels=by)
        if content is not None:
            text += words["and"] + words["content"].format(patterns=" / ".join(content))
        return text

    def _events(self, rule: Looked) -> str:
        words = self.words
        parts = [self.happened(rule.event or (), rule.channel, rule.content)]
        if rule.value is not None:
            asked = self._range(rule.value.min, rule.value.max)
            parts.append(words["value"].format(range=asked))
        if isinstance(rule, Condition) and rule.at_least > 1:
            parts.append(words["at_least"].format(n=rule.at_least))
        if isinstance(rule, Condition) and rule.within is not None:
            parts.append(words["within"].format(span=self.length(rule.within)))
        return words["and"].join(parts)

    def _attribute(self, rule: Looked) -> str:
        words = self.words
        assert rule.attribute is not None
        name = self.attribute(rule.attribute)
        if rule.missing:
            return words["missing"].format(attribute=name)
        if rule.pattern is not None:
            return words["fits"].format(attribute=name, patterns=" / ".join(rule.pattern))
        if rule.values is not None:
            values = " / ".join(self.playbook.word(str(value), self.lang) for value in rule.values)
        else:
            values = self._range(rule.min, rule.max)
        return words["is"].format(attribute=name, values=values)

    def _range(self, low: float | None, high: float | None) -> str:
        words = self.words
        least, most = (None if end is None else f"{end:g}" for end in (low, high))
        if least is not None and most is not None:
            return words["between"].format(min=least, max=most)
        return words["from"].format(min=least) if most is None else words["to"].format(max=most)
