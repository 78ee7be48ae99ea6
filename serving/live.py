"""What is answering now: one scorer for each task of the playbook, and how requests are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from fastapi import Depends, Request

from features.attributes import unreadable
from features.form import Form
from features.instants import DAY, Instants, iso, now
from features.known import Known
from models.explain import MOST
from models.intake import form_of
from models.playbook import Playbook
from models.request import ScoreRequest, colleagues_in, cutoffs, leads_and_log
from models.scores import Scores
from models.settings import FIRST_TASK
from serving.problems import Problem
from serving.registry import Loaded


@dataclass(frozen=True)
class Standing:
    """How what answers stands to what should.

    Attributes
    ----------
    registry_away : bool
        Whether MLflow did not answer when it was last asked.
    refused : tuple of str
        Models and playbooks that should answer and were not let in.
    """

    registry_away: bool = False
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Live:
    """What is answering now.

    Attributes
    ----------
    playbook : Playbook
    loaded : mapping
        What answers each task, by task; not empty.
    standing : Standing
    """

    playbook: Playbook
    loaded: Mapping[str, Loaded]
    standing: Standing = Standing()

    @cached_property
    def signature(self) -> str:
        """A short hash of all that answers: other models, points maps or playbook have another."""
        answering = {}
        for task, loaded in self.loaded.items():
            points_map = loaded.scorer.points_map
            observed = points_map.evidence.to_json() if points_map else None
            answering[task] = [loaded.scorer.versions, observed]
        told = json.dumps(answering, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:12]

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

    @cached_property
    def form(self) -> Form:
        """How times are read."""
        return form_of(self.playbook)

    def read(self, requests: Sequence[ScoreRequest], task: str | None) -> tuple[Known, Instants]:
        """The leads of requests and the moments they are seen at; Problem or InputError for wrong ones."""
        as_of = cutoffs(requests, self.form, now())
        leads, log = leads_and_log(requests, self.form)
        artefact = self.of(task).artefact
        plan = artefact.plan if artefact else None
        if plan and (strange := unreadable(leads, plan.attributes, plan.tz)):
            errors = [
                (
                    ("body", "lead", "attributes", name),
                    f"expected {expected}, as the model learnt it, got something else",
                )
                for name, (_, expected) in strange.items()
            ]
            raise Problem(422, "invalid-request", "An attribute cannot be read.", errors)
        return Known(leads, log, None, colleagues_in(requests, leads, self.form)), as_of

    def score(
        self, requests: Sequence[ScoreRequest], task: str | None, reasons: int, lang: str
    ) -> Scores:
        """Score the leads of requests; Problem or InputError when one of them cannot be used."""
        loaded = self.of(task)
        known, as_of = self.read(requests, task)
        return loaded.scorer.score(
            known.leads,
            known.log,
            as_of,
            task=loaded.task,
            colleagues=known.colleagues,
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
    return live.score([request], loaded.task, MOST, "en").record(0)


async def _live(request: Request) -> Live:
    live: Live = request.app.state.live
    return live


LiveNow = Annotated[Live, Depends(_live)]
