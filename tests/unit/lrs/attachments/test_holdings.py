"""What lies in the object store for one tenant, and nothing of another whose name begins alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import LocalStore, MemoryStore

from lrs.attachments.holdings import list_contents, remove_all
from lrs.errors import AttachmentsUnavailable
from tests.attachments import Objects

NAMES = ("a/content/11", "a/content/22", "a/sent/statement/11", "ab/content/11", "a-b/content/11", "_staging/33")


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    store = MemoryStore() if request.param == "memory" else LocalStore(tmp_path)
    for name in NAMES:
        obstore.put(store, name, b"sealed")
    return store


def test_contents_are_listed_by_hash_and_size(store: Any) -> None:
    assert sorted(list_contents(store, "a")) == [("11", 6), ("22", 6)]
    assert list(list_contents(store, "nobody")) == []


def test_everything_of_a_tenant_goes_and_nothing_else(store: Any) -> None:
    assert [remove_all(store, "a"), remove_all(store, "a"), remove_all(store, "nobody")] == [3, 0, 0]
    left = sorted(found["path"] for batch in obstore.list(store) for found in batch)
    assert left == ["_staging/33", "a-b/content/11", "ab/content/11"]


def test_no_folder_of_the_tenant_stays(objects: Objects) -> None:
    store = LocalStore(objects.folder)
    obstore.put(store, "a/sent/statement/11", b"")
    remove_all(store, "a")
    assert list(objects.folder.iterdir()) == []


def test_a_store_out_of_reach_is_told(objects: Objects) -> None:
    store = LocalStore(objects.folder)
    obstore.put(store, "a/content/11", b"sealed")
    objects.take_away()
    with pytest.raises(AttachmentsUnavailable, match="does not answer"):
        remove_all(store, "a")
