"""``tegakari keys``: make, list, rotate and revoke API keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.table import Table

from features.instants import duration, iso, now
from models.options import names
from models.settings import Settings
from models.terminal import people, print_json
from serving.keys import create, every_key, revoke, rotate
from serving.store.store import Store


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """The store of the settings, for the time of a command."""
    store = Store.open(settings)
    try:
        yield store
    finally:
        store.close()


def run_create(
    settings: Settings,
    name: str,
    owner: str,
    scopes: Sequence[str],
    expires: str | None,
    *,
    as_json: bool,
) -> int:
    """Make a key and print it, once."""
    asked = [scope for text in scopes for scope in names(text)]
    ends = None if expires is None else now() + duration(expires)
    with opened(settings) as store:
        token = store.write(lambda commit: create(commit, name, owner, asked, ends))
    _show(token, as_json)
    return 0


def run_list(settings: Settings, *, as_json: bool) -> int:
    """Print the keys, without what would let anybody use them."""
    with opened(settings) as store, store.reading() as connection:
        keys = [key.to_json() for key in every_key(connection)]
    if as_json:
        print_json({"keys": keys})
        return 0
    table = Table("id", "name", "owner", "scopes", "created", "until")
    for key in keys:
        ends = key["revoked_at"] or key["expires_at"]
        until = "" if ends is None else f"{ends}{'' if key['holds'] else ' (over)'}"
        scopes = " ".join(key["scopes"])
        table.add_row(key["id"], key["name"], key["owner"], scopes, key["created_at"], until)
    people(False).print(table)
    return 0


def run_rotate(settings: Settings, key_id: str, overlap: str, *, as_json: bool) -> int:
    """Make a key that takes the place of another, which works on for a while."""
    span = duration(overlap)
    with opened(settings) as store:
        token = store.write(lambda commit: rotate(commit, key_id, span))
    _show(token, as_json)
    if not as_json:
        people(False).print(f"The old key works until {iso(now() + span)} at the latest.")
    return 0


def run_revoke(settings: Settings, key_id: str, *, as_json: bool) -> int:
    """End a key."""
    with opened(settings) as store:
        store.write(lambda commit: revoke(commit, key_id))
    if as_json:
        print_json({"revoked": key_id})
    else:
        people(False).print(f"{key_id} is revoked; running services know within seconds.")
    return 0


def _show(token: str, as_json: bool) -> None:
    if as_json:
        print_json({"key": token, "id": token.split("_")[1]})
        return
    print(token)
    people(True).print("This is shown once; only a hash of it is kept.")
