"""The tables of the store. Instants are int64 microseconds UTC, values of attributes are JSON.

What companies tell us (`leads`, `changes`, `events`, `identities`) is never overwritten: every row
says in `received_at` when it was committed, so that the answer of any earlier moment can be had
again. The attributes of `leads` are those of now, which follow from `changes`. Everything else
(`ranked`, `commits`, ...) could be made again, or is about the service itself.

No foreign key is checked: the writer makes a lead before anything of it, and the check would cost
every event a lookup.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()

_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows in INTEGER alone

leads = Table(
    "leads",
    metadata,
    Column("lead_id", Text, primary_key=True),
    Column("created_at", BigInteger, comment="null where only events told of the lead"),
    Column("received_at", BigInteger, nullable=False),
    Column("attributes", Text, nullable=False, comment="JSON object: those of now"),
    Column("root", Text, comment="the lead that it is now, where it was merged"),
    Index("leads_of_root", "root"),
)

changes = Table(
    "changes",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("lead_id", Text, nullable=False),
    Column("attribute", Text, nullable=False, comment="created_at too, where it came later"),
    Column("old_value", Text, comment="JSON"),
    Column("new_value", Text, comment="JSON"),
    Column("changed_at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("told_at", BigInteger, comment="of history: when it came, received_at being changed_at"),
    Index("changes_of_lead", "lead_id"),
)

events = Table(
    "events",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("lead_id", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger),
    Column("received_at", BigInteger, nullable=False),
    Column("backfill", Boolean, nullable=False, comment="received_at is occurred_at"),
    Column("channel", Text),
    Column("content", Text),
    Column("value", Double),
    Column("event_id", Text),
    Column("account_id", Text),
    # Nulls are all different: events without an id are never repeats. Reads by lead use it too.
    Index("events_of_lead", "lead_id", "event_id", unique=True),
)

identities = Table(
    "identities",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("lead_id", Text, nullable=False),
    Column("merged_into", Text, nullable=False),
    Column("merged_at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False, comment="merge, conversion, or undo of the one before"),
    Column("received_at", BigInteger, nullable=False),
    Column("told_at", BigInteger, comment="of history: when it came, received_at being merged_at"),
    Index("identities_of_lead", "lead_id"),
    Index("identities_into", "merged_into"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False, comment="event or lead"),
    Column("lead_id", Text, comment="where it could be read"),
    Column("payload", Text, nullable=False, comment="JSON, as it came"),
    Column("reason", Text, nullable=False),
    Column("errors", Text, nullable=False, comment="JSON: location and message of each"),
    Column("received_at", BigInteger, nullable=False),
    Column("replayed_at", BigInteger, comment="when it was taken after all"),
    Index("quarantine_of_lead", "lead_id"),
)

ranked = Table(
    "ranked",
    metadata,
    Column("lead_id", Text, primary_key=True),
    Column("task", Text, comment="null for a lead that no task asks about"),
    Column("asked", Text, nullable=False, comment="the task whose model or rules answered"),
    Column("state", Text, nullable=False),
    Column("probability", Double),
    Column("likely", Double, nullable=False, comment="the probability, -1 for none: to sort by"),
    Column("raw", Double, nullable=False, comment="breaks ties"),
    Column("points", Integer, nullable=False),
    Column("temperature", Text),
    Column("stage", Text),
    Column("owner", Text),
    Column("scored_by", Text, nullable=False),
    Column("fallback_reason", Text),
    Column("as_of", BigInteger, nullable=False),
    Column("known_at", BigInteger, nullable=False),
    Column("scored_at", BigInteger, nullable=False),
    Column("stored_at", BigInteger, nullable=False, comment="when it was last put into scores"),
    Column("due_at", BigInteger, nullable=False, comment="when time alone may have changed it"),
    Column("margin", Double, nullable=False, comment="how far from the nearest line: 0 first"),
    Column("model", Text),
    Column("playbook", Text, nullable=False),
    Column("signature", Text, nullable=False, comment="of all that answered"),
)
for _name in (None, "temperature", "stage", "owner", "task"):
    Index(
        f"ranked_by_{_name or 'likely'}",
        *([ranked.c[_name]] if _name else []),
        ranked.c.likely.desc(),
        ranked.c.raw.desc(),
        ranked.c.lead_id,
    )
Index("ranked_by_points", ranked.c.points.desc(), ranked.c.lead_id)
# By default points decide the temperature, so that this is the list that is called from.
Index(
    "ranked_by_temperature_and_points",
    ranked.c.temperature,
    ranked.c.points.desc(),
    ranked.c.lead_id,
)
Index("ranked_by_scored_at", ranked.c.scored_at.desc(), ranked.c.lead_id)
Index("ranked_due", ranked.c.due_at)
Index("ranked_by_signature", ranked.c.signature, ranked.c.margin)

scores = Table(
    "scores",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("lead_id", Text, nullable=False),
    Column("task", Text),
    Column("asked", Text, nullable=False, comment="the task whose model or rules answered"),
    Column("state", Text, nullable=False),
    Column("probability", Double),
    Column("points", Integer, nullable=False),
    Column("temperature", Text),
    Column("stage", Text),
    Column("scored_by", Text, nullable=False),
    Column("fallback_reason", Text),
    Column("as_of", BigInteger, nullable=False),
    Column("known_at", BigInteger, nullable=False, comment="what was received later was not seen"),
    Column("scored_at", BigInteger, nullable=False),
    Column("events_seen", BigInteger, nullable=False, comment="events.id of the last one seen"),
    Column("model", Text),
    Column("playbook", Text, nullable=False),
    Column("features", Text),
    Column("code", Text, nullable=False),
    Index("scores_of_lead", "lead_id", "scored_at"),
    Index("scores_by_time", "scored_at"),
)

commits = Table(
    "commits",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False, comment="received_at of what it brought"),
    Column("leads", Text, nullable=False, comment="JSON list: whose scores it may have changed"),
)

replies = Table(
    "replies",
    metadata,
    Column("idempotency_key", Text, primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("digest", Text, nullable=False, comment="sha256 of the request"),
    Column("status", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("replies_by_time", "at"),
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("digest", Text, primary_key=True, comment="keyed hash of the lead's id"),
    Column("erased_at", BigInteger, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("scopes", Text, nullable=False, comment="by commas"),
    Column("digest", Text, nullable=False, comment="sha256 of the secret"),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("last_used_at", BigInteger),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False, comment="id of a key, or the command"),
    Column("action", Text, nullable=False),
    Column("subject", Text),
    Column("details", Text, comment="JSON"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
)

progress = Table(
    "progress",
    metadata,
    Column("name", Text, primary_key=True, comment="what was done up to where"),
    Column("place", BigInteger, nullable=False),
)
