"""Whom statements and dead letters name, and what becomes of them when that person was erased."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from identity.errors import UnidentifiedAgent
from identity.keys import TenantKeys
from identity.pseudonyms import identify, list_versions
from identity.sealing import find_persons
from stream_processors.errors import DeadLetter
from stream_processors.reading import Candidate, TenantBatch
from xapi_profiles.errors import MalformedJson
from xapi_profiles.json_text import parse_json

# Wide rather than exact: what is no address has a pseudonym that nobody is looked for under.
_ADDRESS = re.compile(rb"""[^\s"'<>()\[\]{},;:\\]{1,64}@[^\s"'<>()\[\]{},;:\\/?]{1,255}""")


class Named(NamedTuple):
    """Whom a payload names, each by an identifier's pseudonyms, newest first; `readable` tells if these are all."""

    persons: frozenset[tuple[str, ...]]
    readable: bool


def find_named(payload: bytes, keys: TenantKeys) -> Named:
    """Return whom a dead letter's payload names, at whatever place of it: it need not be a valid statement.

    In what is no JSON only e-mail addresses are found.
    """
    try:
        content = parse_json(payload)
    except MalformedJson:
        found = (f"mailto:{address.decode(errors='replace')}" for address in _ADDRESS.findall(payload))
        return Named(_name(({"mbox": address} for address in found), keys), readable=False)
    return Named(_name(_list_objects(content), keys), readable=True)


def list_refused(part: TenantBatch, candidates: Iterable[Candidate]) -> list[tuple[Candidate, DeadLetter]]:
    """Return those candidates that name a person of whom no later statements are taken, with the reason."""
    if not part.erased:
        return []
    refused = []
    for candidate in candidates:
        pointer = _find_refused(part, candidate)
        if pointer is not None:
            reason = DeadLetter(
                "person-erased",
                "It names a person who was erased and of whom nothing more is stored; what it said was not kept.",
                pointer=pointer,
            )
            refused.append((candidate, reason))
    return refused


def names_erased(part: TenantBatch, named: Iterable[tuple[str, ...]], accepted: int) -> bool:
    """Return whether somebody among these may not be kept: erased since, or refused ever after."""
    erased, keys = part.erased, part.keys
    return any(erased.name(keys, one, accepted) in erased or erased.refuses(keys, one, accepted) for one in named)


def _find_refused(part: TenantBatch, candidate: Candidate) -> str | None:
    try:
        persons = find_persons(candidate.statement, part.keys)
    except UnidentifiedAgent:
        return None  # sealing tells
    accepted = candidate.record.timestamp
    return next((pointer for pointer, names in persons if part.erased.refuses(part.keys, names, accepted)), None)


def _name(agents: Iterable[dict[str, Any]], keys: TenantKeys) -> frozenset[tuple[str, ...]]:
    identifiers = (identify(agent) for agent in agents)
    return frozenset(list_versions(keys, identifier) for identifier in identifiers if identifier is not None)


def _list_objects(content: object) -> Iterable[dict[str, Any]]:
    left = [content]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            yield value
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
