"""``tegakari db``: bring the store to the present schema, back it up, put a backup back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from models.settings import Settings
from models.terminal import people, print_json
from serving.store.backup import backup
from serving.store.engine import open_engine, schema_name
from serving.store.restore import restore
from serving.store.upgrade import upgrade


def run_upgrade(settings: Settings, *, as_json: bool) -> int:
    """Bring the store to the present schema; an empty database gets one."""
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = open_engine(settings)
    try:
        before, after = upgrade(engine, schema_name(settings) if settings.instance else None)
    finally:
        engine.dispose()
    if as_json:
        print_json({"before": before, "after": after})
    elif before == after:
        people(False).print(f"The store has schema {after}; there is nothing to do.")
    else:
        people(False).print(f"The store has schema {after} now, before: {before or 'none'}.")
    return 0


def run_backup(settings: Settings, out: Path | None, *, as_json: bool) -> int:
    """Write a backup."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    written = backup(settings, out or settings.home / "backups" / f"store-{moment}.db")
    size = written.stat().st_size
    if as_json:
        print_json({"backup": str(written), "bytes": size})
    else:
        people(False).print(f"{written}: {size:,} bytes")
    return 0


def run_restore(settings: Settings, file: Path, *, as_json: bool) -> int:
    """Put a backup in the place of the store."""
    aside, erased = restore(settings, file)
    if as_json:
        print_json({"restored": str(file), "aside": aside and str(aside), "erased_again": erased})
        return 0
    console = people(False)
    console.print(f"{file} is the store now; {erased:,} leads erased since then were erased again.")
    if aside:
        console.print(f"What was there is {aside}.")
    return 0
