"""`more` links: a query and the place it has reached, signed for the credential that asked.

The link names a place, not a page number, so statements that arrive in the meantime neither repeat nor hide any. It
holds pseudonyms, no identity, and works at every LRS process of an installation.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer

from clickhouse.statement_query import StatementQuery
from clickhouse.statements import Place
from lrs.callers import Caller
from lrs.errors import BadRequest
from lrs.queries import Shape

# Short names keep links short; a cursor written before a change of these is refused as any other altered one.
_QUERY = {
    "a": "agent",
    "b": "related_agents",
    "v": "verb",
    "o": "activity",
    "p": "related_activities",
    "r": "registration",
    "s": "since",
    "u": "until",
    "d": "ascending",
    "n": "limit",
}
_SHAPE = {"f": "format", "t": "attachments"}


def write_cursor(query: StatementQuery, shape: Shape, after: Place, caller: Caller) -> str:
    """Return the text that continues `query` in its shape after a place, for this caller alone."""
    told = {
        short: value
        for names, part in ((_QUERY, query), (_SHAPE, shape))
        for short, name in names.items()
        if (value := getattr(part, name)) is not None and value is not False
    }
    if query.registration is not None:
        told["r"] = str(query.registration)
    return _serializer(caller).dumps({**told, "@": list(asdict(after).values())})


def read_cursor(text: str, caller: Caller) -> tuple[StatementQuery, Shape]:
    """Return the query that `text` continues. Raises BadRequest when it was altered or made for somebody else."""
    try:
        told: dict[str, Any] = _serializer(caller).loads(text)
        query = StatementQuery(**{name: told[short] for short, name in _QUERY.items() if short in told})
        shape = Shape(**{name: told[short] for short, name in _SHAPE.items() if short in told})
        after = Place(*told["@"])
    except (BadData, TypeError, KeyError):
        raise BadRequest(
            "This more link is not one of this credential's: ask the first page again.", code="invalid-cursor"
        ) from None
    agent = None if query.agent is None else tuple(query.agent)
    registration = None if query.registration is None else UUID(str(query.registration))
    return replace(query, agent=agent, registration=registration, after=after), shape


def _serializer(caller: Caller) -> URLSafeSerializer:
    # Derived from a key that every process of the installation has and nobody outside it, and that stays when the key
    # of pseudonyms is rotated.
    key = hmac.digest(caller.keys.fingerprint, b"more", "sha256")
    return URLSafeSerializer(
        key,
        salt=f"{caller.tenant}/{caller.credential.key}".encode(),
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
