"""Accounts: the people who sign in, how they prove who they are, and which roles they have.

A person signs in with a password that is theirs, or as the subject of the installation's identity provider. A name
proves nothing: a subject that the provider names is another person than the account of the same name until an
operator says otherwise. Every change is told to the audit trail in the same transaction.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from identity.attempts import Attempts
from identity.audit import AuditTrail, Event
from identity.database import insert_new, reading, writing
from identity.errors import AlreadyExists, InvalidValue, NoRole, UnknownAccount, UnknownTenant, WrongCredential
from identity.keys import MasterKey
from identity.passwords import hash_secret, verify_secret
from identity.roles import Role
from identity.tables import ACCOUNTS, ROLES, SESSIONS, TENANTS

LANGUAGES = ("fr", "en")
LEAST_PASSWORD = 12
MOST_PASSWORD = 512

_NAME = re.compile(r"[^\s\x00-\x1f]{1,128}")
_MOST_SUBJECT = 255  # OpenID Connect Core, section 2


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in. `name` is unique in the installation."""

    name: str
    language: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """An account as an operator sees it; its password cannot be shown."""

    account: Account
    has_password: bool
    subject: str | None
    created_at: datetime
    disabled_at: datetime | None


class Accounts:
    """The accounts of an installation. Everything here may block, and raises IdentityUnavailable.

    `by` and `why` are what the audit trail is told: who changed something (`operator:NAME`), and the reason.
    """

    def __init__(self, engine: Engine, master: MasterKey, *, attempts: Attempts | None = None) -> None:
        self._engine = engine
        self._audit = AuditTrail(engine, master)
        self._attempts = attempts or Attempts(engine, master)

    def add(
        self,
        name: str,
        roles: Collection[Role] = (),
        *,
        by: str,
        why: str = "",
        password: str | None = None,
        language: str = "fr",
    ) -> tuple[Account, str]:
        """Add somebody with a password and return both; the password is drawn at random unless given.

        Again with the same values changes nothing. Raises InvalidValue, UnknownTenant, AlreadyExists.
        """
        password = secrets.token_urlsafe(12) if password is None else password
        account = Account(name, language, frozenset(roles))
        _check_name(name, language)
        row = _to_row(account, password_hash=_hash_password(password))
        stored = self._insert(account, row, by, why)
        if stored.password_hash != row["password_hash"] and not verify_secret(stored.password_hash, password):
            raise _taken()
        return account, password

    def add_subject(
        self,
        name: str,
        subject: str,
        roles: Collection[Role] = (),
        *,
        by: str,
        why: str = "",
        language: str = "fr",
    ) -> Account:
        """Add somebody who signs in as this subject (`sub`) of the identity provider, and without a password.

        Again with the same values changes nothing. Raises InvalidValue, UnknownTenant, AlreadyExists.
        """
        account = Account(name, language, frozenset(roles))
        _check_name(name, language)
        if not 0 < len(subject) <= _MOST_SUBJECT:
            raise InvalidValue(f"A subject of an identity provider has 1 to {_MOST_SUBJECT} characters.")
        with reading(self._engine) as connection:
            same = connection.scalar(select(ACCOUNTS.c.name).where(ACCOUNTS.c.subject == subject))
        if same not in {None, name}:
            raise AlreadyExists("There is an account with that subject already, under another name.")
        self._insert(account, _to_row(account, subject=subject), by, why)
        return account

    def find(self, name: str) -> ListedAccount:
        """Return the account of this name. Raises UnknownAccount."""
        with reading(self._engine) as connection:
            row = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.name == name)).one_or_none()
            if row is None:
                raise UnknownAccount
            return _to_listed(row, _read_roles(connection, name))

    def list_all(self, tenant: str | None = None) -> list[ListedAccount]:
        """Return the accounts by name, disabled ones too: all, or those with a role at `tenant` or at every tenant."""
        with reading(self._engine) as connection:
            roles: dict[str, set[Role]] = {}
            for row in connection.execute(select(ROLES)):
                roles.setdefault(row.account, set()).add(Role(row.tenant, row.role))
            rows = connection.execute(select(ACCOUNTS).order_by(ACCOUNTS.c.name)).all()
        listed = [_to_listed(row, frozenset(roles.get(row.name, ()))) for row in rows]
        if tenant is None:
            return listed
        return [each for each in listed if any(role.tenant in {"", tenant} for role in each.account.roles)]

    def grant(self, name: str, role: Role, *, by: str, why: str = "") -> bool:
        """Give a role, at once in running processes; returns whether it is new. Raises UnknownAccount, UnknownTenant.

        A role that the identity provider gave becomes one that stays without it.
        """
        with writing(self._engine) as connection:
            _require(connection, name)
            _check_tenants(connection, [role])
            held = select(ROLES).where(*_is(name, role))
            row = connection.execute(held).one_or_none()
            if row is not None and not row.claimed:
                return False
            connection.execute(delete(ROLES).where(*_is(name, role)))
            _insert_roles(connection, name, [role], claimed=False)
            self._audit.append_to(connection, _tell(role, by, "role-granted", name, why))
        return True

    def revoke(self, name: str, role: Role, *, by: str, why: str = "") -> bool:
        """Take a role away, at once in running processes; returns whether it was held. Raises UnknownAccount.

        What the identity provider goes on saying comes back with the next sign-in.
        """
        with writing(self._engine) as connection:
            _require(connection, name)
            if not connection.execute(delete(ROLES).where(*_is(name, role))).rowcount:
                return False
            self._audit.append_to(connection, _tell(role, by, "role-revoked", name, why))
        return True

    def set_password(self, name: str, password: str | None = None, *, by: str, why: str = "") -> str:
        """Set a password, drawn at random unless given, and return it; ends the account's sessions at once.

        Raises UnknownAccount, InvalidValue.
        """
        password = secrets.token_urlsafe(12) if password is None else password
        hashed = _hash_password(password)
        with writing(self._engine) as connection:
            _require(connection, name)
            connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.name == name).values(password_hash=hashed))
            _end_sessions(connection, name)
            self._attempts.forget(connection, name)
            self._audit.append_to(connection, _tell_account(by, "password-set", name, why))
        return password

    def disable(self, name: str, *, by: str, why: str = "") -> bool:
        """Refuse the account from now on and end its sessions at once; returns whether it was in use.

        Raises UnknownAccount.
        """
        with writing(self._engine) as connection:
            row = _require(connection, name)
            if row.disabled_at is not None:
                return False
            now = datetime.now(UTC)
            connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.name == name).values(disabled_at=now))
            _end_sessions(connection, name)
            self._audit.append_to(connection, _tell_account(by, "account-disabled", name, why))
        return True

    def enable(self, name: str, *, by: str, why: str = "") -> bool:
        """Let the account sign in again, also after too many failures; returns whether anything was in its way.

        Raises UnknownAccount.
        """
        with writing(self._engine) as connection:
            row = _require(connection, name)
            failed = self._attempts.forget(connection, name)
            if row.disabled_at is None and not failed:
                return False
            connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.name == name).values(disabled_at=None))
            self._audit.append_to(connection, _tell_account(by, "account-enabled", name, why))
        return True

    def authenticate(self, name: str, password: str, address: str) -> Account:
        """Return the account that name and password belong to.

        Takes some 20 ms, for a name that nobody has too: call it in a thread. Raises LockedOut after too many
        failures of the name or from the address, WrongCredential.
        """
        self._attempts.begin(name, address)
        # A name that none can have is looked up all the same, as one that none has.
        sought = name if _NAME.fullmatch(name) else ""
        with reading(self._engine) as connection:
            row = connection.execute(
                select(ACCOUNTS).where(ACCOUNTS.c.name == sought, ACCOUNTS.c.disabled_at.is_(None))
            ).one_or_none()
            roles = _read_roles(connection, sought)
        if not verify_secret(None if row is None else row.password_hash, password) or row is None:
            raise WrongCredential
        self._attempts.succeed(name, address)
        return Account(row.name, row.language, roles)

    def admit_subject(self, subject: str, names: Sequence[str], claimed: Iterable[Role]) -> Account:
        """Return the account of a subject that the identity provider has just named; call it in a thread.

        Who has no account yet gets one, under the first of `names` that is free, if a role is claimed for them.
        The claimed roles of last time are replaced by these; those of tenants that are not here are left out.
        Raises WrongCredential for a disabled account, NoRole, AlreadyExists when no name is free.
        """
        with writing(self._engine) as connection:
            known = set(connection.scalars(select(TENANTS.c.id)))
            roles = {role for role in claimed if not role.tenant or role.tenant in known}
            row = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.subject == subject)).one_or_none()
            if row is not None and row.disabled_at is not None:
                raise WrongCredential
            if row is None and not roles:
                raise NoRole
            events: list[Event] = []
            if row is None:
                account = Account(_choose_name(connection, names), LANGUAGES[0], frozenset())
                connection.execute(insert(ACCOUNTS), [_to_row(account, subject=subject)])
                events.append(_tell_account("process:boards", "account-added", account.name, ""))
                name, language = account.name, account.language
            else:
                name, language = row.name, row.language
            events += _replace_claimed(connection, name, roles)
            if events:
                self._audit.append_to(connection, *events)
            return Account(name, language, _read_roles(connection, name))

    def _insert(self, account: Account, row: dict[str, Any], by: str, why: str) -> Row[Any]:
        """Insert an account, or find the same one; returns its row. Raises AlreadyExists, UnknownTenant."""
        with writing(self._engine) as connection:
            _check_tenants(connection, account.roles)
            insert_new(connection, ACCOUNTS, [row])
            stored = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.name == account.name)).one_or_none()
            if stored is None:  # the subject was taken meanwhile
                raise _taken()
            if stored.created_at == row["created_at"]:
                _insert_roles(connection, account.name, account.roles, claimed=False)
                event = _tell_account(by, "account-added", account.name, why)
                self._audit.append_to(
                    connection, event, *(_tell(r, by, "role-granted", account.name, why) for r in sorted(account.roles))
                )
                return stored
            same = (
                stored.disabled_at is None
                and (stored.language, stored.subject) == (row["language"], row["subject"])
                and _read_roles(connection, account.name) == account.roles
            )
        if not same:
            raise _taken()
        return stored


