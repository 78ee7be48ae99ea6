"""What the MLflow model takes and gives, and an example of it that shows nobody's data."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from models.artefact import Artefact
from models.playbook import Playbook
from models.playbook.conditions import Looked
from models.playbook.references import sections

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, TensorSpec

    Columns = list[ColSpec | TensorSpec]

_OWN = ("created_at", "as_of", "events", "account_events")
_EXAMPLES = 5
_TEXT = ("lead_id", "as_of", "temperature_by", "state", "scored_by")
_TEXT_OR_NULL = (
    "known_at",
    "task",
    "horizon",
    "fallback_reason",
    "grade",
    "temperature",
    "temperature_otherwise",
    "stage",
    "psychological_stage",
    "journey_step",
    "excluded",
    "trend",
)
_NESTED = (
    "basis",
    "points_by_score",
    "ledger",
    "standing",
    "journey",
    "reasons",
    "next_action",
    "warnings",
    "ignored",
    "outside_training",
    "missing_inputs",
    "versions",
)


def attributes(artefact: Artefact, playbook: Playbook) -> list[str]:
    """Columns of a lead that decide its answer: those learnt, and those the playbook looks at.

    MLflow hands on no column that the signature does not name.
    """
    learnt = [attribute.name for attribute in artefact.plan.attributes]
    looked_at = [
        section.attribute
        for _, section in sections(playbook.said)
        if isinstance(section, Looked) and section.attribute is not None
    ]
    forbid = playbook.said.suppress.do_not_call
    return list(dict.fromkeys([*learnt, *looked_at, *forbid]))


def signature(names: Iterable[str]) -> ModelSignature:
    """Inputs, outputs and parameters of `models.pyfunc.LeadScorer.predict`.

    Only the lead's id has a type. MLflow refuses a column of whole numbers where it was told
    decimals, and knows no time that may also be a text; the model reads all of these itself, and
    names the row and field of what it cannot read.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    def columns(kind: DataType | AnyType, of: Iterable[str], **optional: bool) -> Columns:
        return [ColSpec(kind, name, **optional) for name in of]

    anything = AnyType()  # type: ignore[no-untyped-call]
    inputs = columns(DataType.string, ["lead_id"])
    inputs += columns(anything, dict.fromkeys([*_OWN, *names]), required=False)
    outputs = columns(DataType.string, _TEXT) + columns(DataType.long, ["points"])
    outputs += columns(DataType.double, ["probability", "starting_point"], required=False)
    outputs += columns(DataType.string, _TEXT_OR_NULL, required=False)
    outputs += columns(anything, _NESTED, required=False)
    params = [ParamSpec("reasons", DataType.long, 0), ParamSpec("lang", DataType.string, "en")]
    return ModelSignature(Schema(inputs), Schema(outputs), ParamSchema(params))


def example(artefact: Artefact) -> pd.DataFrame:
    """Some golden rows as the model takes them: invented leads, with events as JSON text."""
    rows: list[dict[str, Any]] = []
    for request in artefact.golden.requests[:_EXAMPLES]:
        lead = request["lead"]
        row = {name: lead.get(name) for name in ("lead_id", "created_at")}
        row["as_of"] = request["as_of"]
        row["events"] = json.dumps(request["events"], ensure_ascii=False)
        rows.append({**row, **lead.get("attributes", {})})
    return pd.DataFrame(rows, dtype=object)
