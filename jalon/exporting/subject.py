"""Everything that is held on one person, as an archive that the person can read and a program can import.

Data are read from where they lie, one piece at a time: statements and dead letters from ClickHouse, documents from the
relational database, attachments from the object store.
"""

from __future__ import annotations

import asyncio
import mimetypes
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.exceptions import InvalidTag

from clickhouse.connection import Client
from clickhouse.databases import name_tenant_database
from clickhouse.holdings import (
    HeldDeadLetter,
    list_statements_naming,
    read_dead_letters,
    read_forms,
    read_statements_naming,
)
from identity.audit import AuditTrail
from identity.errors import InvalidValue
from identity.keys import TenantKeys
from identity.persons import list_restricted_among, name_versions
from identity.retention import read_periods
from identity.sealing import open_agent
from identity.tenants import Tenant
from jalon import __version__
from jalon.exporting.archive import Archive, Member
from jalon.exporting.pages import StatementPage, write_cover
from jalon.exporting.presenting import Shown, make_alias, names_one_of, show
from jalon.installation import Installation
from lrs.attachments.descriptions import describe
from lrs.attachments.storage import AttachmentStore
from lrs.documents.holdings import read_documents_of
from stream_processors.dead_letters import open_payload
from xapi_profiles.errors import MalformedJson
from xapi_profiles.json_text import dump_json, parse_json

FORM: Final = "jalon-subject-export/1"
_ENTRIES_AT_ONCE: Final = 1_000


@dataclass(slots=True)
class Counts:
    """How much of what is held on a person."""

    statements: int = 0
    """What they did or what was done to them; of these `with_attachments` need a content to be imported."""
    with_attachments: int = 0
    named_in: int = 0
    voided: int = 0
    documents: int = 0
    attachments: int = 0
    dead_letters: int = 0
    forms: int = 0
    accesses: int = 0

    @property
    def nothing(self) -> bool:
        """Whether nothing is held. That somebody looked for them does not count."""
        return not any((self.statements, self.named_in, self.documents, self.dead_letters, self.forms))


@dataclass(slots=True)
class _Content:
    """A content that statements of the person's name; `certain` when one of them cannot have come without it."""

    content_type: str
    display: dict[str, str]
    statements: list[str] = field(default_factory=list)
    certain: bool = False


