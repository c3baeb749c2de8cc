"""Statements on their way in, with or without attachments: from a request's body to what can be accepted.

A body is JSON, or multipart/mixed with the statements first (Communication 1.5.2). They are checked as soon as their
part ends, and each further part as it arrives; contents go straight to the object store under a passing name, and
become the statements' own once nothing but the log stands between them and acceptance.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.requests import Request

from lrs.attachments import refusals
from lrs.attachments.descriptions import Description, describe
from lrs.attachments.multipart import MultipartReader, PartBegun, PartEnded, read_boundary
from lrs.attachments.refusals import refuse
from lrs.attachments.rules import check_first_part, check_further_part, refuse_missing
from lrs.attachments.signatures import check_signature
from lrs.attachments.storage import AttachmentStore, Staged
from lrs.bodies import BodyReader
from lrs.callers import Caller
from lrs.errors import AttachmentsUnavailable, BadRequest, RequestTimeout, TooLarge
from lrs.limits import Limits
from lrs.negotiation import check_encoding, check_json_content
from lrs.preparation import Candidate
from lrs.room import Room, Share

if TYPE_CHECKING:
    from hashlib import _Hash

Prepare = Callable[[bytes], list[Candidate]]
"""Turns the JSON of a request into its statements; raises BadRequest, TooLarge."""

_HASHES: Final = {56: hashlib.sha224, 64: hashlib.sha256, 96: hashlib.sha384, 128: hashlib.sha512}
_PART_OVERHEAD: Final = 8192  # more than a part's boundary and all its headers


@dataclass(slots=True)
class Received:
    """Checked statements, and the contents that came with them, by hash."""

    candidates: list[Candidate]
    tenant: str
    store: AttachmentStore
    staged: dict[str, Staged] = field(default_factory=dict)

    @property
    def keep_attachments(self) -> Callable[[], Awaitable[None]] | None:
        """What makes the contents the tenant's own; None when none came."""
        return self._keep if self.staged else None

    async def _keep(self) -> None:
        contents = set(self.staged)
        for sha2 in contents:
            await self.store.keep(self.staged[sha2], self.tenant, sha2)
            del self.staged[sha2]
        for description in _describe_all(self.candidates):
            if description.has_file_url and description.sha2 in contents:
                candidate = self.candidates[description.index]
                await self.store.mark_sent(self.tenant, str(candidate.id), description.sha2)


class Receiving:
    """Receives statements for one process."""

    def __init__(self, bodies: BodyReader, store: AttachmentStore, limits: Limits) -> None:
        self._bodies = bodies
        self._store = store
        self._limits = limits
        self.staging = Room(limits.staged_bytes)
        """Where contents under way count that lie in the object store."""
        self.buffers = Room(limits.buffers_bytes)
        """Where contents under way count that lie in memory."""

    @asynccontextmanager
    async def receive(
        self, request: Request, caller: Caller, version: str, prepare: Prepare
    ) -> AsyncIterator[Received]:
        """Give the statements of a request; contents that nobody kept are gone when the block ends.

        Raises BadRequest, TooLarge, UnsupportedEncoding, RequestTimeout, Overloaded, AttachmentsUnavailable.
        """
        encoding = request.headers.get("content-encoding")
        boundary = read_boundary(request.headers.get("content-type"))
        if boundary is None:
            check_json_content(request.headers.get("content-type"), encoding)
            async with self._bodies.read(request) as body:
                candidates = await self._prepare(body, prepare)
                refuse_missing(_describe_all(candidates), None)
                yield Received(candidates, caller.tenant, self._store)
            return
        check_encoding(encoding)
        self._check_length(request.headers.get("content-length"))
        with ExitStack() as shares:
            upload = _Upload(
                self._limits,
                self._store,
                caller,
                version,
                MultipartReader(boundary),
                body=shares.enter_context(self._bodies.room.share()),
                disk=shares.enter_context(self.staging.share()),
                memory=shares.enter_context(self.buffers.share()),
            )
            try:
                await self._read(request, upload, prepare)
                yield Received(upload.candidates, caller.tenant, self._store, upload.staged)
            finally:
                await upload.discard()

    async def _read(self, request: Request, upload: _Upload, prepare: Prepare) -> None:
        arrived = 0
        try:
            async with asyncio.timeout(self._limits.attachment_seconds):
                async for chunk in request.stream():
                    arrived += len(chunk)
                    if arrived > self._most_bytes:
                        raise self._too_large()
                    for event in upload.reader.feed(chunk):
                        match event:
                            case PartBegun(number, headers):
                                await upload.begin(number, headers)
                            case PartEnded():
                                if (body := await upload.end()) is not None:
                                    upload.expect(await self._prepare(body, prepare))
                            case _:
                                await upload.take(event)
        except TimeoutError:
            raise RequestTimeout(
                f"The body did not arrive within {self._limits.attachment_seconds:g} s: send smaller attachments.",
                headers={"Connection": "close"},
            ) from None
        upload.reader.finish()
        if upload.signature_bytes > self._limits.thread_bytes:
            await asyncio.to_thread(upload.check)
        else:
            upload.check()

    async def _prepare(self, body: bytes, prepare: Prepare) -> list[Candidate]:
        if len(body) > self._limits.thread_bytes:
            return await asyncio.to_thread(prepare, body)
        return prepare(body)

    @property
    def _most_bytes(self) -> int:
        limits = self._limits
        return limits.body_bytes + limits.attachments_bytes + (limits.attachment_parts + 1) * _PART_OVERHEAD

    def _check_length(self, header: str | None) -> None:
        if header is None:
            return
        if not (header.isascii() and header.isdigit()):
            raise BadRequest("Content-Length is a number of bytes.", code="content-length")
        if int(header) > self._most_bytes:
            raise self._too_large()

    def _too_large(self) -> TooLarge:
        return _over("body is", self._most_bytes)


