"""Viewers: the people who sign in to a tenant's boards."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, select

from identity.database import insert_new, reading, writing
from identity.errors import AlreadyExists, InvalidValue, WrongCredential
from identity.passwords import hash_secret, verify_secret
from identity.tables import VIEWERS
from identity.tenants import get_tenant

LANGUAGES = ("fr", "en")

_NAME = re.compile(r"[^\s\x00-\x1f]{1,128}")
_MIN_PASSWORD = 8


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who may look at one tenant's boards. `name` is unique in the installation: it is the login."""

    name: str
    tenant: str
    language: str


def add_viewer(
    engine: Engine, tenant: str, name: str, password: str | None = None, *, language: str = "fr"
) -> tuple[Viewer, str]:
    """Add a viewer and return it with its password, which is kept as a hash only.

    The password is drawn at random unless given. Again with the same values changes nothing.
    Raises InvalidValue, UnknownTenant, AlreadyExists, IdentityUnavailable.
    """
    viewer = Viewer(name=name, tenant=tenant, language=language)
    password = secrets.token_urlsafe(12) if password is None else password
    if not _NAME.fullmatch(name):
        raise InvalidValue("A viewer's name has 1 to 128 characters and no spaces.")
    if len(password) < _MIN_PASSWORD:
        raise InvalidValue(f"A viewer's password has at least {_MIN_PASSWORD} characters.")
    if language not in LANGUAGES:
        raise InvalidValue(f"A viewer's language is one of: {', '.join(LANGUAGES)}.")
    get_tenant(engine, tenant)
    row = {
        "name": name,
        "tenant": tenant,
        "language": language,
        "password_hash": hash_secret(password),
        "created_at": datetime.now(UTC),
    }
    with writing(engine) as connection:
        insert_new(connection, VIEWERS, [row])
        stored = connection.execute(select(VIEWERS).where(VIEWERS.c.name == name)).one()
    ours = stored.password_hash == row["password_hash"]
    same = stored.disabled_at is None and Viewer(stored.name, stored.tenant, stored.language) == viewer
    if not ours and not (same and verify_secret(stored.password_hash, password)):
        raise AlreadyExists("There is a viewer of that name already, and it differs: take another name.")
    return viewer, password


def authenticate_viewer(engine: Engine, name: str, password: str) -> Viewer:
    """Return the viewer that `name` and `password` belong to.

    Takes some 20 ms, for an unknown name too: call it in a thread. Raises WrongCredential, IdentityUnavailable.
    """
    # A name that none can have is looked up all the same, as one that none has.
    sought = name if _NAME.fullmatch(name) else ""
    with reading(engine) as connection:
        row = connection.execute(
            select(VIEWERS).where(VIEWERS.c.name == sought, VIEWERS.c.disabled_at.is_(None))
        ).one_or_none()
    if not verify_secret(None if row is None else row.password_hash, password) or row is None:
        raise WrongCredential
    return Viewer(name=row.name, tenant=row.tenant, language=row.language)
