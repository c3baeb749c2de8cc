"""How long tenants keep what, of whom something is being deleted, and what is done regularly."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of retention and of regular duties."""
    op.create_table(
        "retention_rules",
        sa.Column("tenant", sa.String(31), sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("purpose", sa.String(63), primary_key=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("days", sa.Integer, nullable=True),
        sa.Column("covers", sa.Text, nullable=False),
    )
    op.create_table(
        "departing",
        sa.Column("tenant", sa.String(31), sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("pseudonym", sa.String(32), primary_key=True),
    )
    op.create_table(
        "duties",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("tenant", sa.String(31), primary_key=True),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text, nullable=False),
    )
