"""A tenant's state, the limits of its analysts, and their logins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every tenant active, with the usual limits."""
    op.add_column("tenants", sa.Column("state", sa.String(16), nullable=False, server_default="active"))
    op.add_column("tenants", sa.Column("query_seconds", sa.Integer, nullable=False, server_default="30"))
    op.add_column("tenants", sa.Column("query_mib", sa.Integer, nullable=False, server_default="1024"))
    op.add_column("tenants", sa.Column("query_rows", sa.BigInteger, nullable=False, server_default="100000000"))
    op.add_column("tenants", sa.Column("hour_seconds", sa.Integer, nullable=False, server_default="1200"))
    op.add_column("tenants", sa.Column("removal", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "analysts",
        sa.Column("tenant", sa.String(31), sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("name", sa.String(22), primary_key=True),
        sa.Column("password_hash", sa.String(64), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
