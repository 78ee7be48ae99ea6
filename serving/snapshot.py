"""The tables of the store as files, for what reads files: ``train --store``, ``evaluate --store``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from features.errors import UsageError
from features.instants import iso
from models.bundles import AnyFiles
from models.settings import Settings
from serving.exporting import export
from serving.store.store import Store


@contextmanager
def given_or_stored(
    files: AnyFiles, from_store: bool, settings: Settings
) -> Iterator[tuple[AnyFiles, str | None]]:
    """The files that were given, or those of the store, as long as the block runs.

    Of the store it is also said as of which commit, ISO 8601.

    Raises
    ------
    UsageError
        When both were asked for, or neither.
    """
    given = [files.leads, files.events, files.changes, files.identities]
    if from_store == any(given) or (not from_store and files.leads is None):
        raise UsageError("Expected either --store or --leads FILE with its other tables.")
    if not from_store:
        yield files, None
        return
    with tempfile.TemporaryDirectory(prefix="tegakari-store-") as folder:
        store = Store.open(settings)
        try:
            done = export(store, Path(folder))
        finally:
            store.close()
        there = {
            name: Path(folder) / f"{name}.parquet" for name, count in done.rows.items() if count
        }
        tables = replace(
            files,
            leads=Path(folder) / "leads.parquet",
            events=there.get("events"),
            changes=there.get("changes"),
            identities=there.get("identities"),
        )
        yield tables, iso(done.at)
