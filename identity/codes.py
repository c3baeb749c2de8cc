"""Codes with which learners sign in at a room's tablet: short, and good for one session and some days only.

A code is kept as a keyed digest, which nobody can find by trying all codes without the vault's key, and beside it,
sealed, whose it is. It goes when its days are over, and with an erasure of its learner (identity/erasures.py).
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, select

from identity.audit import AuditTrail, Event
from identity.database import insert_new, reading, writing
from identity.errors import InvalidValue
from identity.keys import MasterKey
from identity.pseudonyms import identify, pseudonym
from identity.tables import CODES
from identity.tenants import get_tenant
from identity.vault import Vault

DIGITS = 8

_PURPOSE = "code"
_LOOK_UP = "check-in codes"
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a code is: an agent with what identifies it, and a name ('' for none)."""

    ifi: Mapping[str, Any]
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class CodeFound:
    """Whose a code is, and for which session."""

    session: str
    holder: Holder


def make_codes(
    vault: Vault,
    master: MasterKey,
    trail: AuditTrail,
    tenant: str,
    session: str,
    holders: Sequence[Holder],
    *,
    since: datetime,
    until: datetime,
    anew: bool = False,
    who: str,
    why: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[str | None]:
    """Make a code for each holder, good from `since` to `until`, and return them in that order, told never again.

    Who has a code for the session then gets None, or with `anew` another one instead. Codes whose time is over are
    deleted. Raises InvalidValue, UnknownTenant, IdentityUnavailable, VaultUnavailable.
    """
    if not session.strip():
        raise InvalidValue("Codes are made for a session: name it.")
    if since >= until or until <= now():
        raise InvalidValue("Codes are good for some time to come: their last day is over, or before their first.")
    get_tenant(vault.engine, tenant)
    keys = vault.tenant_keys(tenant)
    names = [pseudonym(keys, _identify(holder)) for holder in holders]
    key = master.derive(_LOOK_UP)
    with writing(vault.engine) as connection:
        connection.execute(delete(CODES).where(CODES.c.valid_until <= now()))
        if anew:
            _delete(connection, tenant, session, names)
        having = _list_having(connection, tenant, session, names, until)
        made: list[str | None] = []
        for holder, name in zip(holders, names, strict=True):
            if name in having:
                made.append(None)
                continue
            having.add(name)
            code = _draw(connection, key, tenant)
            digest = _digest(key, tenant, code)
            told = json.dumps({"ifi": dict(holder.ifi), "name": holder.name}).encode()
            row = {
                "tenant": tenant,
                "digest": digest,
                "pseudonym": name,
                "session": session,
                "holder": master.wrap(told, tenant=tenant, purpose=_PURPOSE, id=digest),
                "valid_since": since,
                "valid_until": until,
            }
            insert_new(connection, CODES, [row])
            made.append(code)
        details = {"session": session, "codes": sum(code is not None for code in made)}
        trail.append_to(connection, Event(tenant, who, "codes-made", session, why, details))
    return made


def find_code(engine: Engine, master: MasterKey, tenant: str, code: str, *, now: datetime) -> CodeFound | None:
    """Return whose a code is that is good now, None for any other. Raises IdentityUnavailable, VaultUnavailable."""
    digest = _digest(master.derive(_LOOK_UP), tenant, code)
    columns = CODES.c
    query = select(CODES).where(
        columns.tenant == tenant, columns.digest == digest, columns.valid_since <= now, columns.valid_until > now
    )
    with reading(engine) as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else _to_found(master, row)


def _identify(holder: Holder) -> str:
    identifier = identify(dict(holder.ifi))
    if identifier is None:
        raise InvalidValue("A code is for somebody who is identified.")
    return identifier


def _delete(connection: Connection, tenant: str, session: str, names: Sequence[str]) -> None:
    columns = CODES.c
    for start in range(0, len(names), _AT_ONCE):
        part = names[start : start + _AT_ONCE]
        connection.execute(
            delete(CODES).where(columns.tenant == tenant, columns.session == session, columns.pseudonym.in_(part))
        )


def _list_having(connection: Connection, tenant: str, session: str, names: Sequence[str], until: datetime) -> set[str]:
    """Return who has a code for the session that is good for as long."""
    columns = CODES.c
    query = select(columns.pseudonym).where(
        columns.tenant == tenant, columns.session == session, columns.valid_until >= until
    )
    return set(connection.scalars(query)) & set(names)


def _draw(connection: Connection, key: bytes, tenant: str) -> str:
    while True:
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        taken = select(CODES.c.digest).where(CODES.c.tenant == tenant, CODES.c.digest == _digest(key, tenant, code))
        if connection.scalar(taken) is None:
            return code


def _digest(key: bytes, tenant: str, code: str) -> str:
    return hmac.digest(key, f"{tenant}\0{code}".encode("utf-8", "surrogatepass"), "sha256").hex()


def _to_found(master: MasterKey, row: Row[Any]) -> CodeFound:
    told = json.loads(master.unwrap(row.holder, tenant=row.tenant, purpose=_PURPOSE, id=row.digest))
    return CodeFound(row.session, Holder(told["ifi"], told["name"]))
