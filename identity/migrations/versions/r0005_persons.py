"""Links between pseudonyms of one person, and restrictions of processing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of links, of restrictions, and of how often they have changed."""
    op.create_table(
        "person_revisions",
        sa.Column("tenant", sa.String(31), sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "links",
        sa.Column("tenant", sa.String(31), sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("pseudonym", sa.String(32), primary_key=True),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=True),
        sa.Column("rotated", sa.Boolean, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_index("links_by_person", "links", ["tenant", "person"])
    op.create_index("links_by_revision", "links", ["tenant", "revision"])
    op.create_table(
        "restrictions",
        sa.Column("tenant", sa.String(31), sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("pseudonym", sa.String(32), primary_key=True),
        sa.Column("ground", sa.String(16), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_index("restrictions_by_revision", "restrictions", ["tenant", "revision"])
