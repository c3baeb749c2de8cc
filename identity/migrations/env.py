"""What Alembic runs: applies revisions within the transaction that identity.database.upgrade has begun."""

from __future__ import annotations

from alembic import context

from identity.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
