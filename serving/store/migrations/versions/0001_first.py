"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="id of a key, or the command"),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=True, comment="JSON"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "changes",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column(
            "attribute", sa.Text(), nullable=False, comment="created_at too, where it came later"
        ),
        sa.Column("old_value", sa.Text(), nullable=True, comment="JSON"),
        sa.Column("new_value", sa.Text(), nullable=True, comment="JSON"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("changes_of_lead", "changes", ["lead_id"], unique=False)
    op.create_table(
        "commits",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="received_at of what it brought"),
        sa.Column(
            "leads",
            sa.Text(),
            nullable=False,
            comment="JSON list: whose scores it may have changed",
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "events",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("backfill", sa.Boolean(), nullable=False, comment="received_at is occurred_at"),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("events_of_lead", "events", ["lead_id", "event_id"], unique=True)
    op.create_table(
        "identities",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("merged_into", sa.Text(), nullable=False),
        sa.Column("merged_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="merge, conversion, or undo of the one before",
        ),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("identities_into", "identities", ["merged_into"], unique=False)
    op.create_index("identities_of_lead", "identities", ["lead_id"], unique=False)
    op.create_table(
        "keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False, comment="by commas"),
        sa.Column("digest", sa.Text(), nullable=False, comment="sha256 of the secret"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "leads",
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.BigInteger(),
            nullable=True,
            comment="null where only events told of the lead",
        ),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False, comment="JSON object: those of now"),
        sa.Column(
            "root", sa.Text(), nullable=True, comment="the lead that it is now, where it was merged"
        ),
        sa.Column(
            "account",
            sa.Text(),
            nullable=True,
            comment="the company, by the live model's source of accounts",
        ),
        sa.PrimaryKeyConstraint("lead_id"),
    )
    op.create_index("leads_of_account", "leads", ["account"], unique=False)
    op.create_index("leads_of_root", "leads", ["root"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "progress",
        sa.Column("name", sa.Text(), nullable=False, comment="what was done up to where"),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="event or lead"),
        sa.Column("lead_id", sa.Text(), nullable=True, comment="where it could be read"),
        sa.Column("payload", sa.Text(), nullable=False, comment="JSON, as it came"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "errors", sa.Text(), nullable=False, comment="JSON: location and message of each"
        ),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "replayed_at", sa.BigInteger(), nullable=True, comment="when it was taken after all"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("quarantine_of_lead", "quarantine", ["lead_id"], unique=False)
    op.create_table(
        "ranked",
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column(
            "task", sa.Text(), nullable=True, comment="null for a lead that no task asks about"
        ),
        sa.Column(
            "asked", sa.Text(), nullable=False, comment="the task whose model or rules answered"
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column(
            "likely",
            sa.Double(),
            nullable=False,
            comment="the probability, -1 for none: to sort by",
        ),
        sa.Column("raw", sa.Double(), nullable=False, comment="breaks ties"),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("temperature", sa.Text(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("scored_by", sa.Text(), nullable=False),
        sa.Column("fallback_reason", sa.Text(), nullable=True),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.Column("scored_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "stored_at", sa.BigInteger(), nullable=False, comment="when it was last put into scores"
        ),
        sa.Column(
            "due_at", sa.BigInteger(), nullable=False, comment="when time alone may have changed it"
        ),
        sa.Column(
            "margin", sa.Double(), nullable=False, comment="how far from the nearest line: 0 first"
        ),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False, comment="of all that answered"),
        sa.PrimaryKeyConstraint("lead_id"),
    )
    op.create_index(
        "ranked_by_likely",
        "ranked",
        [sa.literal_column("likely DESC"), sa.literal_column("raw DESC"), "lead_id"],
        unique=False,
    )
    op.create_index(
        "ranked_by_owner",
        "ranked",
        ["owner", sa.literal_column("likely DESC"), sa.literal_column("raw DESC"), "lead_id"],
        unique=False,
    )
    op.create_index(
        "ranked_by_points", "ranked", [sa.literal_column("points DESC"), "lead_id"], unique=False
    )
    op.create_index(
        "ranked_by_scored_at",
        "ranked",
        [sa.literal_column("scored_at DESC"), "lead_id"],
        unique=False,
    )
    op.create_index("ranked_by_signature", "ranked", ["signature", "margin"], unique=False)
    op.create_index(
        "ranked_by_stage",
        "ranked",
        ["stage", sa.literal_column("likely DESC"), sa.literal_column("raw DESC"), "lead_id"],
        unique=False,
    )
    op.create_index(
        "ranked_by_task",
        "ranked",
        ["task", sa.literal_column("likely DESC"), sa.literal_column("raw DESC"), "lead_id"],
        unique=False,
    )
    op.create_index(
        "ranked_by_temperature",
        "ranked",
        ["temperature", sa.literal_column("likely DESC"), sa.literal_column("raw DESC"), "lead_id"],
        unique=False,
    )
    op.create_index(
        "ranked_by_temperature_and_points",
        "ranked",
        ["temperature", sa.literal_column("points DESC"), "lead_id"],
        unique=False,
    )
    op.create_index("ranked_due", "ranked", ["due_at"], unique=False)
    op.create_table(
        "replies",
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="sha256 of the request"),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("idempotency_key", "principal"),
    )
    op.create_index("replies_by_time", "replies", ["at"], unique=False)
    op.create_table(
        "scores",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=True),
        sa.Column(
            "asked", sa.Text(), nullable=False, comment="the task whose model or rules answered"
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("temperature", sa.Text(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("scored_by", sa.Text(), nullable=False),
        sa.Column("fallback_reason", sa.Text(), nullable=True),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column(
            "known_at",
            sa.BigInteger(),
            nullable=False,
            comment="what was received later was not seen",
        ),
        sa.Column("scored_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "events_seen", sa.BigInteger(), nullable=False, comment="events.id of the last one seen"
        ),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("features", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("scores_by_time", "scores", ["scored_at"], unique=False)
    op.create_index("scores_of_lead", "scores", ["lead_id", "scored_at"], unique=False)
    op.create_table(
        "tombstones",
        sa.Column("digest", sa.Text(), nullable=False, comment="keyed hash of the lead's id"),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    for statement in _APPEND_ONLY[op.get_context().dialect.name]:
        op.execute(statement)


_APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER audit_no_{what} BEFORE {what} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END"
        for what in ("update", "delete")
    ],
    "postgresql": [
        "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is only added to'; END $$",
        "CREATE TRIGGER audit_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    ],
}
