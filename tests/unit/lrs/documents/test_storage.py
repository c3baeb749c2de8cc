"""Documents in the database, SQLite or the PostgreSQL of JALON_TEST_POSTGRES_URL: at rest, apart, and raced for."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select, update

from identity.database import open_database
from identity.keys import MasterKey, TenantKeys
from identity.tables import DOCUMENTS, LEARNER_KEYS
from identity.tenants import add_tenant
from identity.vault import Vault
from lrs.documents.places import Context
from lrs.documents.preconditions import Preconditions, Tags, check_change
from lrs.documents.storage import Document, DocumentStore, Revision, compute_etag
from lrs.errors import IdentityUnavailable, Overloaded, PreconditionFailed
from tests.unit.identity.conftest import database_url, engine, keys, tenant, vault
from tests.unit.lrs.doubles import soon

__all__ = ["database_url", "engine", "keys", "tenant", "vault"]

ADA, GRACE = "a" * 32, "b" * 32
STATE = Context("state", "https://example.org/MARKER-activity", ADA)
ACTIVITY_PROFILE = Context("activity-profile", "https://example.org/MARKER-activity")
AGENT_PROFILE = Context("agent-profile", agent=ADA)
CONTEXTS = (STATE, ACTIVITY_PROFILE, AGENT_PROFILE)
FIRST = Revision(b"MARKER-content", "text/MARKER-type")


MASTER = secrets.token_bytes(32)


@pytest.fixture
def master() -> MasterKey:
    """A key that other processes can be told."""
    return MasterKey(MASTER)


@pytest.fixture
async def store(engine: Engine, vault: Vault) -> AsyncIterator[DocumentStore]:
    store = DocumentStore(engine, vault)
    yield store
    store.close()


def put(revision: Revision):
    return lambda _current: revision


def matching(etag: str, revision: Revision):
    def decide(current: Document | None) -> Revision:
        check_change(Preconditions(if_match=Tags(False, frozenset({etag}))), current and current.etag)
        return revision

    return decide


async def test_nothing_of_a_document_is_in_clear(engine: Engine, store: DocumentStore, keys: TenantKeys) -> None:
    for context in CONTEXTS:
        await store.change(keys, context, "MARKER-id", put(FIRST))
        assert (await store.get(keys, context, "MARKER-id")).revision == FIRST
    with engine.connect() as connection:
        rows = connection.execute(select(DOCUMENTS)).all()
    assert [row.resource for row in rows if b"MARKER" in repr(tuple(row)).encode()] == []
    assert {row.agent for row in rows} == {ADA, ""}
    assert compute_etag(FIRST.content) not in repr(rows)


async def test_the_same_id_is_found_by_another_digest_in_another_tenant(
    engine: Engine, master: MasterKey, vault: Vault, store: DocumentStore, keys: TenantKeys
) -> None:
    add_tenant(engine, master, "other", "Other")
    others = vault.tenant_keys("other")
    for context in CONTEXTS:
        await store.change(keys, context, "id", put(FIRST))
        assert await store.get(others, context, "id") is None
        assert await store.list_entries(others, context, None) == []
        await store.delete_all(others, context)
        assert await store.get(keys, context, "id") is not None
        await store.change(others, context, "id", put(Revision(b"theirs", "text/plain")))
        assert (await store.get(keys, context, "id")).revision == FIRST
    with engine.connect() as connection:
        rows = connection.execute(select(DOCUMENTS)).all()
    assert len({row.context for row in rows}) == len({(row.tenant, row.context) for row in rows}) == 6
    assert len({row.name for row in rows}) == 2


async def test_a_row_opens_in_its_own_place_alone(engine: Engine, store: DocumentStore, keys: TenantKeys) -> None:
    await store.change(keys, STATE, "one", put(FIRST))
    await store.change(keys, STATE, "two", put(Revision(b"two", "text/plain")))
    with engine.begin() as connection:
        one, two = connection.execute(select(DOCUMENTS).order_by(DOCUMENTS.c.stored_at)).all()
        moved = update(DOCUMENTS).where(DOCUMENTS.c.name == two.name)
        connection.execute(moved.values(label=one.label, content=one.content))
    assert await store.get(keys, STATE, "two") is None
    assert [entry.id for entry in await store.list_entries(keys, STATE, None)] == ["one"]


async def test_what_was_sealed_under_a_destroyed_key_is_gone(
    engine: Engine, master: MasterKey, store: DocumentStore, keys: TenantKeys
) -> None:
    graces = Context("state", STATE.activity, GRACE)
    for context in (*CONTEXTS, graces):
        await store.change(keys, context, "id", put(FIRST))
    with engine.begin() as connection:
        connection.execute(delete(LEARNER_KEYS).where(LEARNER_KEYS.c.pseudonym == ADA))
    fresh = DocumentStore(engine, Vault(engine, master))
    for context in (STATE, AGENT_PROFILE):
        assert await fresh.get(keys, context, "id") is None
        assert await fresh.list_entries(keys, context, None) == []
    for context in (ACTIVITY_PROFILE, graces):
        assert (await fresh.get(keys, context, "id")).revision == FIRST
    # The same person may come back, and finds nothing of what was.
    again = Revision(b"again", "text/plain")
    seen: list[Document | None] = []
    await fresh.change(keys, STATE, "id", lambda current: seen.append(current) or again)
    assert seen == [None]
    assert (await fresh.get(keys, STATE, "id")).revision == again
    assert await fresh.list_entries(keys, AGENT_PROFILE, None) == []
    await fresh.delete(keys, AGENT_PROFILE, "id", seen.append)
    assert seen == [None, None]
    with engine.connect() as connection:
        assert len(connection.execute(select(DOCUMENTS)).all()) == 3
    fresh.close()


async def test_reading_makes_no_key(engine: Engine, store: DocumentStore, keys: TenantKeys) -> None:
    assert await store.get(keys, STATE, "id") is None
    assert await store.list_entries(keys, STATE, None) == []
    await store.delete(keys, STATE, "id", lambda _current: None)
    await store.delete_all(keys, STATE)
    with engine.connect() as connection:
        assert connection.execute(select(LEARNER_KEYS)).all() == []


async def test_what_a_decision_raises_leaves_all_as_it_was(store: DocumentStore, keys: TenantKeys) -> None:
    await store.change(keys, STATE, "id", put(FIRST))

    def refuse(_current: Document | None) -> Revision:
        raise PreconditionFailed("no")

    with pytest.raises(PreconditionFailed):
        await store.change(keys, STATE, "id", refuse)
    with pytest.raises(PreconditionFailed):
        await store.delete(keys, STATE, "id", refuse)
    assert (await store.get(keys, STATE, "id")).revision == FIRST


async def test_documents_of_any_size_and_bytes_come_back(store: DocumentStore, keys: TenantKeys) -> None:
    for number, content in enumerate((b"", b"\0", bytes(range(256)) * 20_000)):
        revision = Revision(content, "application/octet-stream")
        await store.change(keys, STATE, f"\0é{number}", put(revision))
        document = await store.get(keys, STATE, f"\0é{number}")
        assert document.revision == revision
        assert abs((datetime.now(UTC) - document.stored_at).total_seconds()) < 60


async def test_of_many_threads_with_one_tag_one_wins(engine: Engine, vault: Vault, keys: TenantKeys) -> None:
    store = DocumentStore(engine, vault, threads=8)
    await store.change(keys, STATE, "id", put(FIRST))
    for _ in range(5):
        tag = (await store.get(keys, STATE, "id")).etag
        tries = [
            store.change(keys, STATE, "id", matching(tag, Revision(b"%d after " % number + tag.encode(), "text/plain")))
            for number in range(8)
        ]
        results = await asyncio.gather(*tries, return_exceptions=True)
        winners = [result for result in results if isinstance(result, Document)]
        assert len(winners) == 1
        assert {type(result) for result in results} == {Document, PreconditionFailed}
        assert (await store.get(keys, STATE, "id")).revision == winners[0].revision
    store.close()


async def test_no_update_among_many_threads_is_lost(engine: Engine, vault: Vault, keys: TenantKeys) -> None:
    store = DocumentStore(engine, vault, threads=8)

    def count(current: Document | None) -> Revision:
        return Revision(b"%d" % (int(current.revision.content) + 1 if current else 1), "text/plain")

    await asyncio.gather(*(store.change(keys, STATE, "new", count) for _ in range(40)))
    assert (await store.get(keys, STATE, "new")).revision.content == b"40"
    store.close()


@pytest.mark.usefixtures("tenant")
def test_of_many_processes_with_one_tag_one_wins(database_url: str) -> None:
    script = textwrap.dedent("""
        import asyncio, sys
        from identity.database import open_database
        from identity.keys import MasterKey
        from identity.vault import Vault
        from lrs.documents.places import Context
        from lrs.documents.preconditions import Preconditions, check_change, read_preconditions
        from lrs.documents.storage import DocumentStore, Revision
        from lrs.errors import PreconditionFailed

        async def main():
            vault = Vault(open_database(sys.argv[1]), MasterKey(bytes.fromhex(sys.stdin.readline())))
            store = DocumentStore(vault._engine, vault)
            keys = vault.tenant_keys("acme")
            context = Context("state", "https://example.org/1", "a" * 32)
            for number in range(20):
                print("ready", flush=True)
                header = sys.stdin.readline().strip()
                asked = read_preconditions(*(([], ["*"]) if header == "*" else ([f'"{header}"'], [])))
                mine = Revision(f"{sys.argv[2]} {number}".encode(), "text/plain")

                def decide(current):
                    check_change(asked, current and current.etag)
                    return mine

                try:
                    await store.change(keys, context, "id", decide)
                    print("won", flush=True)
                except PreconditionFailed:
                    print("lost", flush=True)
            store.close()
            vault._engine.dispose()

        asyncio.run(main())
    """)
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script, database_url, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]

    def tell(text: str) -> None:
        for process in processes:
            process.stdin.write(f"{text}\n")
            process.stdin.flush()

    def hear() -> list[str]:
        return [process.stdout.readline().strip() for process in processes]

    tell(MASTER.hex())
    tag = "*"
    for number in range(20):
        assert hear() == ["ready"] * 3
        tell(tag)
        outcomes = hear()
        assert sorted(outcomes) == ["lost", "lost", "won"]
        tag = compute_etag(f"{outcomes.index('won')} {number}".encode())
    for process in processes:
        process.communicate(timeout=30)
        assert process.returncode == 0


async def test_more_calls_than_may_wait_are_refused(engine: Engine, vault: Vault, keys: TenantKeys) -> None:
    store = DocumentStore(engine, vault, threads=1, waiting=2)
    goes_on, entered = threading.Event(), threading.Event()

    def hold(_current: Document | None) -> Revision:
        entered.set()
        goes_on.wait(10)
        return FIRST

    first = asyncio.create_task(store.change(keys, STATE, "id", hold))
    assert await asyncio.to_thread(entered.wait, 10)
    second = asyncio.create_task(store.get(keys, STATE, "id"))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await store.get(keys, STATE, "id")
    goes_on.set()
    await soon(first)
    assert (await soon(second)).revision == FIRST
    store.close()


async def test_a_database_out_of_reach_is_unavailable(tmp_path: Path, vault: Vault, keys: TenantKeys) -> None:
    unready = open_database(f"sqlite:///{tmp_path}/empty.db")
    store = DocumentStore(unready, vault)
    for call in (
        store.get(keys, ACTIVITY_PROFILE, "id"),
        store.list_entries(keys, ACTIVITY_PROFILE, None),
        store.change(keys, STATE, "id", put(FIRST)),
        store.delete(keys, STATE, "id", lambda _current: None),
        store.delete_all(keys, STATE),
    ):
        with pytest.raises(IdentityUnavailable):
            await call
    store.close()
    unready.dispose()
