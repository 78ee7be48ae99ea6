"""Merges: one person with several ids is one lead, until the merge is undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from features.errors import TegakariError
from features.identities import cyclic, resolved
from serving.store.statements import insert, marked, select_in
from serving.store.writer import Commit

UNDO = "undo"
_COLUMNS = ("lead_id", "merged_into", "merged_at", "kind", "received_at", "told_at")


class MergeRefused(TegakariError):
    """A merge that would make no sense, or an undo without one."""


def merge(
    commit: Commit,
    lead_id: str,
    into: str,
    kind: str = "merge",
    merged_at: int | None = None,
    *,
    backfill: bool = False,
) -> None:
    """From now on a lead is another one.

    Parameters
    ----------
    backfill : bool
        Whether the merge was received when it was made.

    Raises
    ------
    MergeRefused
        When it would be merged into itself, or is merged already.
    """
    now = standing(commit.connection, [lead_id, into])
    if lead_id in now:
        raise MergeRefused("This lead is merged into another one already. Undo that first.")
    if cyclic({**now, lead_id: into}):
        raise MergeRefused("The lead would be merged into itself.")
    at = commit.at if merged_at is None else merged_at
    received_at, told_at = (at, commit.at) if backfill else (commit.at, None)
    row = (lead_id, into, at, kind, received_at, told_at)
    insert(commit.connection, "identities", _COLUMNS, [row])
    root_again(commit, lead_id)


def undo(commit: Commit, lead_id: str) -> str:
    """A lead is itself again; into which it was merged.

    Raises
    ------
    MergeRefused
        When it is not merged.
    """
    into = standing(commit.connection, [lead_id]).get(lead_id)
    if into is None:
        raise MergeRefused("This lead is not merged into another one.")
    row = (lead_id, into, commit.at, UNDO, commit.at, None)
    insert(commit.connection, "identities", _COLUMNS, [row])
    root_again(commit, lead_id)
    commit.touch([into])
    return into


def standing(
    connection: Connection, lead_ids: Sequence[str], known_at: int | None = None
) -> dict[str, str]:
    """Into which leads those that have to do with some leads are merged, directly.

    Parameters
    ----------
    known_at : int, optional
        Merges that were received later are not looked at.
    """
    rows: dict[int, tuple[str, str, str]] = {}
    new, seen = list(dict.fromkeys(lead_ids)), set(lead_ids)
    while new:
        found = {
            row[0]: tuple(row[1:])
            for column in ("lead_id", "merged_into")
            for row in select_in(
                connection,
                "SELECT id, lead_id, merged_into, kind, received_at "
                f"FROM identities WHERE {column}",
                new,
            )
            if known_at is None or row[4] <= known_at
        }
        rows |= {number: (row[0], row[1], row[2]) for number, row in found.items()}
        new = list({name for row in found.values() for name in row[:2]} - seen)
        seen.update(new)
    into: dict[str, str] = {}
    for _, (lead_id, other, kind) in sorted(rows.items()):
        if kind == UNDO:
            into.pop(lead_id, None)
        else:
            into[lead_id] = other
    return into


def roots(into: Mapping[str, str]) -> dict[str, str]:
    """Each merged lead with the one that it is now."""
    return resolved(into)


def root_again(commit: Commit, lead_id: str) -> None:
    """Write down what the leads about a lead are now."""
    into = standing(commit.connection, [lead_id])
    root = roots(into)
    for one in {lead_id, *into}:
        commit.connection.exec_driver_sql(
            marked(commit.connection, "UPDATE leads SET root = ? WHERE lead_id = ?"),
            (root.get(one), one),
        )
    for one in root:
        commit.connection.exec_driver_sql(
            marked(commit.connection, "DELETE FROM ranked WHERE lead_id = ?"), (one,)
        )
    # Who is no lead of its own any more is not scored; who is again, is.
    commit.touch({root.get(lead_id, lead_id), *root.values()})
