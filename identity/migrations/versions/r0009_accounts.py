"""Accounts of people with roles for tenants instead of viewers of one; their sessions; failures to sign in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of people and drop that of viewers."""
    op.drop_table("viewers")
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("password_hash", sa.Text, nullable=True),
        sa.Column("subject", sa.String(255), nullable=True, unique=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "roles",
        sa.Column("account", sa.String(128), sa.ForeignKey("accounts.name"), primary_key=True),
        sa.Column("tenant", sa.String(31), primary_key=True),
        sa.Column("role", sa.String(32), primary_key=True),
        sa.Column("claimed", sa.Boolean, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(128), sa.ForeignKey("accounts.name"), nullable=False),
        sa.Column("tenant", sa.String(31), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("sessions_by_account", "sessions", ["account"])
    op.create_table(
        "sign_in_failures",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("level", sa.Float, nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("sign_in_failures_by_time", "sign_in_failures", ["counted_at"])
