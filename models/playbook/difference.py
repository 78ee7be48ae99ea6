"""What two playbooks say differently: by what they mean, not by how it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import tomlkit
from pydantic import BaseModel

from features.instants import duration_text
from models.playbook.actions import ActionSection
from models.playbook.effect import Effect, effect
from models.playbook.lines import Path, inside
from models.playbook.playbook import Playbook
from models.playbook.values import Section, is_duration

Kind = Literal["added", "removed", "changed", "order"]


@dataclass(frozen=True)
class Difference:
    """One thing that two playbooks say differently.

    Attributes
    ----------
    kind : {"added", "removed", "changed", "order"}
        An entry that is in one of them alone, a key with another value, or entries of which the
        first that holds counts, in another order.
    path : tuple of str
        The key; entries of lists by their names.
    old, new : str or None
        As they are written; None for what is not said.
    """

    kind: Kind
    path: tuple[str, ...]
    old: str | None
    new: str | None

    @property
    def effect(self) -> Effect:
        """When it takes effect."""
        return effect(self.path)

    @property
    def key(self) -> str:
        """The key, ``points.rules["demo request"].points``."""
        text = ""
        for step in self.path:
            shown = _bare(step)
            text += (f".{step}" if text else step) if shown == step else f"[{shown}]"
        return text


def differences(old: Playbook, new: Playbook) -> list[Difference]:
    """What `new` says otherwise than `old`, in the order of the sections; empty when they mean alike."""
    before, after = _laid_out(old), _laid_out(new)
    found: list[Difference] = []
    whole: list[tuple[str, ...]] = []
    for key in [*after, *(key for key in before if key not in after)]:
        if any(key[: len(entry)] == entry for entry in whole):
            continue
        one, other = before.get(key), after.get(key)
        if one is not None and other is not None:
            if one.value != other.value:
                kind: Kind = "order" if one.kind == "order" else "changed"
                found.append(Difference(kind, key, one.text, other.text))
            continue
        there = one or other
        assert there is not None
        if there.kind == "order" or (there.kind == "value" and there.value is None):
            continue
        if there.kind == "entry":
            whole.append(key)
        found.append(
            Difference(
                "added" if one is None else "removed", key, one and one.text, other and other.text
            )
        )
    sections = list(type(new.said).model_fields)
    return sorted(found, key=lambda entry: sections.index(entry.path[0]))


def points_differ(found: list[Difference]) -> bool:
    """Whether leads may have other points: by other rules, or by other events that they see."""
    return any(
        (
            entry.path[:2] in (("points", "rules"), ("points", "groups"))
            and "label" not in entry.path
        )
        or (entry.path[0] == "events" and entry.path[-1] in ("by", "channel"))
        for entry in found
    )


class _Said(NamedTuple):
    """A key: an entry of its own, a value, or an order of entries."""

    kind: Literal["entry", "value", "order"]
    value: Any
    text: str | None


def _laid_out(playbook: Playbook) -> dict[tuple[str, ...], _Said]:
    raw = tomlkit.parse(playbook.text).unwrap()
    return dict(_of_section(playbook.said, (), (), raw))


def _of_section(
    section: Section, key: tuple[str, ...], path: Path, raw: Any
) -> Iterator[tuple[tuple[str, ...], _Said]]:
    for name, info in type(section).model_fields.items():
        value, step = getattr(section, name), info.alias or name
        below, at = (*key, step), (*path, step)
        if below == ("schema",):
            continue
        if isinstance(value, Section):
            yield from _of_section(value, below, at, raw)
        elif isinstance(value, dict):
            for entry, said in value.items():
                yield from _of_entry(said, (*below, entry), (*at, entry), raw)
        elif isinstance(value, tuple) and _named(value):
            names = _names(value)
            for place, (entry, said) in enumerate(zip(names, value, strict=True)):
                yield from _of_entry(said, (*below, entry), (*at, place), raw)
            if below != ("points", "rules"):
                yield below, _Said("order", names, " > ".join(names))
        else:
            yield below, _value(value, at, raw, length=is_duration(info))


def _of_entry(
    said: Any, key: tuple[str, ...], path: Path, raw: Any
) -> Iterator[tuple[tuple[str, ...], _Said]]:
    if isinstance(said, Section):
        yield key, _Said("entry", None, _written(_at(raw, path)))
        yield from _of_section(said, key, path, raw)
    else:
        yield key, _value(said, path, raw)


def _named(value: tuple[Any, ...]) -> bool:
    return bool(value) and all(hasattr(e, "name") or isinstance(e, ActionSection) for e in value)


def _names(value: tuple[Any, ...]) -> list[str]:
    """What tells entries apart: their names; actions by what they say, the second of a name by number."""
    found: list[str] = []
    for entry in value:
        action = isinstance(entry, ActionSection)
        name = str(entry.label.en or entry.label.ja if action else entry.name)
        again = sum(other == name or other.startswith(f"{name} (") for other in found)
        found.append(f"{name} ({again + 1})" if again else name)
    return found


def _value(value: Any, path: Path, raw: Any, *, length: bool = False) -> _Said:
    plain = value
    if isinstance(value, tuple):
        plain = [
            e.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            if isinstance(e, BaseModel)
            else e
            for e in value
        ]
    elif isinstance(value, BaseModel):
        plain = value.model_dump(mode="json", by_alias=True)
    written = _at(raw, path)
    if written is None and value not in (None, ()):
        written = duration_text(value) if length else plain
    return _Said(
        "value", plain if plain != [] else None, None if written is None else _written(written)
    )


def _at(here: Any, path: Path) -> Any:
    for step in path:
        here = inside(here, step)
    return here


def _written(value: Any) -> str:
    """A value as TOML on one line."""
    if isinstance(value, dict):
        inner = ", ".join(f"{_bare(key)} = {_written(entry)}" for key, entry in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(tomlkit.item(value).as_string())


def _bare(key: str) -> str:
    bare = key.replace("_", "").replace("-", "").isalnum() and key.isascii()
    return key if bare else json.dumps(key, ensure_ascii=False)
