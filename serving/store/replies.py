"""Answers to requests with an ``Idempotency-Key``: one that comes again gets the first answer."""

from __future__ import annotations

from features.errors import TegakariError
from features.instants import DAY
from serving.store.statements import insert, marked
from serving.store.writer import Commit

KEPT = 7 * DAY
"""How long an answer is kept."""


class KeyReused(TegakariError):
    """The ``Idempotency-Key`` came before, with another request."""


def recall(commit: Commit, key: str, principal: str, digest: str) -> tuple[int, str] | None:
    """The status and body that a request was answered with; None for a new one.

    Raises
    ------
    KeyReused
        When it was another request.
    """
    select = (
        "SELECT digest, status, answer FROM replies WHERE idempotency_key = ? AND principal = ?"
    )
    found = commit.connection.exec_driver_sql(
        marked(commit.connection, select), (key, principal)
    ).first()
    if found is None:
        return None
    if found[0] != digest:
        raise KeyReused(
            "Expected a new Idempotency-Key for a new request, got one that came before with another body."
        )
    return found[1], found[2]


def remember(
    commit: Commit, key: str, principal: str, digest: str, status: int, answer: str
) -> None:
    """Keep an answer in the same commit as what it tells of, and let go of old ones."""
    insert(
        commit.connection,
        "replies",
        ("idempotency_key", "principal", "digest", "status", "answer", "at"),
        [(key, principal, digest, status, answer, commit.at)],
    )
    commit.connection.exec_driver_sql(
        marked(commit.connection, "DELETE FROM replies WHERE at < ?"), (commit.at - KEPT,)
    )
