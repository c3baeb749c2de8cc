"""Where the xAPI profiles are kept that tenants bring (docs/profiles.md): each as the file that it came in."""

from __future__ import annotations

import hashlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, Engine, delete, insert, select

from identity.audit import AuditTrail, Event
from identity.database import reading, writing
from identity.errors import UnknownProfile
from identity.tables import PROFILES
from identity.tenants import get_tenant
from xapi_profiles.errors import InvalidProfile, Problem
from xapi_profiles.json_text import parse_json
from xapi_profiles.profile import Profile, check_profile
from xapi_profiles.profile_file import parse_profile
from xapi_profiles.templates import weigh_profile

MOST_PROFILES: Final = 20
MOST_LOOKUPS: Final = 300
"""What a tenant's profiles together may cost a statement (xapi_profiles.templates.weigh_profile): some 300 us."""
LONGEST_ID: Final = 500
_LIMIT: Final = "Jalon limits"


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """A profile of a tenant: `content` is the file that was added, `digest` its SHA-256."""

    id: str
    digest: str
    content: str
    added_at: datetime

    def read(self) -> Profile:
        """Return the profile. Raises InvalidProfile if another version of Jalon took it and this one does not."""
        return check_profile(parse_json(self.content.encode()))


def list_profiles(engine: Engine, tenant: str) -> list[StoredProfile]:
    """Return the profiles that a tenant brought, by id. Raises UnknownTenant, IdentityUnavailable."""
    get_tenant(engine, tenant)
    with reading(engine) as connection:
        return _select(connection, tenant)


def get_profile(engine: Engine, tenant: str, profile: str) -> StoredProfile:
    """Return one of them. Raises UnknownProfile, UnknownTenant, IdentityUnavailable."""
    found = next((one for one in list_profiles(engine, tenant) if one.id == profile), None)
    if found is None:
        raise UnknownProfile(tenant, profile)
    return found


def read_digests(engine: Engine, tenant: str) -> dict[str, str]:
    """Return the digest of each profile that a tenant brought, by id: it tells whether something changed."""
    columns = PROFILES.c
    with reading(engine) as connection:
        rows = connection.execute(select(columns.id, columns.digest).where(columns.tenant == tenant))
        return {row.id: row.digest for row in rows}


def add_profile(
    engine: Engine, audit: AuditTrail, tenant: str, raw: bytes, shipped: Iterable[Profile], *, who: str, why: str
) -> StoredProfile:
    """Check a file wholly, beside the profiles that come with Jalon and the tenant's others, and keep it.

    It takes the place of one with the same id; the same file again changes nothing. It counts for what is stored from
    now on. Raises InvalidProfile with all problems found, UnknownTenant, IdentityUnavailable.
    """
    get_tenant(engine, tenant)
    shipped = tuple(shipped)
    profile = parse_profile(raw, shipped)
    content = raw.removeprefix(BOM_UTF8).decode()
    new = StoredProfile(profile.id, hashlib.sha256(content.encode()).hexdigest(), content, datetime.now(UTC))
    with writing(engine) as connection:
        stored = _select(connection, tenant)
        old = next((one for one in stored if one.id == new.id), None)
        if old is not None and old.digest == new.digest:
            return old
        others = list(read_usable([one for one in stored if one.id != new.id]))
        parse_profile(raw, (*shipped, *others))
        if excesses := tuple(_find_excesses(profile, others)):
            raise InvalidProfile(excesses)
        _delete(connection, tenant, new.id)
        connection.execute(
            insert(PROFILES).values(tenant=tenant, id=new.id, digest=new.digest, content=content, added_at=new.added_at)
        )
        details = {"sha256": new.digest, "versions": [version.id for version in profile.versions]}
        if old is not None:
            details["replaced"] = old.digest
        audit.append_to(connection, Event(tenant, who, "profile-added", about=new.id, why=why, details=details))
    return new


def remove_profile(engine: Engine, audit: AuditTrail, tenant: str, profile: str, *, who: str, why: str) -> None:
    """Take a profile of a tenant away: what is stored from now on claims it no more.

    Raises UnknownProfile, UnknownTenant, IdentityUnavailable.
    """
    get_tenant(engine, tenant)
    with writing(engine) as connection:
        if not _delete(connection, tenant, profile):
            raise UnknownProfile(tenant, profile)
        audit.append_to(connection, Event(tenant, who, "profile-removed", about=profile, why=why))


def read_usable(stored: Iterable[StoredProfile]) -> Iterator[Profile]:
    """Yield the profiles without those that this version of Jalon does not take: they count in no worker either."""
    for one in stored:
        with suppress(InvalidProfile):
            yield one.read()


def _find_excesses(profile: Profile, others: Sequence[Profile]) -> Iterator[Problem]:
    if len(profile.id) > LONGEST_ID:
        yield Problem("/id", _LIMIT, f"expected {LONGEST_ID} characters or less", f"{len(profile.id)} characters")
    if len(others) >= MOST_PROFILES:
        yield Problem("", _LIMIT, f"expected {MOST_PROFILES} profiles of a tenant or less", f"{len(others)} others")
    mine, theirs = weigh_profile(profile), sum(map(weigh_profile, others))
    if mine + theirs > MOST_LOOKUPS:
        yield Problem(
            "/templates",
            _LIMIT,
            f"expected templates that look at most {MOST_LOOKUPS - theirs} times into a statement of one verb, of "
            f"the {MOST_LOOKUPS} for all profiles of a tenant (a child counts 1, * counts 4, .. counts 50)",
            str(mine),
        )


def _select(connection: Connection, tenant: str) -> list[StoredProfile]:
    columns = PROFILES.c
    rows = connection.execute(select(PROFILES).where(columns.tenant == tenant).order_by(columns.id))
    return [StoredProfile(row.id, row.digest, row.content, row.added_at) for row in rows]


def _delete(connection: Connection, tenant: str, profile: str) -> bool:
    columns = PROFILES.c
    done = connection.execute(delete(PROFILES).where(columns.tenant == tenant, columns.id == profile))
    return done.rowcount > 0
