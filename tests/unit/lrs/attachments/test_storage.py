"""The object store: what lies where, what is swept away, and what happens when it does not answer."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import obstore
import pytest
from obstore.store import LocalStore, MemoryStore

from identity.keys import TenantKeys
from jalon.errors import WrongSettings
from jalon.settings import Settings
from lrs.attachments.storage import SCHEMES, AttachmentStore, open_store
from lrs.errors import AttachmentsUnavailable, InternalError
from tests.attachments import Objects
from tests.unit.lrs.doubles import soon

CONTENT = os.urandom(300_000)
SHA2 = hashlib.sha256(CONTENT).hexdigest()


def keys_of(tenant: str) -> TenantKeys:
    return TenantKeys(tenant, 1, *(hashlib.sha256(f"{tenant} {number}".encode()).digest() for number in range(4)))


KEYS = keys_of("institut")


async def put(store: AttachmentStore, keys: TenantKeys = KEYS) -> None:
    staged = await store.stage(keys, SHA2)
    for start in range(0, len(CONTENT), 70_000):
        await staged.write(CONTENT[start : start + 70_000])
    await staged.finish()
    await store.keep(staged, keys.tenant, SHA2)


async def read(store: AttachmentStore, keys: TenantKeys = KEYS, sha2: str = SHA2) -> bytes | None:
    pieces: AsyncIterator[bytes] | None = await store.read(keys, sha2)
    return None if pieces is None else b"".join([piece async for piece in pieces])


@pytest.mark.parametrize("local", [True, False])
async def test_what_was_kept_is_read_back_in_its_tenant_alone(objects: Objects, local: bool) -> None:
    store = AttachmentStore(LocalStore(objects.folder) if local else MemoryStore())
    await put(store)
    assert await read(store) == CONTENT
    assert await read(store, keys_of("another")) is None
    assert await read(store, sha2="0" * 64) is None


async def test_an_object_moved_to_another_name_or_tenant_does_not_open(objects: Objects) -> None:
    store = AttachmentStore(LocalStore(objects.folder))
    await put(store)
    for tenant, sha2 in (("institut", "0" * 64), ("another", SHA2)):
        await obstore.copy_async(LocalStore(objects.folder), f"institut/content/{SHA2}", f"{tenant}/content/{sha2}")
        with pytest.raises(InternalError):
            await read(store, keys_of(tenant), sha2)


async def test_what_is_read_while_the_same_is_put_again_is_whole(objects: Objects) -> None:
    store = AttachmentStore(LocalStore(objects.folder))
    await put(store)
    pieces = await store.read(KEYS, SHA2)
    assert pieces is not None
    first = await anext(pieces)
    await put(store)
    assert first + b"".join([piece async for piece in pieces]) == CONTENT


@pytest.mark.parametrize("finished", [True, False])
async def test_what_is_discarded_leaves_nothing(objects: Objects, finished: bool) -> None:
    store = AttachmentStore(LocalStore(objects.folder))
    staged = await store.stage(KEYS, SHA2)
    for _ in range(20):
        await staged.write(CONTENT)
    assert objects.files()
    if finished:
        await staged.finish()
    await store.discard(staged)
    assert objects.files() == []
    await store.discard(staged)


async def test_what_was_sent_beside_a_file_url_is_noted_for_its_statement(objects: Objects) -> None:
    store = AttachmentStore(LocalStore(objects.folder))
    await store.mark_sent("institut", "one", SHA2)
    assert await store.was_sent("institut", "one", SHA2)
    assert not await store.was_sent("institut", "other", SHA2)
    assert not await store.was_sent("another", "one", SHA2)


async def test_what_a_killed_process_left_is_swept_away_at_the_start(objects: Objects) -> None:
    local = LocalStore(objects.folder)
    first = AttachmentStore(local)
    await put(first)
    for name in ("old", "new"):
        await obstore.put_async(local, f"_staging/{name}", b"x")
    (objects.folder / "_staging/unfinished#1").write_bytes(b"x")  # as the store calls what it is writing
    day_ago = time.time() - 25 * 3600
    for name in ("_staging/old", "_staging/unfinished#1", f"institut/content/{SHA2}"):
        os.utime(objects.folder / name, (day_ago, day_ago))
    store = AttachmentStore(local)
    await store.start()
    assert store.sweeping is not None
    await soon(store.sweeping)
    assert objects.files() == ["_staging/new", f"institut/content/{SHA2}"]
    await store.stop()


async def test_a_store_that_was_never_written_to_is_swept_too(objects: Objects) -> None:
    for store in (AttachmentStore(LocalStore(objects.folder)), AttachmentStore(MemoryStore())):
        await store.start()
        assert store.sweeping is not None
        await soon(store.sweeping)
        await store.stop()


async def test_a_store_out_of_reach_is_told_and_logged_once(objects: Objects, caplog: pytest.LogCaptureFixture) -> None:
    store = AttachmentStore(LocalStore(objects.folder))
    await put(store)
    objects.take_away()
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            with pytest.raises(AttachmentsUnavailable):
                await put(store)
        objects.bring_back()
        await put(store)
    assert [record.message for record in caplog.records] == ["attachments_unreachable", "attachments_reached"]


async def test_a_remote_store_that_does_not_answer_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # the discard port: nobody listens
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    store = AttachmentStore(open_store("s3://bucket/prefix"), answer_seconds=5)
    with pytest.raises(AttachmentsUnavailable):
        await soon(put(store))
    with pytest.raises(AttachmentsUnavailable):
        await soon(store.read(KEYS, SHA2))


def test_a_local_store_is_made_where_there_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "with space é" / "attachments"
    store = open_store(Settings.check({"data_dir": folder.parent}).attachments_address)
    assert isinstance(store, LocalStore)
    assert Path(str(store.prefix)).samefile(folder)


@pytest.mark.parametrize("url", ["gopher://x", "s3:", "nothing"])
def test_an_address_of_no_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        open_store(url)


def test_settings_take_the_addresses_that_a_store_is_opened_at() -> None:
    for scheme in SCHEMES:
        assert Settings.check({"attachments_url": f"{scheme}://bucket/prefix/"}).attachments_url.endswith("/prefix")
    for wrong in ("memory:///", "http://example.org", "bucket"):
        with pytest.raises(WrongSettings, match="JALON_ATTACHMENTS_URL"):
            Settings.check({"attachments_url": wrong})
