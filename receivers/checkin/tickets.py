"""What a page has brought back to it: who was asked whether they leave. Sealed, for one tablet, good for minutes."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from identity.errors import VaultUnavailable
from identity.keys import MasterKey

VALID: Final = timedelta(minutes=2)
_PURPOSE = "ticket"


@dataclass(frozen=True, slots=True)
class Learner:
    """Somebody at a tablet: the session, and who they are as an agent, with a name ('' for none)."""

    session: str
    ifi: dict[str, Any]
    name: str = ""


class Tickets:
    """Seals and opens tickets."""

    def __init__(self, master: MasterKey) -> None:
        self._master = master

    def seal(self, tenant: str, tablet: str, learner: Learner, now: datetime) -> str:
        """Return a ticket for a learner at a tablet."""
        told = [now.timestamp(), learner.session, learner.ifi, learner.name]
        sealed = self._master.wrap(json.dumps(told).encode(), tenant=tenant, purpose=_PURPOSE, id=tablet)
        return base64.urlsafe_b64encode(sealed).decode()

    def open(self, tenant: str, tablet: str, ticket: str, now: datetime) -> Learner | None:
        """Return whose a ticket is, None for one that is too old or not of this tablet."""
        try:
            sealed = base64.urlsafe_b64decode(ticket)
            told = json.loads(self._master.unwrap(sealed, tenant=tenant, purpose=_PURPOSE, id=tablet))
        except (binascii.Error, ValueError, VaultUnavailable):
            return None
        since, session, ifi, name = told
        if now - datetime.fromtimestamp(since, UTC) > VALID:
            return None
        return Learner(session, ifi, name)
