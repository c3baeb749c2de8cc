"""Tombstones of those who were erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of erasures."""
    op.create_table(
        "erasures",
        sa.Column("tenant", sa.String(31), primary_key=True),
        sa.Column("pseudonym", sa.String(32), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("later", sa.String(16), nullable=False),
        sa.Column("receipt", sa.Text, nullable=True),
    )
    op.create_index("erasures_by_number", "erasures", ["number"])
