"""Webhooks with what their systems sign with, and what their later events need of earlier ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, empty."""
    op.create_table(
        "webhooks",
        sa.Column("tenant", sa.String(31), sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("source", sa.String(63), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "connections",
        sa.Column("tenant", sa.String(31), sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("facts", sa.LargeBinary, nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("connections_by_time", "connections", ["noted_at"])
