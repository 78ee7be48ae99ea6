"""``tegakari import``: contract tables into the store, in parts that can be broken off and gone on with.

What a company knew before it had a store is history: it counts as received when it happened, and is
marked so. Each part is one commit, which also says how far the import has come; so it can end at any
moment, and what is run again goes on where that one ended.
"""

from __future__ import annotations

from pathlib import Path

from features.errors import InputError
from features.form import Form
from models.terminal import Report
from serving.importing.account import Account
from serving.importing.changes import Told, import_changes
from serving.importing.events import import_events
from serving.importing.identities import import_identities
from serving.importing.leads import import_leads
from serving.store.store import Store

TABLES = ("leads", "events", "changes", "identities")


def files_in(folder: Path) -> dict[str, Path]:
    """The tables of a folder, by what their files are called: ``leads.csv``, ``events.parquet``.

    Raises
    ------
    InputError
        When there is no lead list, or two files for one table.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder with leads.csv or the like; there is none.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        table = path.name.partition(".")[0]
        if table in TABLES and not path.name.endswith(".refused.csv"):
            if table in found:
                raise InputError(f"{folder}: {found[table].name} and {path.name} are both {table}.")
            found[table] = path
    if "leads" not in found:
        there = ", ".join(path.name for path in sorted(folder.iterdir())[:10]) or "nothing"
        raise InputError(
            f"{folder}: expected a file leads.csv, leads.parquet, ...; there is {there}."
        )
    return found


def import_tables(
    store: Store, files: dict[str, Path], form: Form, report: Report
) -> dict[str, Account]:
    """Bring tables into a store; what became of the rows of each.

    Raises
    ------
    InputError
        When a file cannot be read.
    UsageError
        When another import of the same file goes on.
    """
    accounts = {}
    told = Told.read(files["changes"], form) if "changes" in files else None
    if "leads" in files:
        report("importing leads")
        accounts["leads"] = import_leads(store, files["leads"], form, told)
    if "events" in files:
        report("importing events")
        accounts["events"] = import_events(store, files["events"], form)
    if told is not None:
        report("importing changes")
        accounts["changes"] = import_changes(store, told)
    if "identities" in files:
        report("importing identities")
        accounts["identities"] = import_identities(store, files["identities"], form)
    return accounts
