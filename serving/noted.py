"""What commands do to what answers, in the audit of the store, where there is one."""

from __future__ import annotations

from features.errors import TegakariError
from models.settings import Settings
from models.terminal import people
from serving.store.audit import record
from serving.store.engine import database_url
from serving.store.store import Store


def noted(code: int, settings: Settings, action: str, subject: str) -> int:
    """The exit code of a command, after its deed has been written down; nothing is where it failed.

    A store is not made for it, and one that does not answer does not undo what was done.
    """
    url = database_url(settings)
    if code or (url.get_backend_name() == "sqlite" and not (settings.home / "store.db").exists()):
        return code
    try:
        store = Store.open(settings)
        try:
            store.write(lambda commit: record(commit, "command", action, subject))
        finally:
            store.close()
    except TegakariError as error:
        people(True).print(f"This is not in the audit of the store: {error}")
    return code
