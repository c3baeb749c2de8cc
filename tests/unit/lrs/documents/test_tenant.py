"""All documents of a tenant, read a page at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Engine, delete

from identity.keys import MasterKey, TenantKeys
from identity.tables import LEARNER_KEYS
from identity.tenants import add_tenant
from identity.vault import Vault
from lrs.documents.places import Context
from lrs.documents.storage import DocumentStore, Revision
from lrs.documents.tenant import read_all_documents
from tests.unit.identity.conftest import database_url, engine, keys, master, tenant, vault

__all__ = ["database_url", "engine", "keys", "master", "tenant", "vault"]

ADA, GRACE = "a" * 32, "b" * 32


@pytest.fixture
async def store(engine: Engine, vault: Vault) -> AsyncIterator[DocumentStore]:
    store = DocumentStore(engine, vault)
    yield store
    store.close()


@pytest.mark.parametrize("at_once", [1, 2, 7, 100])
async def test_every_document_of_the_tenant_is_read_once(
    engine: Engine,
    master: MasterKey,
    vault: Vault,
    keys: TenantKeys,
    store: DocumentStore,
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
) -> None:
    add_tenant(engine, master, "other", "Other")
    contexts = [
        Context("state", "https://example.org/a", agent, registration)
        for agent in (ADA, GRACE)
        for registration in ("", "r")
    ]
    contexts.append(Context("activity-profile", "https://example.org/a"))
    for number, context in enumerate(contexts):
        for name in ("first", "second"):
            revision = Revision(f"{number} {name}".encode(), "text/plain")
            await store.change(keys, context, name, lambda _, revision=revision: revision)
    await store.change(vault.tenant_keys("other"), contexts[0], "theirs", lambda _: Revision(b"theirs", "text/plain"))
    monkeypatch.setattr("lrs.documents.tenant._AT_ONCE", at_once)

    def read() -> list[tuple[str, str, str, bytes]]:
        found = read_all_documents(engine, keys, lambda names: vault.find_learner_keys("acme", names))
        return sorted((one.agent, one.registration, one.label.id, one.content) for one in found)

    assert read() == sorted(
        (context.agent, context.registration, name, f"{number} {name}".encode())
        for number, context in enumerate(contexts)
        for name in ("first", "second")
    )
    with engine.begin() as connection:
        connection.execute(delete(LEARNER_KEYS).where(LEARNER_KEYS.c.pseudonym == ADA))
    vault = Vault(engine, master)
    # Of a learner whose key was destroyed nothing can be read.
    assert {agent for agent, *_ in read()} == {GRACE, ""}
