"""Everything that a tenant holds, as an archive in forms that others read: JSON and JSON Lines, and files as they came.

Without identities it holds pseudonyms, and nothing that could name somebody in a form of its own: no content of a
learner's document, of an attachment or of a dead letter, no name of whoever works there. Data are read from where they
lie, a page at a time.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.exceptions import InvalidTag

from clickhouse.connection import Client
from clickhouse.databases import name_tenant_database
from clickhouse.tables import count_table, read_table
from identity.analysts import list_analysts
from identity.credentials import list_credentials
from identity.sealing import PSEUDONYM_HOME, open_agent, pseudonyms_in, restore
from identity.tenants import Tenant
from jalon import __version__
from jalon.errors import ExportIncomplete
from jalon.exporting.archive import Archive, Member
from jalon.installation import Installation
from lrs.attachments.descriptions import describe
from lrs.attachments.holdings import list_contents
from lrs.documents.tenant import TenantDocument, read_all_documents
from lrs.errors import InternalError
from stream_processors.dead_letters import open_payload
from xapi_profiles.json_text import dump_json, parse_json

FORM: Final = "jalon-tenant-export/1"
_LINES: Final = "application/x-ndjson"
_ENTRIES_AT_ONCE: Final = 1_000
_PLACE: Final = {"topic": "String", "partition": "Int32", "offset": "Int64"}


@dataclass(slots=True)
class Counts:
    """How much an export holds."""

    statements: int = 0
    with_attachments: int = 0
    """Of the statements, those that need a content to be imported; they are in a file of their own."""
    documents: int = 0
    attachments: int = 0
    damaged_attachments: int = 0
    dead_letters: int = 0
    ledger: int = 0
    agents: int = 0
    audit: int = 0


class TenantExport:
    """The export of one tenant, with or without identities."""

    def __init__(self, installation: Installation, client: Client, tenant: Tenant, *, identities: bool) -> None:
        self._installation = installation
        self._client = client
        self._tenant = tenant
        self._identities = identities
        self._database = name_tenant_database(tenant.id)
        self._keys = installation.vault.tenant_keys(tenant.id)

    def write(self, archive: Archive) -> Counts:
        """Write everything but the manifest, and return how much it was.

        Raises ExportIncomplete when a statement is missing, StoreUnavailable, IdentityUnavailable,
        AttachmentsUnavailable.
        """
        counts = Counts()
        archive.add_json("tenant.json", self._describe_tenant())
        self._write_statements(archive, counts)
        self._write_documents(archive, counts)
        asyncio.run(self._write_attachments(archive, counts))
        self._write_dead_letters(archive, counts)
        self._write_ledger(archive, counts)
        if self._identities:
            self._write_agents(archive, counts)
        self._write_audit(archive, counts)
        return counts

    def describe(self, counts: Counts) -> dict[str, Any]:
        """Return what the manifest tells of the whole."""
        return {
            "form": FORM,
            "product": f"jalon {__version__}",
            "tenant": self._tenant.id,
            "institution": self._tenant.name,
            "identities": self._identities,
            "writtenAt": _write_instant(datetime.now(UTC)),
            "counts": asdict(counts),
        }

    def _describe_tenant(self) -> dict[str, Any]:
        tenant, engine = self._tenant, self._installation.engine
        return {
            "id": tenant.id,
            "name": tenant.name,
            "timezone": tenant.timezone,
            "addedAt": _write_instant(tenant.created_at),
            "limits": asdict(tenant.limits),
            "credentials": [
                {
                    "key": each.credential.key,
                    **({"name": each.credential.name} if self._identities else {}),
                    "scopes": sorted(each.credential.scopes),
                    "seesIdentities": each.credential.sees_identities,
                    "addedAt": _write_instant(each.created_at),
                    "disabledAt": None if each.disabled_at is None else _write_instant(each.disabled_at),
                }
                for each in list_credentials(engine, tenant.id)
            ],
            **({"analysts": [each.name for each in list_analysts(engine, tenant.id)]} if self._identities else {}),
        }

    def _write_statements(self, archive: Archive, counts: Counts) -> None:
        least = count_table(self._client, self._database, "statements")
        with (
            archive.open("statements.jsonl", _LINES) as plain,
            archive.open("statements-with-attachments.jsonl", _LINES) as attached,
        ):
            for rows in read_table(self._client, self._database, "statements", {"id": "UUID"}, ("statement", "sealed")):
                for statement in self._restore(rows):
                    needs = any(not each.has_file_url for each in describe(statement, 0))
                    counts.statements += 1
                    counts.with_attachments += needs
                    _write_line(attached if needs else plain, statement)
        if counts.statements < least:
            raise ExportIncomplete(
                f"Of {least} statements {counts.statements} were read: nothing was exported. Try again."
            )

    def _restore(self, rows: Sequence[Sequence[Any]]) -> Iterator[dict[str, Any]]:
        learner_keys: Mapping[str, bytes] = {}
        if self._identities:
            pseudonyms = set().union(*(pseudonyms_in(sealed) for _, _, sealed in rows))
            learner_keys = self._installation.vault.find_learner_keys(self._tenant.id, pseudonyms)
        for _, statement, sealed in rows:
            parsed = parse_json(statement.encode())
            yield restore(parsed, sealed, learner_keys) if self._identities else parsed

    def _write_documents(self, archive: Archive, counts: Counts) -> None:
        vault, tenant = self._installation.vault, self._tenant.id
        with archive.open("documents.jsonl", _LINES) as member:
            for document in read_all_documents(
                self._installation.engine, self._keys, lambda names: vault.find_learner_keys(tenant, names)
            ):
                _write_line(member, self._describe_document(document))
                counts.documents += 1

    def _describe_document(self, document: TenantDocument) -> dict[str, Any]:
        told: dict[str, Any] = {
            "resource": document.resource,
            "activityId": document.label.activity or None,
            "registration": document.registration or None,
            "contentType": document.label.content_type,
            "storedAt": _write_instant(document.stored_at),
            "bytes": len(document.content),
        }
        if document.agent:
            told["agent"] = {"account": {"homePage": PSEUDONYM_HOME, "name": document.agent}}
        # What a platform calls a learner's document may name the learner as well as what is in it.
        if self._identities or not document.agent:
            told |= {"id": document.label.id, "content": base64.b64encode(document.content).decode()}
        return told

    async def _write_attachments(self, archive: Archive, counts: Counts) -> None:
        attachments = self._installation.open_attachments()
        with archive.open("attachments.jsonl", _LINES) as listed:
            for sha2, _ in list_contents(attachments.objects, self._tenant.id):
                told: dict[str, Any] = {"sha2": sha2}
                if self._identities:
                    pieces = await attachments.read(self._keys, sha2)
                    if pieces is None:
                        continue
                    try:
                        with archive.open(f"attachments/{sha2}") as member:
                            async for piece in pieces:
                                member.write(piece)
                        told |= {"file": f"attachments/{sha2}", "bytes": member.size}
                    except InternalError as error:
                        counts.damaged_attachments += 1
                        told["problem"] = str(error)
                _write_line(listed, told)
                counts.attachments += 1

    def _write_dead_letters(self, archive: Archive, counts: Counts) -> None:
        columns = ("at", "source", "code", "rule", "pointer", "detail", "payload")
        with archive.open("dead-letters.jsonl", _LINES) as member:
            for rows in read_table(
                self._client, self._database, "dead_letters", {**_PLACE, "position": "UInt32"}, columns
            ):
                for topic, partition, offset, position, at, source, code, rule, pointer, detail, payload in rows:
                    told = {
                        "log": f"{topic}/{partition}/{offset}/{position}",
                        "receivedAt": _write_instant(at),
                        "source": source,
                        "reason": code,
                        "rule": rule or None,
                        "place": pointer or None,
                        "detail": detail,
                    }
                    if self._identities:
                        told |= self._open_payload(payload, topic, partition, offset)
                    _write_line(member, told)
                    counts.dead_letters += 1

    def _open_payload(self, payload: str, topic: str, partition: int, offset: int) -> dict[str, str]:
        try:
            raw = open_payload(self._keys.dead_letter, payload, topic=topic, partition=partition, offset=offset)
        except (InvalidTag, ValueError):
            return {"problem": "The payload does not open: it was sealed under a key that is gone."}
        try:
            return {"payload": raw.decode()}
        except UnicodeDecodeError:
            return {"payloadBase64": base64.b64encode(raw).decode()}

    def _write_ledger(self, archive: Archive, counts: Counts) -> None:
        columns = ("source", "at", "accepted", "stored", "duplicate", "dead")
        with archive.open("ledger.jsonl", _LINES) as member:
            for rows in read_table(self._client, self._database, "ledger", _PLACE, columns):
                for row in rows:
                    told = dict(zip((*_PLACE, *columns), row, strict=True))
                    _write_line(member, {**told, "at": _write_instant(told["at"])})
                    counts.ledger += 1

    def _write_agents(self, archive: Archive, counts: Counts) -> None:
        key = {"pseudonym": "String", "digest": "UInt64"}
        with archive.open("agents.jsonl", _LINES) as member:
            for rows in read_table(self._client, self._database, "agents", key, ("stored", "sealed")):
                names = {pseudonym for pseudonym, *_ in rows}
                learner_keys = self._installation.vault.find_learner_keys(self._tenant.id, names)
                for pseudonym, _, stored, sealed in rows:
                    agent = (
                        open_agent(pseudonym, sealed, learner_keys[pseudonym]) if pseudonym in learner_keys else None
                    )
                    if agent is not None:
                        told = {"pseudonym": pseudonym, "agent": agent, "firstSeen": _write_instant(stored)}
                        _write_line(member, told)
                        counts.agents += 1

    def _write_audit(self, archive: Archive, counts: Counts) -> None:
        number = 0
        with archive.open("audit.jsonl", _LINES) as member:
            while entries := self._installation.audit.read(
                tenant=self._tenant.id, after=number, limit=_ENTRIES_AT_ONCE
            ):
                number = entries[-1].number
                for entry in entries:
                    told = {**asdict(entry.event), "number": entry.number, "at": _write_instant(entry.at)}
                    if not self._identities:
                        told["who"] = entry.event.who.partition(":")[0]
                    _write_line(member, told)
                    counts.audit += 1


def _write_line(member: Member, value: dict[str, Any]) -> None:
    member.write(dump_json(value) + b"\n")


def _write_instant(instant: datetime) -> str:
    aware = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
    return aware.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
