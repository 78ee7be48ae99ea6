"""What is answering now: one scorer for each task of the playbook, and how requests are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from features.attributes import unreadable
from features.instants import DAY, iso, now
from models.explain import MOST
from models.intake import form_of
from models.playbook import Playbook
from models.request import ScoreRequest, colleagues_in, cutoffs, leads_and_log
from models.scores import Scores
from models.settings import FIRST_TASK
from serving.problems import Problem
from serving.registry import Loaded


@dataclass(frozen=True)
class Live:
    """What is answering now.

    Attributes
    ----------
    playbook : Playbook
    loaded : mapping
        What answers each task, by task; not empty.
    """

    playbook: Playbook
    loaded: Mapping[str, Loaded]

    def of(self, task: str | None) -> Loaded:
        """What answers a task; a Problem that lists the tasks when it is not one of them."""
        if not task:
            return self.main
        if task not in self.loaded:
            message = f"expected one of {', '.join(self.loaded)}"
            raise Problem(
                422, "unknown-task", "There is no such task.", [(("query", "task"), message)]
            )
        return self.loaded[task]

    @property
    def main(self) -> Loaded:
        """What answers a request that names no task: qualification, else the playbook's first."""
        return self.loaded.get(FIRST_TASK) or next(iter(self.loaded.values()))

    def score(self, request: ScoreRequest, task: str | None, reasons: int, lang: str) -> Scores:
        """Score the lead of a request; Problem or InputError when it cannot be used."""
        loaded = self.of(task)
        form = form_of(self.playbook)
        as_of = cutoffs([request], form, now())
        leads, log = leads_and_log([request], form)
        plan = loaded.artefact.plan if loaded.artefact else None
        if plan and (strange := unreadable(leads, plan.attributes, plan.tz)):
            errors = [
                (
                    ("body", "lead", "attributes", name),
                    f"expected {expected}, as the model learnt it, got something else",
                )
                for name, (_, expected) in strange.items()
            ]
            raise Problem(422, "invalid-request", "An attribute cannot be read.", errors)
        return loaded.scorer.score(
            leads,
            log,
            as_of,
            task=loaded.task,
            colleagues=colleagues_in([request], leads, form),
            reasons=reasons,
            lang=lang,
        )


def probe(live: Live, loaded: Loaded) -> dict[str, Any]:
    """The answer to a lead made up here: it shows who answers, and compiles what has to be."""
    moment = now()
    types = tuple(loaded.artefact.plan.event_types if loaded.artefact else ())
    types += tuple(live.playbook.touches)
    request = ScoreRequest.model_validate(
        {
            "lead": {"lead_id": "probe", "created_at": iso(moment - 2 * DAY)},
            "events": [
                {"event_type": name, "occurred_at": iso(moment - DAY)} for name in types[:2]
            ],
            "account_events": [],
            "as_of": iso(moment),
        }
    )
    return live.score(request, loaded.task, MOST, "en").record(0)


def _live(request: Request) -> Live:
    live: Live = request.app.state.live
    return live


LiveNow = Annotated[Live, Depends(_live)]
