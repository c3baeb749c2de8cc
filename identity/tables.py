"""The tables as queries see them. The schema itself is made by identity/migrations; a test holds both equal."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
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
    Column("state", String(16), nullable=False, server_default="active"),
    Column("query_seconds", Integer, nullable=False, server_default="30"),
    Column("query_mib", Integer, nullable=False, server_default="1024"),
    Column("query_rows", BigInteger, nullable=False, server_default="100000000"),
    Column("hour_seconds", Integer, nullable=False, server_default="1200"),
    Column("removal", Text, nullable=False, server_default=""),
)
"""A removed tenant's row stays as its tombstone (identity/removal.py), with `removal` in JSON."""

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

AUDIT = Table(
    "audit",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("tenant", String(31), nullable=False),
    Column("who", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("about", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Index("audit_by_tenant", "tenant", "number"),
)
"""The audit trail (identity/audit.py). No key to tenants: what was done for one outlives it."""

VAULT_KEY = Table(
    "vault_key",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("source", String(16), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("wrapped_at", Instant, nullable=False),
)
"""The key that wraps every other one, itself wrapped by the master key (identity/vault_key.py): one row, number 1."""

PERSON_REVISIONS = Table(
    "person_revisions",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("revision", BigInteger, nullable=False),
)
"""How often links and restrictions of a tenant have changed: who copies them knows by it what is missing."""

LINKS = Table(
    "links",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("pseudonym", String(32), primary_key=True),
    Column("person", String(32), nullable=False),
    Column("since", BigInteger, nullable=True),
    Column("rotated", Boolean, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Index("links_by_person", "tenant", "person"),
    Index("links_by_revision", "tenant", "revision"),
)
"""Which pseudonym counts as which other one (identity/links.py); `person` is "" where a link was taken back."""

RESTRICTIONS = Table(
    "restrictions",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("pseudonym", String(32), primary_key=True),
    Column("ground", String(16), nullable=False),
    Column("since", Instant, nullable=False),
    Column("released_at", Instant, nullable=True),
    Column("revision", BigInteger, nullable=False),
    Index("restrictions_by_revision", "tenant", "revision"),
)
"""Whose processing is paused, or was (identity/restrictions.py)."""

ERASURES = Table(
    "erasures",
    METADATA,
    Column("tenant", String(31), primary_key=True),
    Column("pseudonym", String(32), primary_key=True),
    # The erasure's entry in the audit trail.
    Column("number", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("later", String(16), nullable=False),
    Column("receipt", Text, nullable=True),
    Index("erasures_by_number", "number"),
)
"""Tombstones of erased persons (identity/erasures.py). No key to tenants: they outlive what they are about."""

ANALYSTS = Table(
    "analysts",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("name", String(22), primary_key=True),
    Column("password_hash", String(64), nullable=False),
    Column("salt", String(32), nullable=False),
    Column("created_at", Instant, nullable=False),
)
"""Logins of ClickHouse; hash and salt are as ClickHouse takes them (identity/analysts.py)."""

RETENTION_RULES = Table(
    "retention_rules",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("purpose", String(63), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("days", Integer, nullable=True),
    Column("covers", Text, nullable=False),
)
"""How long a tenant keeps what (identity/retention.py). `days` is null where it is kept; `covers` is JSON: the sources,
verbs and types of activities of a named purpose."""

DEPARTING = Table(
    "departing",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("pseudonym", String(32), primary_key=True),
)
"""Learners some of whose data is being deleted: whether anything is left of them is found out when it is done."""

DUTIES = Table(
    "duties",
    METADATA,
    Column("name", String(63), primary_key=True),
    Column("tenant", String(31), primary_key=True),
    Column("day", String(10), nullable=False),
    Column("holder", String(64), nullable=False),
    Column("held_until", Instant, nullable=True),
    Column("began_at", Instant, nullable=True),
    Column("ended_at", Instant, nullable=True),
    Column("outcome", Text, nullable=False),
)
"""What is done regularly, for each tenant (identity/duties.py): for which local day it was last begun, and by whom. No
key to tenants: `tenant` is "" for what concerns the whole installation."""

ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("name", String(128), primary_key=True),
    Column("language", String(8), nullable=False),
    Column("password_hash", Text, nullable=True),
    Column("subject", String(255), nullable=True, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant, nullable=True),
)
"""People who sign in: with a password, or as the `subject` of the identity provider, or either way."""

ROLES = Table(
    "roles",
    METADATA,
    Column("account", String(128), ForeignKey("accounts.name"), primary_key=True),
    Column("tenant", String(31), primary_key=True),
    Column("role", String(32), primary_key=True),
    Column("claimed", Boolean, nullable=False),
)
"""`tenant` is "" for the operator's role; `claimed` is what the identity provider said, renewed at each sign-in."""

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("account", String(128), ForeignKey("accounts.name"), nullable=False),
    Column("tenant", String(31), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Index("sessions_by_account", "account"),
)
"""Who is signed in: `digest` is keyed, of what the cookie holds; `tenant` is "" until one is chosen."""

SIGN_IN_FAILURES = Table(
    "sign_in_failures",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("level", Float, nullable=False),
    Column("counted_at", Instant, nullable=False),
    Column("paused_until", Instant, nullable=False),
    Index("sign_in_failures_by_time", "counted_at"),
)
"""Keyed digests of names and addresses that failed lately (identity/attempts.py)."""

POLICIES = Table(
    "policies",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("content", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)
"""What a tenant keeps, seals, hashes or drops (identity/policy.py): the highest version is in force."""

PROFILES = Table(
    "profiles",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("id", String(500), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("content", Text, nullable=False),
    Column("added_at", Instant, nullable=False),
)
"""xAPI profiles that tenants brought, as the files that they came in (identity/profiles.py); `digest` is of those."""

WEBHOOKS = Table(
    "webhooks",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("source", String(63), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("secret", LargeBinary, nullable=False),
    Column("options", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)
"""Where other systems tell what happens (identity/webhooks.py): `digest` is keyed, of the address; `secret` wrapped."""

CONNECTIONS = Table(
    "connections",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("facts", LargeBinary, nullable=False),
    Column("noted_at", Instant, nullable=False),
    Index("connections_by_time", "noted_at"),
)
"""What a webhook's later events need of an earlier one, for a day (identity/connections.py)."""

TABLETS = Table(
    "tablets",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("room", String(200), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("sessions", Text, nullable=False),
    Column("emails", Boolean, nullable=False),
    Column("home", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)
"""Screens at which learners sign in (identity/tablets.py): `digest` is keyed, of the address; `sessions` is JSON."""

CODES = Table(
    "codes",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("pseudonym", String(32), nullable=False),
    Column("session", Text, nullable=False),
    Column("holder", LargeBinary, nullable=False),
    Column("valid_since", Instant, nullable=False),
    Column("valid_until", Instant, nullable=False),
    Index("codes_by_pseudonym", "tenant", "pseudonym"),
    Index("codes_by_time", "valid_until"),
)
"""What learners sign in with (identity/codes.py): `digest` is keyed, of the code; `holder` sealed."""

STAYS = Table(
    "stays",
    METADATA,
    Column("tenant", String(31), ForeignKey("tenants.id"), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("arrived_at", Instant, nullable=False),
    Column("left_at", Instant, nullable=True),
    Column("told", Boolean, nullable=False),
    Index("stays_by_time", "arrived_at"),
)
"""Who is in which room now (identity/stays.py), under keyed digests, for a day."""
