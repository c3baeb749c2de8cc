"""`more` links: a query and the place it has reached, signed for the credential that asked.

The link names a place, not a page number, so statements that arrive in the meantime neither repeat nor hide any. It
holds pseudonyms, no identity, and works at every LRS process of an installation.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import astuple, replace
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer

from clickhouse.statements import Place, StatementQuery
from lrs.authentication import Caller
from lrs.errors import BadRequest


def write_cursor(query: StatementQuery, after: Place, caller: Caller) -> str:
    """Return the text that continues `query` after a place, for this caller alone."""
    return _serializer(caller).dumps(
        [
            query.actor,
            query.verb,
            query.activity,
            None if query.registration is None else str(query.registration),
            query.since,
            query.until,
            query.ascending,
            query.limit,
            *astuple(after),
        ]
    )


def read_cursor(text: str, caller: Caller) -> StatementQuery:
    """Return the query that `text` continues. Raises BadRequest when it was altered or made for somebody else."""
    try:
        actor, verb, activity, registration, since, until, ascending, limit, *after = _serializer(caller).loads(text)
    except BadData:
        raise BadRequest(
            "This more link is not one of this credential's: ask the first page again.", code="invalid-cursor"
        ) from None
    query = StatementQuery(
        actor=actor,
        verb=verb,
        activity=activity,
        registration=None if registration is None else UUID(registration),
        since=since,
        until=until,
        ascending=ascending,
        limit=limit,
    )
    return replace(query, after=Place(*after))


def _serializer(caller: Caller) -> URLSafeSerializer:
    # Derived from a key that every process of the installation has and nobody outside it.
    key = hmac.digest(caller.keys.pseudonym, b"more", "sha256")
    return URLSafeSerializer(
        key,
        salt=f"{caller.tenant}/{caller.credential.key}".encode(),
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
