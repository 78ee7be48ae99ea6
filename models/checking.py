"""The check of a playbook: what is wrong with it, what is odd about it, and what waits for training."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from models.playbook import Playbook
from models.playbook.difference import Difference
from models.playbook.finding import Finding, Level
from models.playbook.lines import Lines
from models.playbook.sense import odd
from models.playbook.source import Wrong, dotted, read
from models.wording import shown, texts

LEVELS: dict[Level, str] = {"wrong": "wrong", "likely a mistake": "likely", "note": "note"}
"""The levels, by their names in the files of texts."""


class Told(NamedTuple):
    """A finding where it stands, in words."""

    level: Level
    line: int
    key: str
    text: str

    def to_json(self, source: str) -> dict[str, Any]:
        """Plain values."""
        return {
            "level": self.level,
            "file": source,
            "line": self.line,
            "key": self.key,
            "message": self.text,
        }


@dataclass(frozen=True)
class Checked:
    """What a check came to.

    Attributes
    ----------
    source : str
    playbook : Playbook or None
        None where something is wrong.
    told : list of Told
        What matters most first, then by line.
    """

    source: str
    playbook: Playbook | None
    told: list[Told]

    def count(self, level: Level) -> int:
        """How many findings have a level."""
        return sum(told.level == level for told in self.told)


def checked(text: str, source: str, lang: str) -> Checked:
    """Check a playbook by what it says alone; see `with_findings` for what data say of it."""
    schema, wrong = read(text)
    if schema is None:
        return Checked(source, None, [_wrong(problem) for problem in wrong])
    return with_findings(Checked(source, Playbook(text, source, schema), []), odd(schema), lang)


def with_findings(checked: Checked, findings: Iterable[Finding], lang: str) -> Checked:
    """The same with more findings."""
    playbook = checked.playbook
    assert playbook is not None
    lines, raw = Lines(playbook.text), tomllib.loads(playbook.text)
    more = [
        Told(found.level, lines.of(found.path), dotted(found.path, raw), in_words(found, lang))
        for found in findings
    ]
    order = list(LEVELS)
    told = sorted(
        dict.fromkeys(checked.told + more), key=lambda one: (order.index(one.level), one.line)
    )
    return Checked(checked.source, playbook, told)


def waiting(found: Iterable[Difference]) -> list[Difference]:
    """What of the differences takes effect at the next training, wholly or in part."""
    return [difference for difference in found if difference.effect != "at once"]


def _wrong(problem: Wrong) -> Told:
    return Told("wrong", problem.line, problem.key, problem.message)


def in_words(finding: Finding, lang: str) -> str:
    """A finding as a sentence."""
    words = texts(lang)["playbook"]
    facts = {name: _in_words(value, words) for name, value in finding.facts.items()}
    near = finding.facts.get("near")
    space = " " if lang == "en" else ""
    facts["near"] = space + words["near"].format(near=_in_words(near, words)) if near else ""
    return words[f"findings.{finding.what}"].format(**facts)


def _in_words(value: Any, words: Mapping[str, str]) -> str:
    if isinstance(value, list | tuple):
        return words["comma"].join(_in_words(entry, words) for entry in value) or words["nothing"]
    if isinstance(value, str):
        return words["quoted"].format(name=shown(value))
    if isinstance(value, float) and math.isinf(value):
        return words["unlimited"]
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
