"""The tables as queries see them. The schema itself is made by identity/migrations; a test holds both equal."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)


class Instant(TypeDecorator[datetime]):
    """A moment, always aware and in UTC; SQLite keeps no offset, so it is put back when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Return the moment in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Return the moment in UTC, aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


METADATA = MetaData()

TENANTS = Table(
    "tenants",
    METADATA,
    Column("id", String(31), primary_key=True),
    Column("name", Text, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
)

CREDENTIALS = Table(
    "credentials",
    METADATA,
    Column("key", String(128), primary_key=True),
    Column("tenant", String(31), ForeignKey("tenants.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("sees_identities", Boolean, nullable=False),
    Column("secret_hash", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant, nullable=True),
)

VIEWERS = Table(
    "viewers",
    METADATA,
    Column("name", String(128), primary_key=True),
    Column("tenant", String(31), ForeignKey("tenants.id"), nullable=False),
    Column("language", String(8), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant, nullable=True),
)

TENANT_KEYS = Table(
    "tenant_keys",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("purpose", String(32), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("wrapped", LargeBinary, nullable=False),
)

LEARNER_KEYS = Table(
    "learner_keys",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("pseudonym", String(32), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
)

DOCUMENTS = Table(
    "documents",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    # Keyed digests: of resource, activity and agent, and of the document's id (lrs/documents/sealing.py).
    Column("context", String(32), primary_key=True),
    Column("registration", String(36), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("resource", String(16), nullable=False),
    Column("agent", String(32), nullable=False),
    Column("stored_at", Instant, nullable=False),
    Column("label", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("documents_by_agent", "tenant", "agent"),
)
"""State and profile documents: `registration` and `agent` are "" where there is none, `label` and `content` sealed."""
