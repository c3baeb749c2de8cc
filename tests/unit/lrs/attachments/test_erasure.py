"""Which attachments go with an erased person, and how they leave the object store."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import obstore
import pytest
from obstore.store import MemoryStore

from identity.sealing import PSEUDONYM_HOME
from lrs.attachments.erasure import AttachmentRemoval, choose_contents
from lrs.errors import AttachmentsUnavailable
from tests.attachments import SIGNED, describe

ADA, GRACE, ALAN = "a" * 32, "b" * 32, "c" * 32
CONTENT = b"a certificate"
SHA2 = hashlib.sha256(CONTENT).hexdigest()


def agent(*names: str) -> dict[str, Any]:
    one = [{"objectType": "Agent", "account": {"homePage": PSEUDONYM_HOME, "name": name}} for name in names]
    return one[0] if len(one) == 1 else {"objectType": "Group", "member": one}


def make_statement(*actors: str, **changes: Any) -> dict[str, Any]:
    activity = {"objectType": "Activity", "id": "https://example.org/a"}
    return {"actor": agent(*actors), "object": activity, "attachments": [describe(CONTENT)], **changes}


SIGNATURE = {"attachments": [describe(CONTENT, **SIGNED)]}
NESTED = {"object": {"objectType": "SubStatement", **make_statement(GRACE)}, "attachments": []}


@pytest.mark.parametrize(
    ("statements", "goes"),
    [
        ([make_statement(ADA)], True),
        ([make_statement(GRACE)], False),
        ([make_statement(ADA), make_statement(GRACE)], False),
        ([make_statement(ADA), make_statement(ADA)], True),
        ([make_statement(ADA, GRACE)], False),
        ([make_statement(ADA, ALAN)], True),
        ([make_statement(ADA, object=agent(GRACE))], False),
        ([make_statement(ADA, context={"instructor": agent(GRACE)})], True),
        ([make_statement(GRACE, context={"instructor": agent(ADA)})], False),
        ([make_statement(GRACE, context={"instructor": agent(ADA)}, **SIGNATURE)], True),
        ([make_statement(GRACE, **SIGNATURE)], False),
        ([make_statement(ADA, **NESTED)], True),
        ([make_statement(ADA, actor={"objectType": "Group", "member": []})], False),
    ],
)
def test_a_content_goes_when_all_whose_it_is_were_erased(statements: list[dict[str, Any]], goes: bool) -> None:
    assert choose_contents(statements, {ADA, ALAN}) == {SHA2: goes}


def put(store: MemoryStore, *names: str) -> None:
    for name in names:
        obstore.put(store, name, b"sealed")


def names_in(store: MemoryStore) -> set[str]:
    return {found["path"] for page in obstore.list(store) for found in page}


def test_what_is_removed_takes_its_notes_along_and_nobody_elses() -> None:
    store, ours, theirs = MemoryStore(), str(uuid.uuid4()), str(uuid.uuid4())
    rest = {f"acme/sent/{theirs}/{SHA2}", f"other/content/{SHA2}", f"other/sent/{ours}/{SHA2}"}
    put(store, f"acme/content/{SHA2}", f"acme/sent/{ours}/{SHA2}", *rest)
    removal = AttachmentRemoval(store, "acme")
    removal.set_aside(SHA2)
    assert removal.list_aside() == [SHA2]
    removal.remove(SHA2, [ours])
    removal.remove(SHA2, [ours])  # a run that was broken off and is run again
    assert names_in(store) == rest
    assert removal.list_aside() == []


def test_what_is_put_back_is_as_it_was() -> None:
    store = MemoryStore()
    put(store, f"acme/content/{SHA2}")
    removal = AttachmentRemoval(store, "acme")
    removal.set_aside(SHA2)
    assert names_in(store) == {f"acme/erasing/{SHA2}"}
    removal.put_back(SHA2)
    removal.put_back(SHA2)
    assert names_in(store) == {f"acme/content/{SHA2}"}


def test_marks_are_a_tenants_own() -> None:
    store = MemoryStore()
    removal = AttachmentRemoval(store, "acme")
    removal.mark_erased(ADA, "signed")
    AttachmentRemoval(store, "other").mark_erased(GRACE, "signed too")
    assert removal.list_marks() == {ADA}
    assert removal.read_mark(ADA) == "signed"


def test_a_store_that_does_not_answer_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(obstore, "list", fail)
    with pytest.raises(AttachmentsUnavailable):
        AttachmentRemoval(MemoryStore(), "acme").list_marks()