class SubjectExport:
    """The export of one person. `pseudonyms` are all that they have in the tenant, as list_pseudonyms gives them."""

    def __init__(
        self,
        installation: Installation,
        client: Client,
        attachments: AttachmentStore,
        tenant: Tenant,
        pseudonyms: frozenset[str],
    ) -> None:
        self._client = client
        self._attachments = attachments
        self._tenant = tenant
        self._pseudonyms = pseudonyms
        self._engine = installation.engine
        self._audit: AuditTrail = installation.audit
        self._database = name_tenant_database(tenant.id)
        self._keys: TenantKeys = installation.vault.tenant_keys(tenant.id)
        self._learner_keys: Mapping[str, bytes] = installation.vault.find_learner_keys(tenant.id, pseudonyms)
        # A name of somebody else's that a person could look up in another export would tell more than this one does.
        self._alias = make_alias(secrets.token_bytes(32))

    def write(self, archive: Archive) -> Counts:
        """Write everything into the archive but for its manifest, and return how much it was.

        Raises StoreUnavailable, IdentityUnavailable, AttachmentsUnavailable.
        """
        counts = Counts()
        contents = self._write_statements(archive, counts)
        asyncio.run(self._write_attachments(archive, contents, counts))
        self._write_documents(archive, counts)
        self._write_dead_letters(archive, counts)
        self._write_person(archive, counts)
        self._write_accesses(archive, counts)
        at = datetime.now(UTC)
        periods = read_periods(self._engine, self._tenant.id)
        archive.add(
            "index.html", write_cover(self._tenant, at, asdict(counts), periods).encode(), "text/html; charset=utf-8"
        )
        return counts

    def describe(self, counts: Counts) -> dict[str, Any]:
        """Return what the manifest tells of the whole."""
        return {
            "form": FORM,
            "product": f"jalon {__version__}",
            "tenant": self._tenant.id,
            "institution": self._tenant.name,
            "writtenAt": _write_instant(datetime.now(UTC)),
            "pseudonyms": sorted(self._pseudonyms),
            "counts": asdict(counts),
        }

    def _write_statements(self, archive: Archive, counts: Counts) -> dict[str, _Content]:
        contents: dict[str, _Content] = {}
        with (
            archive.open("statements.jsonl", "application/x-ndjson") as plain,
            archive.open("statements-with-attachments.jsonl", "application/x-ndjson") as attached,
            archive.open("named-in.jsonl", "application/x-ndjson") as named,
            archive.open("voided.jsonl", "application/x-ndjson") as voided,
            archive.open("statements.html", "text/html; charset=utf-8") as page_file,
        ):
            page = StatementPage(page_file.write_text, self._tenant)
            for shown, is_voided in self._read_statements():
                needs_content = shown.is_theirs and self._note_contents(shown, contents)
                if is_voided:
                    counts.voided += 1
                counts.statements += shown.is_theirs
                counts.named_in += not shown.is_theirs
                counts.with_attachments += needs_content and not is_voided
                _write_line(
                    voided if is_voided else named if not shown.is_theirs else attached if needs_content else plain,
                    shown.statement,
                )
                page.add(shown.statement, is_theirs=shown.is_theirs, voided=is_voided)
            page.end()
        return contents

    def _read_statements(self) -> Iterator[tuple[Shown, bool]]:
        if not self._learner_keys:
            return
        ids = list_statements_naming(self._client, self._database, self._pseudonyms)
        for held in read_statements_naming(self._client, self._database, ids, self._pseudonyms):
            stored = held.stored
            shown = show(stored.statement, stored.sealed, self._learner_keys, self._pseudonyms, self._alias)
            if shown is not None:
                yield shown, held.voided

    def _note_contents(self, shown: Shown, contents: dict[str, _Content]) -> bool:
        """Note which contents the person is given; return whether the statement needs one to be imported."""
        needs = False
        for description in describe(shown.statement, 0):
            needs = needs or not description.has_file_url
            if description.is_signature and not shown.alone:
                continue  # it holds the statement with the names of everybody in it
            attachment = description.attachment
            content = contents.setdefault(
                description.sha2, _Content(attachment["contentType"], dict(attachment.get("display") or {}))
            )
            content.statements.append(shown.statement["id"])
            content.certain = content.certain or not description.has_file_url
        return needs

    async def _write_attachments(self, archive: Archive, contents: dict[str, _Content], counts: Counts) -> None:
        listed = []
        for sha2, content in contents.items():
            if not content.certain and not await self._came_with_one(sha2, content.statements):
                continue
            pieces = await self._attachments.read(self._keys, sha2)
            if pieces is None:
                continue
            name = f"attachments/{sha2}{_extension(content.content_type)}"
            with archive.open(name, content.content_type) as member:
                async for piece in pieces:
                    member.write(piece)
            listed.append(
                {
                    "file": name,
                    "sha2": sha2,
                    "contentType": content.content_type,
                    "display": content.display,
                    "statements": content.statements,
                }
            )
        archive.add_json("attachments.json", listed)
        counts.attachments = len(listed)

    async def _came_with_one(self, sha2: str, statements: list[str]) -> bool:
        """Whether the content came with one of the statements; naming the hash of another's fetches nothing."""
        for one in statements:
            if await self._attachments.was_sent(self._tenant.id, one, sha2):
                return True
        return False

    def _write_documents(self, archive: Archive, counts: Counts) -> None:
        listed = []
        for number, held in enumerate(read_documents_of(self._engine, self._tenant.id, self._learner_keys), 1):
            name = f"documents/{number:06}{_extension(held.label.content_type)}"
            archive.add(name, held.content, held.label.content_type)
            listed.append(
                {
                    "file": name,
                    "resource": held.resource,
                    "id": held.label.id,
                    "activityId": held.label.activity or None,
                    "registration": held.registration or None,
                    "contentType": held.label.content_type,
                    "storedAt": _write_instant(held.stored_at),
                }
            )
        archive.add_json("documents.json", listed)
        counts.documents = len(listed)

    def _write_dead_letters(self, archive: Archive, counts: Counts) -> None:
        listed = []
        for letter in read_dead_letters(self._client, self._database):
            parsed = self._open(letter)
            if names_one_of(parsed, self._pseudonyms, self._name):
                listed.append(
                    {
                        "receivedAt": _write_instant(letter.at),
                        "source": letter.source,
                        "reason": letter.code,
                        "rule": letter.rule or None,
                        "place": letter.pointer or None,
                        "detail": letter.detail,
                        "log": f"{letter.topic}/{letter.partition}/{letter.offset}/{letter.position}",
                    }
                )
        archive.add_json("dead-letters.json", listed)
        counts.dead_letters = len(listed)

    def _name(self, agent: dict[str, Any]) -> tuple[str, ...]:
        try:
            return name_versions(self._keys, agent)
        except InvalidValue:
            return ()  # an account under our home page that is no pseudonym: a dead letter may hold anything

    def _open(self, letter: HeldDeadLetter) -> object:
        try:
            payload = open_payload(
                self._keys.dead_letter,
                letter.payload,
                topic=letter.topic,
                partition=letter.partition,
                offset=letter.offset,
            )
            return parse_json(payload)
        except (InvalidTag, MalformedJson, ValueError):
            return None  # sealed under a key that is gone, or no JSON, in which nobody can be found

    def _write_person(self, archive: Archive, counts: Counts) -> None:
        forms = []
        for form in read_forms(self._client, self._database, self._learner_keys) if self._learner_keys else ():
            agent = open_agent(form.pseudonym, form.sealed, self._learner_keys[form.pseudonym])
            if agent is not None:
                # A group is described with its members' places only, which are not theirs to read.
                agent = {name: value for name, value in agent.items() if name != "member"}
                forms.append({"agent": agent, "pseudonym": form.pseudonym, "firstSeen": _write_instant(form.stored)})
        archive.add(
            "person.json",
            dump_json(
                {
                    "pseudonyms": sorted(self._pseudonyms),
                    "restricted": bool(list_restricted_among(self._engine, self._tenant.id, self._pseudonyms)),
                    "namedAs": forms,
                }
            )
            + b"\n",
            "application/json",
        )
        counts.forms = len(forms)

    def _write_accesses(self, archive: Archive, counts: Counts) -> None:
        listed: list[dict[str, Any]] = []
        number = 0
        while entries := self._audit.read(tenant=self._tenant.id, after=number, limit=_ENTRIES_AT_ONCE):
            number = entries[-1].number
            listed += [
                {
                    "at": _write_instant(entry.at),
                    # Which colleague it was is the institution's to tell; that it was one is the person's to know.
                    "by": entry.event.who.partition(":")[0],
                    "action": entry.event.action,
                    "why": entry.event.why,
                }
                for entry in entries
                if not self._pseudonyms.isdisjoint(entry.event.about.split())
            ]
        archive.add_json("accesses.json", listed)
        counts.accesses = len(listed)


def _write_line(member: Member, statement: dict[str, Any]) -> None:
    member.write(dump_json(statement) + b"\n")


def _write_instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extension(content_type: str) -> str:
    media = content_type.partition(";")[0].strip().lower()
    known: Callable[[str], str | None] = mimetypes.guess_extension
    return known(media) or ".bin"
