"""Webhooks: the secret addresses at which other systems tell what happens, each with the secret they sign with.

An address is kept as a keyed digest, which opens nothing; what the system signs with has to be had again, so it lies in
the vault, wrapped by its key. One webhook per tenant and source.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, Row, delete, select

from identity.addresses import Addresses
from identity.audit import AuditTrail, Event
from identity.database import insert_new, reading, writing
from identity.errors import AlreadyExists, InvalidValue
from identity.keys import MasterKey
from identity.renewal import Renewed
from identity.tables import WEBHOOKS
from identity.tenants import get_tenant

SECONDS = 2.0
"""How long a running process may go on as before after a webhook was added or removed."""

_PURPOSE = "webhook"
_ADDRESSES = "webhook addresses"
_LEAST_SECRET = 8


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook. `options` are the source's own, as JSON holds them; `secret` is what its system signs with."""

    tenant: str
    source: str
    options: Mapping[str, Any]
    created_at: datetime
    secret: bytes = field(repr=False)


def add_webhook(
    engine: Engine,
    master: MasterKey,
    trail: AuditTrail,
    tenant: str,
    source: str,
    secret: str,
    options: Mapping[str, Any],
    *,
    who: str,
    why: str,
) -> str:
    """Add a webhook and return its token, the secret end of its address, drawn at random and told never again.

    Raises InvalidValue, UnknownTenant, AlreadyExists, IdentityUnavailable.
    """
    if len(secret) < _LEAST_SECRET:
        raise InvalidValue(f"A webhook's secret has at least {_LEAST_SECRET} characters.")
    get_tenant(engine, tenant)
    token, digest = Addresses(master, _ADDRESSES).draw()
    row = {
        "tenant": tenant,
        "source": source,
        "digest": digest,
        "secret": master.wrap(secret.encode(), tenant=tenant, purpose=_PURPOSE, id=source),
        "options": json.dumps(dict(options), sort_keys=True),
        "created_at": datetime.now(UTC),
    }
    with writing(engine) as connection:
        insert_new(connection, WEBHOOKS, [row])
        query = select(WEBHOOKS.c.digest).where(WEBHOOKS.c.tenant == tenant, WEBHOOKS.c.source == source)
        if connection.scalar(query) != digest:
            raise AlreadyExists(
                f"Tenant {tenant!r} has a webhook of {source} already: remove it first for a new address or secret."
            )
        trail.append_to(connection, Event(tenant, who, "webhook-added", source, why))
    return token


def list_webhooks(engine: Engine, master: MasterKey, tenant: str) -> list[Webhook]:
    """Return the tenant's webhooks by source. Raises UnknownTenant, VaultUnavailable, IdentityUnavailable."""
    get_tenant(engine, tenant)
    query = select(WEBHOOKS).where(WEBHOOKS.c.tenant == tenant).order_by(WEBHOOKS.c.source)
    with reading(engine) as connection:
        return [_to_webhook(master, row) for row in connection.execute(query)]


def remove_webhook(engine: Engine, trail: AuditTrail, tenant: str, source: str, *, who: str, why: str) -> bool:
    """Forget a webhook, its address and its secret; returns whether there was one. Raises IdentityUnavailable."""
    with writing(engine) as connection:
        found = delete(WEBHOOKS).where(WEBHOOKS.c.tenant == tenant, WEBHOOKS.c.source == source)
        done = connection.execute(found)
        if done.rowcount:
            trail.append_to(connection, Event(tenant, who, "webhook-removed", source, why))
    return done.rowcount > 0


class Webhooks:
    """All webhooks, as they were SECONDS ago at most. Safe to use from several threads.

    They are few, and read together: so an address that nobody has costs no query, however often it is tried.
    """

    def __init__(self, engine: Engine, master: MasterKey, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._master = master
        self._addresses = Addresses(master, _ADDRESSES)
        self._known = Renewed(self._read, SECONDS, clock)

    def find(self, token: str) -> Webhook | None:
        """Return the webhook at this address, None where there is none; the same object while it does not change.

        May take a query. While the database does not answer, what it answered last holds. Raises IdentityUnavailable,
        VaultUnavailable where it never did.
        """
        return self._addresses.find(self._known.get(), token)

    def _read(self, before: dict[str, Webhook] | None) -> dict[str, Webhook]:
        with reading(self._engine) as connection:
            rows = connection.execute(select(WEBHOOKS)).all()
        found = {row.digest: _to_webhook(self._master, row) for row in rows}
        known = before or {}
        return {digest: known[digest] if known.get(digest) == one else one for digest, one in found.items()}


def _to_webhook(master: MasterKey, row: Row[Any]) -> Webhook:
    secret = master.unwrap(row.secret, tenant=row.tenant, purpose=_PURPOSE, id=row.source)
    return Webhook(row.tenant, row.source, json.loads(row.options), row.created_at, secret)
