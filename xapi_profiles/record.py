"""The form of a record on the topic of accepted statements, shared by all that write or read it.

One record is one request: its value is the JSON array of the request's statements, its headers say whose
they are and where they come from. Nothing else is needed to process it, so a producer can write to Kafka
without any part of Jalon but this package.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from xapi_profiles.errors import MalformedRecord
from xapi_profiles.json_text import dump_json

TOPIC: Final = "jalon.accepted"
VERSIONS: Final = ("1.0.3", "2.0.0")
"""The xAPI versions under whose rules a record's statements are read."""

ATTESTATION: Final = "attestation"
"""The header by which Jalon's own LRS tells that it has checked the record (identity/attestation.py)."""

TENANT_PATTERN: Final = r"[a-z][a-z0-9-]{1,30}"
SOURCE_PATTERN: Final = r"[a-z][a-z0-9-]{0,62}"

_TENANT = re.compile(TENANT_PATTERN)
_SOURCE = re.compile(SOURCE_PATTERN)

Headers = Iterable[tuple[str, bytes | None]] | Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True)
class RecordOrigin:
    """Whose statements a record holds, which system sent them, and the xAPI version they follow.

    `defines` tells whether they give activities their definitions (the scope `define`, Communication 4.2).
    """

    tenant: str
    source: str
    version: str
    defines: bool = True

    def __str__(self) -> str:
        """Return all of it as one line, the same for every process."""
        return f"{self.tenant} {self.source} {self.version} {self.defines}"


def encode_statements(statements: Sequence[Mapping[str, Any]]) -> bytes:
    """Return a record's value: the statements as one UTF-8 JSON array, keys in the order given.

    Raises MalformedRecord (`empty-record`, `unencodable-statement`) when there is no statement, or when one
    holds something that JSON cannot carry.
    """
    if not statements:
        raise MalformedRecord("empty-record", "A record holds at least one statement; send nothing instead.")
    try:
        return dump_json(statements if isinstance(statements, list) else list(statements))
    except TypeError as error:
        raise MalformedRecord(
            "unencodable-statement",
            f"A statement holds something that JSON cannot carry ({type(error).__name__}); "
            "build it from dict, list, str, int, float, bool and None only.",
        ) from error


def build_headers(tenant: str, source: str, version: str = "1.0.3", *, defines: bool = True) -> list[tuple[str, bytes]]:
    """Return the headers of a record, as Kafka clients take them. Raises MalformedRecord as parse_headers does."""
    check_origin(tenant, source, version)
    headers = [("tenant", tenant.encode()), ("source", source.encode()), ("version", version.encode())]
    return headers if defines else [*headers, ("defines", b"no")]


def find_header(headers: Headers | None, name: str) -> bytes | None:
    """Return the value of the first header of that name, None without one."""
    pairs = headers.items() if isinstance(headers, Mapping) else (headers or ())
    return next((value for given, value in pairs if given == name), None)


def build_key(tenant: str, statements: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the key of a record: tenant and the id of its first statement, a random one where that has none.

    So what is sent again, as it is after an answer that never came, meets its first copy in one partition.
    """
    identifier = statements[0].get("id") if statements else None
    # An id is case-insensitive: its copies must not part ways for their spelling.
    name = identifier.lower() if isinstance(identifier, str) else str(uuid.uuid4())
    return f"{tenant}:{name}".encode()


def parse_headers(headers: Headers | None) -> RecordOrigin:
    """Return the origin that a record's headers name.

    Raises MalformedRecord with the code `missing-tenant`, `missing-source`, `malformed-tenant`,
    `malformed-source`, `unknown-version` or `repeated-header`. Headers of other names are left alone.
    """
    pairs = headers.items() if isinstance(headers, Mapping) else (headers or ())
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in ("tenant", "source", "version", "defines"):
            continue
        if name in found:
            raise MalformedRecord("repeated-header", f"The header {name!r} is there more than once; send it once.")
        found[name] = (value or b"").decode("ascii", "replace")
    for name in ("tenant", "source"):
        if not found.get(name):
            raise MalformedRecord(f"missing-{name}", f"The record has no header {name!r}; send it with every record.")
    origin = check_origin(found["tenant"], found["source"], found.get("version") or VERSIONS[0])
    return origin if found.get("defines", "yes") == "yes" else replace(origin, defines=False)


def check_origin(tenant: str, source: str, version: str) -> RecordOrigin:
    """Return the three as a RecordOrigin. Raises MalformedRecord as parse_headers does when one is malformed."""
    if not _TENANT.fullmatch(tenant):
        raise MalformedRecord("malformed-tenant", f"A tenant's id has the form {TENANT_PATTERN}.")
    if not _SOURCE.fullmatch(source):
        raise MalformedRecord("malformed-source", f"A source's name has the form {SOURCE_PATTERN}.")
    if version not in VERSIONS:
        raise MalformedRecord("unknown-version", f"The xAPI version of a record is one of {', '.join(VERSIONS)}.")
    return RecordOrigin(tenant, source, version)