def remove_people(connection: Connection, tenant: str) -> None:
    """Take away every role for a tenant, and the accounts that have no other, in the transaction that removes it."""
    theirs = ROLES.c.tenant == tenant
    names = connection.scalars(select(ROLES.c.account).where(theirs).distinct()).all()
    connection.execute(delete(ROLES).where(theirs))
    connection.execute(delete(SESSIONS).where(SESSIONS.c.tenant == tenant))
    for name in set(names) - set(connection.scalars(select(ROLES.c.account).distinct())):
        _end_sessions(connection, name)
        connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.name == name))


def _check_name(name: str, language: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidValue("The name of an account has 1 to 128 characters and no spaces.")
    if language not in LANGUAGES:
        raise InvalidValue(f"The language of an account is one of: {', '.join(LANGUAGES)}.")


def _hash_password(password: str) -> str:
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise InvalidValue(f"A password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters.")
    return hash_secret(password)


def _to_row(account: Account, *, password_hash: str | None = None, subject: str | None = None) -> dict[str, Any]:
    return {
        "name": account.name,
        "language": account.language,
        "password_hash": password_hash,
        "subject": subject,
        "created_at": datetime.now(UTC),
        "disabled_at": None,
    }


def _to_listed(row: Row[Any], roles: frozenset[Role]) -> ListedAccount:
    account = Account(row.name, row.language, roles)
    return ListedAccount(account, row.password_hash is not None, row.subject, row.created_at, row.disabled_at)


def _taken() -> AlreadyExists:
    return AlreadyExists(
        "There is an account of that name already, and it differs: take another name, or change it with "
        "`jalon account grant`, `revoke` or `set-password`."
    )


def _require(connection: Connection, name: str) -> Row[Any]:
    row = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.name == name).with_for_update()).one_or_none()
    if row is None:
        raise UnknownAccount
    return row


