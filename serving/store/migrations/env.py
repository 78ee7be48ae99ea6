"""Alembic's door: it is handed a connection by `serving.store.upgrade`."""

from __future__ import annotations

from alembic import context

from serving.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