class _Upload:
    """One multipart body as it arrives. Whatever happens, `discard` ends it."""

    def __init__(
        self,
        limits: Limits,
        store: AttachmentStore,
        caller: Caller,
        version: str,
        reader: MultipartReader,
        *,
        body: Share,
        disk: Share,
        memory: Share,
    ) -> None:
        self._limits = limits
        self._store = store
        self._caller = caller
        self._version = version
        self._body = body
        self._disk = disk
        self._memory = memory
        self._chunks: list[bytes] = []  # of the statements
        self._expected: dict[str, list[Description]] = {}
        self._part: _Part | None = None
        self._signatures: dict[str, bytes] = {}
        self.reader = reader
        self.candidates: list[Candidate] = []
        self.staged: dict[str, Staged] = {}

    @property
    def signature_bytes(self) -> int:
        """How much there is to check."""
        return sum(len(signature) for signature in self._signatures.values())

    async def begin(self, number: int, headers: Mapping[str, str]) -> None:
        """Begin a part. Raises BadRequest, TooLarge."""
        if number == 1:
            check_first_part(headers)
            return
        if number - 1 > self._limits.attachment_parts:
            raise TooLarge(
                f"The body has more than {self._limits.attachment_parts} attachments: send smaller batches.",
                details={"limit": self._limits.attachment_parts},
            )
        sha2 = check_further_part(headers, number, self._expected)
        staged = None if sha2 in self.staged else await self._store.stage(self._caller.keys, sha2)
        signs = any(description.is_signature for description in self._expected[sha2])
        self._part = _Part(number, sha2, _HASHES[len(sha2)](), staged, bytearray() if signs else None)

    async def take(self, data: bytes) -> None:
        """Take content of the part under way. Raises TooLarge, Overloaded, AttachmentsUnavailable."""
        if self._part is None:
            self._take_body(data)
            self._chunks.append(data)
            return
        part = self._part
        part.size += len(data)
        if part.size > self._limits.attachment_bytes:
            raise _over("attachment is", self._limits.attachment_bytes)
        self._disk.take(len(data))
        if self._disk.taken > self._limits.attachments_bytes:
            raise _over("attachments together are", self._limits.attachments_bytes)
        part.hash.update(data)
        if part.signature is not None:
            self._take_body(data)  # a signature holds the statement, and lies in memory as that does
            part.signature += data
        if part.staged is not None:
            self._memory.take(min(len(data), self._store.buffer_bytes - self._memory.taken))
            await part.staged.write(data)

    async def end(self) -> bytes | None:
        """End a part: the statements' JSON is returned. Raises BadRequest, AttachmentsUnavailable."""
        part = self._part
        if part is None:
            body, self._chunks = b"".join(self._chunks), []
            return body
        found = part.hash.hexdigest()
        if found != part.sha2:
            raise refuse(
                "attachment-hash",
                refusals.HASH_OF_DATA,
                f"its content has another {part.hash.name} than its X-Experience-API-Hash says.",
                found,
                part=part.number,
            )
        if part.staged is not None:
            await part.staged.finish()
            self.staged[part.sha2] = part.staged
        if part.signature is not None:
            self._signatures[part.sha2] = bytes(part.signature)
        self._part = None
        return None

    def expect(self, candidates: list[Candidate]) -> None:
        """Take the statements; from now on their attachments' contents may come."""
        self.candidates = candidates
        for description in _describe_all(candidates):
            self._expected.setdefault(description.sha2, []).append(description)

    def check(self) -> None:
        """Check, at the end, that nothing is missing and that signatures are good. Raises BadRequest."""
        descriptions = [one for of_one_hash in self._expected.values() for one in of_one_hash]
        refuse_missing(descriptions, self.staged.keys())
        for description in descriptions:
            if description.is_signature:
                candidate = self.candidates[description.index]
                check_signature(
                    self._signatures[description.sha2],
                    candidate.statement,
                    given_id=candidate.given,
                    version=self._version,
                    key=self._caller.keys.fingerprint,
                    pointer=description.pointer,
                )

    async def discard(self) -> None:
        """Leave nothing that was not kept."""
        left = list(self.staged.values())
        if self._part is not None and self._part.staged is not None:
            left.append(self._part.staged)
        self.staged.clear()
        for staged in left:
            # Whoever looks for leftovers later finds it; the request has its answer.
            with suppress(AttachmentsUnavailable):
                await self._store.discard(staged)

    def _take_body(self, data: bytes) -> None:
        self._body.take(len(data))
        if self._body.taken > self._limits.body_bytes:
            raise _over("statements with their signatures are", self._limits.body_bytes)


@dataclass(slots=True)
class _Part:
    """The attachment that is arriving. `staged` is None for one that came before."""

    number: int
    sha2: str
    hash: _Hash
    staged: Staged | None
    signature: bytearray | None
    size: int = 0


def _describe_all(candidates: Sequence[Candidate]) -> list[Description]:
    return [
        description
        for index, candidate in enumerate(candidates)
        for description in describe(candidate.statement, index)
    ]


def _over(what: str, limit: int) -> TooLarge:
    return TooLarge(f"The {what} over the limit of {limit} bytes.", details={"limit": limit})
