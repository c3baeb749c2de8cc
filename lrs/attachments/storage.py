"""Where attachments lie: any object store that obstore speaks to, a local directory by default.

    TENANT/content/SHA2           one content, sealed under the tenant's key, however many statements have it
    TENANT/sent/STATEMENT/SHA2    empty: this statement came with that content although it also names a fileUrl
    TENANT/set-aside/SHA2/DAY     a content of which nothing was left that day (retention.py); it is read as before
    _staging/RANDOM               a content on its way in, no statement's yet

What goes with a person who was erased is in erasure.py.

The mark under `sent` keeps a fileUrl from fetching, by its hash alone, what somebody else handed in.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from identity.keys import TenantKeys
from lrs.attachments.encryption import DamagedContent, Opener, Sealer
from lrs.errors import AttachmentsUnavailable, InternalError

if TYPE_CHECKING:
    from obstore import AsyncWritableFile, BytesStream
    from obstore.store import ObjectStore

_logger = logging.getLogger(__name__)

T = TypeVar("T")

SCHEMES: Final = ("file", "s3", "s3a", "gs", "az", "abfs", "abfss")
_STAGING: Final = "_staging"  # no tenant's id begins so
_LEFT_OVER_SECONDS: Final = 24 * 3600
_READ_BYTES: Final = 256 * 1024
_LOCAL_BUFFER_BYTES: Final = 1024 * 1024
_REMOTE_BUFFER_BYTES: Final = 5 * 1024 * 1024  # S3 takes no smaller part of an upload


def open_store(url: str) -> ObjectStore:
    """Return the object store at a URL (see SCHEMES); its credentials come from where its own tools take them.

    A local directory is made when there is none. Raises ValueError when the URL names no store.
    """
    try:
        if url.startswith("file:"):
            return from_url(url, mkdir=True)
        return from_url(
            url,
            client_options={"connect_timeout": "5s", "timeout": "60s"},
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=10)},
        )
    except BaseError as error:
        raise ValueError(str(error).partition("\n")[0]) from None


class Staged:
    """One content on its way in: written in pieces, sealed on the way. Made by AttachmentStore.stage."""

    def __init__(self, store: AttachmentStore, name: str, sealer: Sealer, writer: AsyncWritableFile) -> None:
        self._store = store
        self._sealer = sealer
        self._writer: AsyncWritableFile | None = writer
        self.name = name

    async def write(self, data: bytes) -> None:
        """Take more of the content. Raises AttachmentsUnavailable."""
        await self._write(self._sealer.update(data))

    async def finish(self) -> None:
        """Have the whole content in the object store. Raises AttachmentsUnavailable."""
        await self._write(self._sealer.finish())
        await self.close()

    async def close(self) -> None:
        """End the writing, finished or not; again changes nothing. Raises AttachmentsUnavailable."""
        writer, self._writer = self._writer, None
        if writer is not None:
            await self._store.answer(writer.close())

    async def _write(self, sealed: bytes) -> None:
        assert self._writer is not None  # noqa: S101 (nobody writes after the end)
        if sealed:
            await self._store.answer(self._writer.write(sealed), buffered=True)


class AttachmentStore:
    """The attachments of all tenants. Everything raises AttachmentsUnavailable when the object store does not answer.

    `answer_seconds` bounds every single call to it, not the transfer of a whole content.
    """

    def __init__(self, store: ObjectStore, *, answer_seconds: float = 30) -> None:
        self._store = store
        self._answer_seconds = answer_seconds
        self._reachable = True
        self.sweeping: asyncio.Task[None] | None = None
        """What `start` has begun."""
        self._part_bytes = _LOCAL_BUFFER_BYTES if isinstance(store, LocalStore) else _REMOTE_BUFFER_BYTES

    @property
    def objects(self) -> ObjectStore:
        """The object store itself, for what goes through all that a tenant has there (lrs/attachments/holdings.py)."""
        return self._store

    @property
    def buffer_bytes(self) -> int:
        """How much of a content that is being written may lie in memory: a part that fills and one that is sent."""
        return 2 * self._part_bytes

    async def start(self) -> None:
        """Begin to remove what processes that were killed have left half-written; returns at once."""
        self.sweeping = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """End what was begun."""
        if self.sweeping is not None:
            self.sweeping.cancel()
            await asyncio.wait([self.sweeping])

    async def stage(self, keys: TenantKeys, sha2: str) -> Staged:
        """Begin to write a content that is said to have this hash."""
        name = f"{_STAGING}/{secrets.token_hex(16)}"
        writer = obstore.open_writer_async(self._store, name, buffer_size=self._part_bytes, max_concurrency=1)
        return Staged(self, name, Sealer(keys.content, _bind(keys, sha2)), writer)

    async def keep(self, staged: Staged, tenant: str, sha2: str) -> None:
        """Make a finished content the one of this hash, unless there is one."""
        final = f"{tenant}/content/{sha2}"
        if await self._exists(final):
            await self.discard(staged)
        else:
            await self.answer(obstore.rename_async(self._store, staged.name, final))

    async def discard(self, staged: Staged) -> None:
        """Leave nothing of a content that is not kept, whether or not it is whole."""
        await staged.close()
        with contextlib.suppress(FileNotFoundError):
            await self.answer(obstore.delete_async(self._store, staged.name))

    async def mark_sent(self, tenant: str, statement_id: str, sha2: str) -> None:
        """Note that the statement came with the content itself, not only with a fileUrl."""
        await self.answer(obstore.put_async(self._store, _mark(tenant, statement_id, sha2), b""))

    async def was_sent(self, tenant: str, statement_id: str, sha2: str) -> bool:
        """Tell whether the statement came with the content itself."""
        return await self._exists(_mark(tenant, statement_id, sha2))

    async def read(self, keys: TenantKeys, sha2: str) -> AsyncIterator[bytes] | None:
        """Return the content in pieces, None when there is none.

        The pieces raise AttachmentsUnavailable, and InternalError where the object is damaged.
        """
        try:
            found = await self.answer(obstore.get_async(self._store, f"{keys.tenant}/content/{sha2}"))
        except FileNotFoundError:
            aside = await self.answer(obstore.list(self._store, f"{keys.tenant}/set-aside/{sha2}").collect_async())
            if not aside:
                return None
            found = await self.answer(obstore.get_async(self._store, aside[0]["path"]))
        return self._open(found.stream(min_chunk_size=_READ_BYTES), keys, sha2)

    async def answer(self, call: Awaitable[T], *, buffered: bool = False) -> T:
        """Return what one call to the object store gives. Raises AttachmentsUnavailable, FileNotFoundError.

        A `buffered` one may succeed although the store cannot be reached.
        """
        try:
            async with asyncio.timeout(self._answer_seconds):
                result = await call
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            if self._reachable:
                self._reachable = False
                _logger.warning("attachments_unreachable", extra={"error": type(error).__name__})
            raise AttachmentsUnavailable(
                "Attachments cannot be stored or read now. Send the request again later.", retry_after=5
            ) from error
        if not self._reachable and not buffered:
            self._reachable = True
            _logger.info("attachments_reached")
        return result

    async def _open(self, sealed: BytesStream, keys: TenantKeys, sha2: str) -> AsyncIterator[bytes]:
        opener = Opener(keys.content, _bind(keys, sha2))
        pieces = aiter(sealed)
        try:
            while (piece := await self.answer(_next(pieces))) is not None:
                yield opener.update(bytes(piece))
            yield opener.finish()
        except DamagedContent as error:
            _logger.error(  # noqa: TRY400 (the sentence says it all)
                "attachment_damaged", extra={"tenant": keys.tenant, "sha2": sha2, "reason": str(error)}
            )
            raise InternalError(
                "The attachment's stored content is damaged: tell the operator of the LRS.", code="attachment-damaged"
            ) from None

    async def _exists(self, name: str) -> bool:
        try:
            await self.answer(obstore.head_async(self._store, name))
        except FileNotFoundError:
            return False
        return True

    async def _sweep(self) -> None:
        """Remove what has lain in staging for longer than any request takes."""
        before = time.time() - _LEFT_OVER_SECONDS
        with contextlib.suppress(AttachmentsUnavailable, OSError):
            if isinstance(self._store, LocalStore):
                # The store itself does not list files that it has not finished.
                await asyncio.to_thread(_sweep_folder, Path(str(self._store.prefix)) / _STAGING, before)
                return
            listed = await self.answer(obstore.list(self._store, _STAGING).collect_async())
            old = [one["path"] for one in listed if one["last_modified"] < datetime.fromtimestamp(before, UTC)]
            for name in old:
                await self.answer(obstore.delete_async(self._store, name))


def _sweep_folder(folder: Path, before: float) -> None:
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):  # another process may be sweeping
            if path.stat().st_mtime < before:
                path.unlink()


async def _next(pieces: AsyncIterator[T]) -> T | None:
    return await anext(pieces, None)


def _mark(tenant: str, statement_id: str, sha2: str) -> str:
    return f"{tenant}/sent/{statement_id}/{sha2}"


def _bind(keys: TenantKeys, sha2: str) -> bytes:
    return f"{keys.tenant}\0{sha2}".encode()
