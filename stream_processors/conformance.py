"""How statements stand to the profiles that they claim: by which profiles, and what may be told of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from identity.profiles import list_profiles, read_digests
from identity.renewal import RenewedByTenant
from identity.sealing import Sealed
from stream_processors.reading import Candidate
from xapi_profiles.activities import type_of
from xapi_profiles.errors import InvalidProfile
from xapi_profiles.profile import Profile, load_profiles
from xapi_profiles.templates import Conformance, ConformanceChecker

logger = logging.getLogger(__name__)

PROFILE_SECONDS = 2.0
"""For how long a worker may go on with a tenant's profiles before; longer only while the database does not answer."""

_RELATIONS = ("parent", "grouping", "category", "other")


@dataclass(frozen=True, slots=True)
class _Known:
    """A tenant's checker, and the digests of the tenant's own profiles in it."""

    checker: ConformanceChecker
    digests: dict[str, str]


class CheckersOfTenants:
    """The checkers of tenants, looked up anew every PROFILE_SECONDS and made anew when a tenant's profiles change."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._shipped = ConformanceChecker(load_profiles())
        self._known = RenewedByTenant(self._read, PROFILE_SECONDS, clock)

    def find(self, tenant: str) -> ConformanceChecker:
        """Return the checker of the profiles that come with Jalon and the tenant's own.

        While the database does not answer, that is the one of before. Raises IdentityUnavailable where none is known.
        """
        return self._known.get(tenant).checker

    def _read(self, tenant: str, before: _Known | None) -> _Known:
        digests = read_digests(self._engine, tenant)
        if before is not None and before.digests == digests:
            return before
        return _Known(self._make(tenant) if digests else self._shipped, digests)

    def _make(self, tenant: str) -> ConformanceChecker:
        own: list[Profile] = []
        for stored in list_profiles(self._engine, tenant):
            try:
                own.append(stored.read())
            except InvalidProfile as error:
                logger.warning(
                    "profile-not-usable", extra={"tenant": tenant, "profile": stored.id, "reason": str(error)}
                )
        return ConformanceChecker(own, beside=self._shipped)


def tell_conformance(candidate: Candidate, sealed: Sealed) -> Conformance | None:
    """Return how a statement stood as it was sent; None where that was not found out.

    A template says which verb and types a statement has: where the tenant's policy hides one of these, neither it nor
    its rule is told. The profile is: it is known here, and names nobody.
    """
    standing = candidate.conformance
    if standing is None or not sealed.redacted or not standing.profile:
        return standing
    if _list_determining(sealed.statement) == _list_determining(candidate.statement):
        return standing
    return Conformance(standing.state, standing.profile)


def _list_determining(statement: dict[str, Any]) -> list[str]:
    """List what templates are chosen by, of a completed statement."""
    activities = (statement.get("context") or {}).get("contextActivities") or {}
    return [
        statement["verb"]["id"],
        type_of(statement["object"]),
        *(type_of(activity) for relation in _RELATIONS for activity in activities.get(relation) or ()),
        *(attachment["usageType"] for attachment in statement.get("attachments") or ()),
    ]
