"""The verb ``features``: every feature of a plan, with its unit and what it says in both languages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from features.plan import Attribute, Plan, Response
from models.artefact import load
from models.families import FAMILIES, lines_of
from models.phrases import Phrases
from models.playbook import Playbook
from models.settings import Settings
from models.terminal import people, print_json


def run_features(
    settings: Settings,
    task: str,
    model: Path | None,
    *,
    whole: bool = False,
    as_json: bool = False,
) -> int:
    """Print the features of a trained model, else those that the playbook would have.

    Parameters
    ----------
    whole : bool, default False
        Those of every family instead, whatever the catalogue of the playbook is.
    """
    playbook = Playbook.load(settings.playbook)
    catalogue = lines_of(FAMILIES) if whole else playbook.catalogue
    plan = load(model).plan if model else declared_plan(playbook, task, catalogue)
    english, japanese = (Phrases(playbook, plan, lang) for lang in ("en", "ja"))
    rows = [
        {
            "name": feature.name,
            "unit": feature.says.unit,
            "en": english.feature(feature),
            "ja": japanese.feature(feature),
        }
        for feature in plan.features
    ]
    rows += [
        {
            "name": attribute.name,
            "unit": attribute.type,
            "en": english.attribute(attribute.name),
            "ja": japanese.attribute(attribute.name),
        }
        for attribute in plan.attributes
    ]
    if as_json:
        print_json({"features": rows})
    else:
        for row in rows:
            print(f"{row['name']}  [{row['unit']}]\n    {row['en']}\n    {row['ja']}")
        people(False).print(f"{len(rows)} features of {model or playbook.source}")
    return 0


def declared_plan(playbook: Playbook, task_name: str, catalogue: Sequence[str]) -> Plan:
    """The plan of a training run that sees every event, response and attribute a playbook declares.

    Outcomes are not features, and pairs of events are learnt: neither is in it.
    """
    task = playbook.task(task_name)
    hidden = {*task.exclude_events, *playbook.outcomes}
    types = tuple(name for name in playbook.events if name not in hidden)
    channels = dict.fromkeys(
        playbook.channel_of_type[t] for t in types if t in playbook.channel_of_type
    )
    tracked = [name for name, declared in playbook.attributes.items() if declared.time == "tracked"]
    plan = Plan(
        event_types=types,
        other_types=(),
        touches=tuple(name for name in playbook.touches if name in types),
        features=(),
        attributes=tuple(Attribute(name, "category", "tracked") for name in tracked),
        timezone=playbook.timezone or "UTC",
        columns={},
        date_events={},
        channels=tuple(channels),
        channel_of_type=playbook.channel_of_type,
        inbound=playbook.inbound,
        steps=playbook.steps_before(task),
        step_of_type=playbook.step_of_type,
        responses=tuple(
            Response(touch, answer, by_mail=playbook.by_mail(touch))
            for touch, answer in playbook.answers
            if {touch, answer} <= {*types}
        ),
    )
    return plan.with_features(catalogue)
