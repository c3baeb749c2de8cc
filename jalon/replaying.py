"""Dead letters looked through, and taken to the topic of accepted records once more.

A replayed letter is a record of its own, with the source, version and statement that it had; the ledger counts it as
accepted once more, and the letter stays where it is, marked. What is stored meanwhile is recognised as a duplicate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clickhouse.connection import Client, translate_errors
from clickhouse.databases import name_tenant_database
from identity.attestation import attest
from identity.keys import TenantKeys
from identity.persons import list_restricted_among
from identity.pseudonyms import identify, older_pseudonyms, pseudonym
from identity.vault import Vault
from producers.sinks import RecordSink
from stream_processors.dead_letters import open_payload
from stream_processors.rows import DeadLetterRow
from xapi_profiles.errors import MalformedJson
from xapi_profiles.json_text import parse_json
from xapi_profiles.record import ATTESTATION, VERSIONS, RecordOrigin, build_headers, build_key

RESTRICTED = "restricted"
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Letters:
    """Which dead letters are meant: of a code, or all; those already replayed as well, or not."""

    code: str | None = None
    replayed: bool = False


def read_letters(client: Client, tenant: str, asked: Letters, limit: int | None = None) -> list[DeadLetterRow]:
    """Return dead letters of a tenant in the order of the log; their payloads are sealed."""
    columns = ", ".join(DeadLetterRow._fields)
    code = "" if asked.code is None else " AND code = {code:String}"
    with translate_errors():
        result = client.query(
            f"SELECT {columns} FROM {{database:Identifier}}.dead_letters FINAL "  # noqa: S608 (names are ours)
            f"WHERE ({'true' if asked.replayed else 'replayed_at IS NULL'}){code} "
            f"ORDER BY at, topic, partition, offset, position{'' if limit is None else f' LIMIT {limit:d}'}",
            parameters={"database": name_tenant_database(tenant), "code": asked.code or ""},
        )
    return [DeadLetterRow(*row) for row in result.result_rows]


def replay(
    client: Client, vault: Vault, tenant: str, letters: Iterable[DeadLetterRow], open_sink: Callable[[], RecordSink]
) -> int:
    """Write letters to the topic again and mark them; returns how many. Those of whom processing is still paused for
    stay where they are: they would only be put aside once more. Of somebody who was erased there is nothing to write.

    Raises DeliveryError, StoreUnavailable, VaultUnavailable; what was written until then is marked, or may come twice.
    """
    keys = vault.tenant_keys(tenant)
    opened = [(letter, _open(keys, letter)) for letter in letters if letter.payload]
    paused = list_restricted_among(vault.engine, tenant, {name for _, (_, names) in opened for name in names})
    ready = [(letter, payload) for letter, (payload, names) in opened if paused.isdisjoint(names)]
    if not ready:
        return 0
    with open_sink() as sink:
        for start in range(0, len(ready), _AT_ONCE):
            part = ready[start : start + _AT_ONCE]
            sink.write(_to_record(keys, letter, payload) for letter, payload in part)
            _mark(client, tenant, [letter for letter, _ in part])
    return len(ready)


def _open(keys: TenantKeys, letter: DeadLetterRow) -> tuple[bytes, frozenset[str]]:
    """Return a letter's payload, and the pseudonyms of whom it is by or about."""
    payload = open_payload(
        keys.dead_letter, letter.payload, topic=letter.topic, partition=letter.partition, offset=letter.offset
    )
    try:
        statement = parse_json(payload)
    except MalformedJson:
        return payload, frozenset()
    return payload, frozenset(_name_subjects(keys, statement))


def _name_subjects(keys: TenantKeys, statement: object) -> Iterator[str]:
    for agent in _list_subjects(statement):
        identifier = identify(agent)
        if identifier is not None:
            yield from (pseudonym(keys, identifier), *older_pseudonyms(keys, identifier))


def _list_subjects(statement: object) -> Iterator[dict[str, Any]]:
    """Yield the agents in actor and object. A letter may hold anything."""
    for part in ("actor", "object"):
        agent = statement.get(part) if isinstance(statement, dict) else None
        if isinstance(agent, dict):
            members = agent.get("member")
            yield agent
            yield from (one for one in (members if isinstance(members, list) else ()) if isinstance(one, dict))


def _to_record(keys: TenantKeys, letter: DeadLetterRow, payload: bytes) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    origin = RecordOrigin(keys.tenant, letter.source, letter.version or VERSIONS[0], letter.defines)
    headers = build_headers(origin.tenant, origin.source, origin.version, defines=origin.defines)
    if not letter.fingerprint:
        return build_key(keys.tenant, []), payload, headers
    # It was valid, and has been completed since: what it is compared by is what was accepted.
    headers.append((ATTESTATION, attest(keys, str(origin), payload, [letter.fingerprint])))
    return build_key(keys.tenant, [parse_json(payload)]), payload, headers


def _mark(client: Client, tenant: str, letters: list[DeadLetterRow]) -> None:
    now = datetime.now(UTC)
    with translate_errors():
        client.insert(
            "dead_letters",
            [letter._replace(replayed_at=now) for letter in letters],
            column_names=list(DeadLetterRow._fields),
            database=name_tenant_database(tenant),
        )