def _check_tenants(connection: Connection, roles: Iterable[Role]) -> None:
    known = set(connection.scalars(select(TENANTS.c.id)))
    for role in sorted(roles):
        if role.tenant and role.tenant not in known:
            raise UnknownTenant(role.tenant)


def _choose_name(connection: Connection, names: Sequence[str]) -> str:
    for name in names:
        if _NAME.fullmatch(name):
            taken = connection.scalar(select(ACCOUNTS.c.name).where(ACCOUNTS.c.name == name))
            if taken is None:
                return name
    raise AlreadyExists("Every name that the identity provider gives for this person is another account's.")


def _is(name: str, role: Role) -> tuple[Any, ...]:
    return ROLES.c.account == name, ROLES.c.tenant == role.tenant, ROLES.c.role == role.name


def _read_roles(connection: Connection, name: str) -> frozenset[Role]:
    rows = connection.execute(select(ROLES.c.tenant, ROLES.c.role).where(ROLES.c.account == name))
    return frozenset(Role(row.tenant, row.role) for row in rows)


def _insert_roles(connection: Connection, name: str, roles: Iterable[Role], *, claimed: bool) -> None:
    rows = [{"account": name, "tenant": role.tenant, "role": role.name, "claimed": claimed} for role in roles]
    if rows:
        connection.execute(insert(ROLES), rows)


def _replace_claimed(connection: Connection, name: str, roles: set[Role]) -> list[Event]:
    """Make these the claimed roles, beside those that were granted; returns what changed."""
    held = connection.execute(select(ROLES).where(ROLES.c.account == name)).all()
    before = {Role(row.tenant, row.role) for row in held if row.claimed}
    granted = {Role(row.tenant, row.role) for row in held if not row.claimed}
    for role in before - roles:
        connection.execute(delete(ROLES).where(*_is(name, role)))
    _insert_roles(connection, name, roles - granted - before, claimed=True)
    return [
        *(_tell(role, "process:boards", "role-granted", name, "claimed") for role in sorted(roles - granted - before)),
        *(_tell(role, "process:boards", "role-revoked", name, "claimed") for role in sorted(before - roles)),
    ]


def _end_sessions(connection: Connection, name: str) -> None:
    connection.execute(delete(SESSIONS).where(SESSIONS.c.account == name))


def _tell(role: Role, by: str, action: str, name: str, why: str) -> Event:
    return Event(role.tenant, by, action, f"person:{name}", why, {"role": role.name})


def _tell_account(by: str, action: str, name: str, why: str) -> Event:
    return Event("", by, action, f"person:{name}", why)
