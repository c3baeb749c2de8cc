"""Tablets in rooms, the codes with which learners sign in there, and who is in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, empty."""
    op.create_table(
        "tablets",
        sa.Column("tenant", sa.String(31), sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("room", sa.String(200), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("sessions", sa.Text, nullable=False),
        sa.Column("emails", sa.Boolean, nullable=False),
        sa.Column("home", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "codes",
        sa.Column("tenant", sa.String(31), sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("pseudonym", sa.String(32), nullable=False),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("holder", sa.LargeBinary, nullable=False),
        sa.Column("valid_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("codes_by_pseudonym", "codes", ["tenant", "pseudonym"])
    op.create_index("codes_by_time", "codes", ["valid_until"])
    op.create_table(
        "stays",
        sa.Column("tenant", sa.String(31), sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told", sa.Boolean, nullable=False),
    )
    op.create_index("stays_by_time", "stays", ["arrived_at"])
