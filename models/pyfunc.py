"""The artefact as an MLflow model: the same leads and events in, the same scores out.

MLflow finds this module by name (``loader_module``); the model it logs holds files and no code. The
service does not come this way: it loads the artefact's files itself, and checks them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from features.attributes import unreadable
from features.colleagues import Colleagues
from features.errors import InputError
from features.form import Form
from features.instants import Instants, now
from features.log import EventLog, Leads
from models.artefact import load
from models.explain import MOST
from models.intake import form_of
from models.playbook import Playbook
from models.points_map import PointsMap
from models.request import ScoreRequest, colleagues_in, cutoffs, leads_and_log
from models.scorer import Scorer
from models.settings import FIRST_TASK, Settings
from models.wording import language

_OWN = ("lead_id", "created_at", "events", "account_events", "as_of")


class LeadScorer:
    """What ``mlflow.pyfunc.load_model`` wraps."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer

    def predict(
        self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        """Score leads.

        Parameters
        ----------
        model_input : DataFrame
            A row for each lead: `lead_id`, optionally `created_at`, `events` (a list of events as
            HTTP takes them, or its JSON text), `account_events` likewise, and `as_of`; every other
            column is an attribute.
        params : mapping, optional
            ``reasons`` (0 to 5, default 0) and ``lang`` ("en" or "ja").

        Returns
        -------
        DataFrame
            A row for each lead in the same order, with the names of the contract.

        Raises
        ------
        InputError
            Naming the row and the field that cannot be used.
        """
        if "lead_id" not in model_input.columns:
            there = ", ".join(map(str, model_input.columns))
            raise InputError(f"Expected a column 'lead_id' with each lead's id; there are {there}.")
        asked = params or {}
        requests = [
            _request(place, row) for place, row in enumerate(model_input.to_dict("records"))
        ]
        form = form_of(self.scorer.playbook)
        leads, log, at, colleagues = _taken(requests, form)
        self._check_attributes(requests, leads)
        scores = self.scorer.score(
            leads,
            log,
            at,
            colleagues=colleagues,
            task=self.scorer.artefact.task.name if self.scorer.artefact else FIRST_TASK,
            reasons=min(int(asked.get("reasons", 0)), MOST),
            lang=language(str(asked.get("lang", "en"))),
        )
        # As objects, so that what is null stays None where pandas would make it NaN.
        records = scores.records()
        frame = pd.DataFrame(records, index=model_input.index, dtype=object)
        return frame.astype({"probability": np.float64, "points": np.int64} if records else object)

    def _check_attributes(self, requests: Sequence[ScoreRequest], leads: Leads) -> None:
        if self.scorer.artefact is None:
            return
        plan = self.scorer.artefact.plan
        for name, (bad, expected) in unreadable(leads, plan.attributes, plan.tz).items():
            row = int(np.flatnonzero(bad)[0])
            raise InputError(
                f"Row {row}, {name}: expected {expected}, as the model learnt it, "
                f"got {requests[row].lead.attributes[name]!r}."
            )


def _taken(
    requests: Sequence[ScoreRequest], form: Form
) -> tuple[Leads, EventLog, Instants, Colleagues | None]:
    """Leads, their events and cutoffs, and their colleagues; what cannot be read is named with its row."""
    try:
        leads, log = leads_and_log(requests, form)
        colleagues = colleagues_in(requests, leads, form)
        return leads, log, cutoffs(requests, form, now()), colleagues
    except InputError as error:
        for place, request in enumerate(requests):
            try:
                own_leads, _ = leads_and_log([request], form)
                colleagues_in([request], own_leads, form)
                cutoffs([request], form, 0)
            except InputError as own:
                raise InputError(f"Row {place}, {own}") from error
        raise


def _request(place: int, row: Mapping[Any, Any]) -> ScoreRequest:
    plain = {str(name): _plain(value) for name, value in row.items()}
    for name, value in plain.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"Row {place}, {name}: expected a finite number, got {value!r}.")
    try:
        events, of_account = (_listed(plain.get(name)) for name in ("events", "account_events"))
        message = {
            "lead": {
                "lead_id": plain.get("lead_id"),
                "created_at": plain.get("created_at"),
                "attributes": {k: v for k, v in plain.items() if k not in _OWN},
            },
            "events": events or [],
            "account_events": of_account,
            "as_of": plain.get("as_of"),
        }
        return ScoreRequest.model_validate(message)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"Row {place}, {where}: {first['msg']}.") from error
    except (TypeError, ValueError) as error:
        raise InputError(f"Row {place}, events: not a list of events: {error}.") from error


def _listed(cell: Any) -> list[Any] | None:
    """A list of events, as it is or as its JSON text; None where the cell is empty."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    return json.loads(cell) if isinstance(cell, str) else list(cell)


def _plain(value: Any) -> Any:
    """A cell of a DataFrame as JSON would hold it; missing is None."""
    if isinstance(value, list | tuple | dict | np.ndarray):
        return value
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value


def _load_pyfunc(path: str) -> LeadScorer:
    """What MLflow calls with the folder of the artefact."""
    settings = Settings()
    playbook = Playbook.load(settings.playbook)
    artefact = load(Path(path))
    points_map, _ = PointsMap.load(settings.points_maps, artefact.task.name, playbook.version)
    return LeadScorer(Scorer(playbook, artefact, points_map))
