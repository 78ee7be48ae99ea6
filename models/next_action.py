"""The next action of a lead by the playbook, and how similar leads converted with and without it."""

from __future__ import annotations

from typing import TypedDict

from models.playbook import Playbook, in_language
from models.playbook_schema import ActionSection
from models.touches import Association, Touches
from models.wording import quoted


class NextAction(TypedDict):
    """What to do next, in the language asked for; `touch` the event type with which it is done.

    `association` is None by rules, for an action without touch, and where too few leads had it.
    """

    label: str
    touch: str | None
    association: Association | None


class NextActions:
    """The next actions of many leads, each wording made once.

    Parameters
    ----------
    touches : Touches or None
        Of the model that answers.
    """

    def __init__(self, playbook: Playbook, touches: Touches | None, lang: str) -> None:
        self._playbook, self._touches, self._lang = playbook, touches, lang
        self._rules: dict[tuple[str | None, str | None, str], ActionSection | None] = {}
        self._associations: dict[tuple[str, int], Association | None] = {}

    def of(
        self, temperature: str | None, task: str | None, state: str, raw: float | None
    ) -> NextAction | None:
        """What to do about one lead; None where no rule of the playbook holds.

        Parameters
        ----------
        raw : float or None
            The model's raw score; None where rules answer.
        """
        key = (temperature, task, state)
        if key not in self._rules:
            self._rules[key] = self._playbook.next_action(*key)
        rule = self._rules[key]
        if rule is None:
            return None
        label = in_language(rule.label, self._lang)
        assert label is not None  # the schema asks for one language at least
        return {"label": label, "touch": rule.touch, "association": self._beside(rule.touch, raw)}

    def _beside(self, touch: str | None, raw: float | None) -> Association | None:
        if self._touches is None or touch is None or raw is None:
            return None
        key = (touch, self._touches.tercile(raw))
        if key not in self._associations:
            called = self._playbook.event_label(touch, self._lang) or quoted(touch, self._lang)
            found = self._touches.association(touch, called, key[1], self._lang)
            self._associations[key] = found
        return self._associations[key]
