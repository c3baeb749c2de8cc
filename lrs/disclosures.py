"""Answers that show who somebody is are on the audit trail before they are given: none is shown off the record."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from identity.audit import Event
from identity.errors import IdentityUnavailable as IdentityDown
from lrs.callers import Caller
from lrs.errors import IdentityUnavailable
from lrs.gathering import Gathering


class Trail(Protocol):
    """Keeps events for good; identity.audit.AuditTrail is the real one."""

    def append(self, *events: Event) -> object:
        """Return once the events are durable; may take long. Raises IdentityUnavailable."""


class Disclosures:
    """Tells the trail, the events of many requests at once in one transaction, each within `seconds`."""

    def __init__(self, trail: Trail, *, seconds: float = 10) -> None:
        self._trail = trail
        self._seconds = seconds
        self._gathering: Gathering[Event, None] = Gathering(self._append)

    async def note(self, caller: Caller, resource: str, *, about: str = "", **details: Any) -> None:  # noqa: ANN401 (anything that JSON carries)
        """Return once it is on record that `caller` is shown identities by `resource`; `about` is a pseudonym.

        Raises IdentityUnavailable: then nothing may be shown.
        """
        credential = caller.credential
        event = Event(
            tenant=credential.tenant,
            who=f"credential:{credential.key}",
            action="identities-read",
            about=about,
            # What a credential was given for is why it is used.
            why=credential.name,
            details={"resource": resource, **details},
        )
        try:
            async with asyncio.timeout(self._seconds):
                await self._gathering.ask(event)
        except (IdentityDown, TimeoutError) as error:
            raise IdentityUnavailable("Identities cannot be read now. Send the request again later.") from error

    async def _append(self, events: list[Event]) -> None:
        await asyncio.to_thread(self._trail.append, *events)
