"""The model card of a registered version: what it is for, from what, how good, and its limits.

After Mitchell and others (2019), "Model cards for model reporting".
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.artefact import Artefact, load
from models.settings import Settings
from training.registry.verbs import SHIPPED, registered, verdict_of
from training.registry.versions import CHAMPION, Version

NAMES = {
    "auc": "AUC",
    "log_loss": "log loss",
    "brier": "Brier",
    "ece": "ECE",
    "calibration_slope": "slope",
    "n": "rows",
    "positives": "positives",
}
"""Figures of the card, by their names in a record."""


def run_card(settings: Settings, task: str, version: str = CHAMPION) -> int:
    """Print the card of a version as Markdown.

    Raises
    ------
    UsageError
        When there is no such version.
    ArtefactError
        When its files are gone or damaged.
    """
    with registered(settings, task) as models, tempfile.TemporaryDirectory() as scratch:
        found = models.find(version)
        artefact = load(models.fetch(found.number, Path(scratch)))
    print(card(models.name, found, artefact))
    return 0


def card(name: str, version: Version, artefact: Artefact) -> str:
    """The card as Markdown."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # Markdown, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(cell=_cell, figure=_figure)
    record = _Lenient(artefact.record)
    text = environment.get_template("card.md.jinja").render(
        name=name,
        version=_with_tags(version),
        artefact=artefact,
        record=record,
        attributes=[attribute.name for attribute in artefact.plan.attributes],
        names=list(NAMES.values()),
        figures=_shown(record["figures"]),
        segments=_shown(record["by_segment"]),
        loss=record["test_log_loss"],
        shipped=version.tags.get(SHIPPED) != "false",
        verdict=verdict_of(version),
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip()


class _Lenient(dict[str, Any]):
    """A record of which older models have less."""

    def __missing__(self, name: str) -> None:
        return None


def _with_tags(version: Version) -> Version:
    return Version(
        version.number, version.aliases, version.created, version.run_id, _Lenient(version.tags)
    )


def _shown(figures: Mapping[str, Mapping[str, Any]] | None) -> dict[str, list[str]]:
    """Who answers, the model first, with the figures of the card as text."""
    ordered = sorted((figures or {}).items(), key=lambda one: one[0] != "model")
    return {who: [_figure(own.get(name)) for name in NAMES] for who, own in ordered}


def _cell(text: Any) -> str:
    """Text that does not end a cell of a table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def _figure(value: Any) -> str:
    """A figure, with its interval where it has one; counts without decimals.

    Examples
    --------
    >>> _figure(0.25), _figure(1200), _figure(None), _figure([0.5, 0.25, 0.75])
    ('0.2500', '1,200', '-', '0.5000 [0.2500, 0.7500]')
    """
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, Mapping):
        value = [value[name] for name in ("mean", "low", "high")]
    mean, low, high = map(_figure, value)
    return f"{mean} [{low}, {high}]"
