"""Changes and merges say when history that counts as received earlier was really told of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table, moment in (("changes", "changed_at"), ("identities", "merged_at")):
        comment = f"of history: when it came, received_at being {moment}"
        op.add_column(table, sa.Column("told_at", sa.BigInteger(), nullable=True, comment=comment))
