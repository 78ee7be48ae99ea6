"""Leads no longer say their company: nothing ever filled it in."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.drop_index("leads_of_account", "leads")
    op.drop_column("leads", "account")
