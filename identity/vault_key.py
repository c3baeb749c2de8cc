"""The vault's own key: it wraps every other key, and is itself kept in the database, wrapped by the master key.

Processes open it once, when they start. Whatever has to outlive a change of the master key (wrapped keys, the chain of
the audit trail, signatures of receipts) hangs on it, so that change is one row, written while everything runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, distinct, func, select, update

from identity.audit import AuditTrail, Event
from identity.database import insert_new, reading, writing
from identity.errors import MasterKeyUnusable, VaultUnavailable
from identity.keys import MasterKey, draw_key
from identity.master_key import KeyFile, MasterKeySource
from identity.tables import LEARNER_KEYS, TENANT_KEYS, VAULT_KEY

_NUMBER = 1
_NO_VAULT = "There is no vault yet: `jalon up` or `jalon migrate` makes it."


@dataclass(frozen=True, slots=True)
class VaultState:
    """How a vault is kept. `source` is the kind of place its master key is in, "" while there is no vault yet."""

    source: str
    wrapped_at: datetime | None
    tenants: int
    learner_keys: int


def open_vault_key(engine: Engine, source: MasterKeySource) -> MasterKey:
    """Return the vault's key, made when there is none; several processes that do so at once get the same.

    Raises MasterKeyUnusable when the master key is missing or another than the vault's, VaultUnavailable when the
    database or the key service does not answer.
    """
    row = _read(engine)
    if row is None:
        values = {"number": _NUMBER, **_wrap(source, draw_key())}
        with writing(engine, VaultUnavailable) as connection:
            insert_new(connection, VAULT_KEY, [values])
            row = connection.execute(select(VAULT_KEY)).one()
    return MasterKey(_unwrap(source, row))


def inspect_vault(engine: Engine) -> VaultState:
    """Return how the vault is kept and what it holds; opens nothing. Raises VaultUnavailable."""
    with reading(engine, VaultUnavailable) as connection:
        row = connection.execute(select(VAULT_KEY)).one_or_none()
        tenants = connection.execute(select(func.count(distinct(TENANT_KEYS.c.tenant)))).scalar_one()
        learner_keys = connection.execute(select(func.count()).select_from(LEARNER_KEYS)).scalar_one()
    return VaultState(row.source if row else "", row.wrapped_at if row else None, tenants, learner_keys)


def check_vault(engine: Engine, source: MasterKeySource) -> None:
    """Open the vault's key and with it every key of every tenant. Makes nothing.

    Raises MasterKeyUnusable, VaultUnavailable for the first that does not open.
    """
    row = _read(engine)
    if row is None:
        raise MasterKeyUnusable(_NO_VAULT)
    key = MasterKey(_unwrap(source, row))
    with reading(engine, VaultUnavailable) as connection:
        rows = connection.execute(select(TENANT_KEYS)).all()
    for each in rows:
        key.unwrap(each.wrapped, tenant=each.tenant, purpose=each.purpose, id=str(each.version))


def replace_master_key(engine: Engine, current: MasterKeySource, new: MasterKeySource, *, who: str, why: str) -> None:
    """Wrap the vault's key by `new` instead of `current`, and tell the audit trail: both or neither.

    Processes that run have opened the vault and go on. With one and the same file, that file gets a new key. Broken off
    at any moment, it is simply done again. Raises MasterKeyUnusable, VaultUnavailable.
    """
    row = _read(engine)
    if row is None:
        raise MasterKeyUnusable(_NO_VAULT)
    key = _unwrap(current, row)
    renewed = new if isinstance(new, KeyFile) and isinstance(current, KeyFile) and new.path == current.path else None
    if renewed:
        renewed.begin_renewal()
    values = _wrap(new, key)
    if new.unwrap(values["wrapped"]) != key:
        raise MasterKeyUnusable(f"{new} does not give back what it encrypts; nothing was changed.")
    event = Event("", who, "master-key-replaced", why=why, details={"from": current.kind, "to": new.kind})
    trail = AuditTrail(engine, MasterKey(key))
    with writing(engine, VaultUnavailable) as connection:
        _exchange(connection, row, values)
        trail.append_to(connection, event)
    if renewed:
        renewed.end_renewal()


def _read(engine: Engine) -> Row[Any] | None:
    with reading(engine, VaultUnavailable) as connection:
        return connection.execute(select(VAULT_KEY)).one_or_none()


def _wrap(source: MasterKeySource, key: bytes) -> dict[str, Any]:
    return {"source": source.kind, "wrapped": source.wrap(key), "wrapped_at": datetime.now(UTC)}


def _unwrap(source: MasterKeySource, row: Row[Any]) -> bytes:
    if row.source != source.kind:
        raise MasterKeyUnusable(
            f"The master key of this vault comes from the source {row.source!r}, and the settings say "
            f"{source.kind!r}: set JALON_MASTER_KEY_SOURCE={row.source}."
        )
    return source.unwrap(row.wrapped)


def _exchange(connection: Connection, row: Row[Any], values: dict[str, Any]) -> None:
    changed = connection.execute(
        update(VAULT_KEY).where(VAULT_KEY.c.number == _NUMBER, VAULT_KEY.c.wrapped == row.wrapped).values(**values)
    )
    if changed.rowcount != 1:
        raise VaultUnavailable("Another command has just replaced the master key: look with `jalon vault check`.")
