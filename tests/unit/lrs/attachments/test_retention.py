"""Attachments that nothing is left of: set aside, read meanwhile, put back when needed, and gone in the end."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import obstore
import pytest
from obstore.store import LocalStore, MemoryStore

from identity.keys import TenantKeys
from lrs.attachments.retention import TenantObjects
from lrs.attachments.storage import AttachmentStore
from tests.attachments import Objects

KEYS = TenantKeys("institut", 1, *(bytes([number]) * 32 for number in range(4)))
OTHER = TenantKeys("other", 1, *(bytes([number]) * 32 for number in range(4)))
NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=2)


async def put(store: AttachmentStore, content: bytes, keys: TenantKeys = KEYS) -> str:
    sha2 = hashlib.sha256(content).hexdigest()
    staged = await store.stage(keys, sha2)
    await staged.write(content)
    await staged.finish()
    await store.keep(staged, keys.tenant, sha2)
    return sha2


async def read(store: AttachmentStore, sha2: str) -> bytes | None:
    pieces = await store.read(KEYS, sha2)
    return None if pieces is None else b"".join([piece async for piece in pieces])


@pytest.fixture(params=["local", "memory"])
def objects_store(request: pytest.FixtureRequest, objects: Objects) -> LocalStore | MemoryStore:
    return LocalStore(objects.folder) if request.param == "local" else MemoryStore()


async def test_what_nothing_is_left_of_is_gone_two_days_later_and_nothing_else(
    objects_store: LocalStore | MemoryStore,
) -> None:
    store = AttachmentStore(objects_store)
    gone, kept = await put(store, b"gone"), await put(store, b"kept")
    await put(store, b"gone", OTHER)
    at = TenantObjects(objects_store, "institut", LATER)
    found = at.find(lambda sha2: sha2 == kept)
    assert found.names == (gone,)
    assert found.bytes > len(b"gone")
    at.set_aside(found)
    assert at.settle(lambda sha2: sha2 == kept) == 0
    assert await read(store, gone) == b"gone"
    assert TenantObjects(objects_store, "institut", LATER + timedelta(days=2)).settle(lambda _: False) == 1
    assert await read(store, gone) is None
    assert await read(store, kept) == b"kept"
    assert obstore.head(objects_store, f"other/content/{gone}")


async def test_what_came_a_moment_ago_is_not_looked_at(objects_store: LocalStore | MemoryStore) -> None:
    await put(AttachmentStore(objects_store), b"new")
    assert TenantObjects(objects_store, "institut", NOW).find(lambda _: False).names == ()


async def test_what_is_sent_anew_while_it_is_aside_is_there_again(objects_store: LocalStore | MemoryStore) -> None:
    store = AttachmentStore(objects_store)
    sha2 = await put(store, b"again")
    at = TenantObjects(objects_store, "institut", LATER)
    at.set_aside(at.find(lambda _: False))
    later = TenantObjects(objects_store, "institut", LATER + timedelta(days=5))
    assert later.settle(lambda _: True) == 0
    assert await read(store, sha2) == b"again"
    assert obstore.head(objects_store, f"institut/content/{sha2}")


async def test_marks_of_statements_are_listed_and_removed(objects_store: LocalStore | MemoryStore) -> None:
    store = AttachmentStore(objects_store)
    await store.mark_sent("institut", "one", "0" * 64)
    await store.mark_sent("institut", "two", "0" * 64)
    at = TenantObjects(objects_store, "institut", LATER)
    assert set(at.list_marks()) == {("one", "0" * 64), ("two", "0" * 64)}
    at.remove_mark("one", "0" * 64)
    at.remove_mark("one", "0" * 64)
    assert not await store.was_sent("institut", "one", "0" * 64)
    assert await store.was_sent("institut", "two", "0" * 64)
