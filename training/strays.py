"""Whether the events and the lead list of a training run belong together."""

from __future__ import annotations

from features.cells import text_column
from features.events import EVENT_COLUMNS
from features.form import named
from features.instants import MISSING
from features.leakage.finding import Finding
from features.leakage.matching import Unmatched, absent_from_list, not_matching, unmatched
from features.leakage.outcome import first_at
from features.reading import read
from training.sources import Material, Sources


def counted(material: Material) -> list[Finding]:
    """Events that match no lead, as the intake counted them: without examples, and at no cost."""
    counts = material.intake.counts
    lost = counts.get("events of unknown leads", 0)
    return not_matching(Unmatched(lost, counts.get("events", 0), (), (), {}, 0))


def compared(material: Material, sources: Sources) -> list[Finding]:
    """The same with examples and causes, and converted leads that the list lacks.

    Reads the ids of the events again, since an intake keeps only those of known leads.
    """
    if sources.events is None or not material.intake.counts.get("events of unknown leads"):
        return []
    needed = ("lead_id", "event_type")
    table = named(
        read(sources.events, "event", sources.declared.of_others),
        material.form.columns,
        EVENT_COLUMNS,
        needed,
    ).data
    ids, types = text_column(table["lead_id"]), text_column(table["event_type"])
    strays = unmatched(material.leads.lead_id, ids, types, material.task.label)
    present = int((first_at(material.log, material.task.label) != MISSING).sum())
    return not_matching(strays) + absent_from_list(strays, present)
