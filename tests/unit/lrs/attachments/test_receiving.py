"""What happens to contents on their way in: kept once, or gone without a trace."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from obstore.store import LocalStore

from lrs.attachments.storage import AttachmentStore
from lrs.errors import LogUnavailable
from lrs.limits import Limits
from tests.attachments import (
    BOUNDARY,
    MULTIPART,
    Objects,
    Part,
    attach_signature,
    describe,
    read_answer,
    sign,
    write_body,
    write_parts,
)
from tests.unit.lrs.doubles import soon
from tests.unit.lrs.world import Identity, World, make_statement, open_world

POST = "/xAPI/statements"
CONTENT = b"%PDF-1.7 a certificate\r\n" * 9_000  # some chunks of the encryption


def sha2(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def post(client: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    return await client.post(POST, content=body, headers={**MULTIPART, **headers})


def with_attachment(
    content: bytes = CONTENT, description: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    return make_statement(attachments=[describe(content, **(description or {}))], **changes)


async def test_a_content_is_kept_sealed_under_its_hash_in_its_tenants_folder(world: World, objects: Objects) -> None:
    answer = await post(world.client(), write_body(with_attachment(), CONTENT))
    assert answer.status_code == 200
    assert objects.files() == [f"{world.tenant}/content/{sha2(CONTENT)}"]
    assert b"certificate" not in objects.read(objects.files()[0])
    assert (
        world.services.receiving.staging.held
        == world.services.receiving.buffers.held
        == world.services.bodies.held
        == 0
    )


async def test_the_same_content_again_is_one_object_also_of_other_statements(world: World, objects: Objects) -> None:
    client = world.client()
    assert (await post(client, write_body(with_attachment(), CONTENT))).status_code == 200
    first = objects.identities()
    assert len(first) == 1
    for _ in range(3):
        assert (await post(client, write_body([with_attachment(), with_attachment()], CONTENT))).status_code == 200
    assert (await post(client, write_body(with_attachment(), CONTENT, CONTENT))).status_code == 200
    assert objects.identities() == first


async def test_two_tenants_with_one_content_share_nothing(world: World, objects: Objects) -> None:
    for tenant in (world.tenant, world.add_tenant()):
        assert (await post(world.client(tenant=tenant), write_body(with_attachment(), CONTENT))).status_code == 200
    one, other = objects.files()
    assert one.partition("/")[0] != other.partition("/")[0]
    assert objects.read(one) != objects.read(other)


async def test_put_takes_attachments_too(world: World, objects: Objects) -> None:
    answer = await world.client().put(
        POST,
        params={"statementId": str(uuid.uuid4())},
        content=write_body(with_attachment(), CONTENT),
        headers=MULTIPART,
    )
    assert (answer.status_code, len(objects.files())) == (204, 1)


async def test_contents_are_durable_before_the_log_has_the_statement(world: World, objects: Objects) -> None:
    world.log.acknowledges.clear()
    request = asyncio.create_task(post(world.client(), write_body(with_attachment(), CONTENT)))
    await soon(world.log.sent.wait())
    assert objects.files() == [f"{world.tenant}/content/{sha2(CONTENT)}"]
    world.log.acknowledges.set()
    assert (await soon(request)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        write_parts([Part.of_statements(with_attachment()), Part.of_attachment(CONTENT + b"x", sha2(CONTENT))]),
        write_body(with_attachment(), CONTENT).removesuffix(b"--\r\n"),
        write_body(with_attachment(), CONTENT)[:-200],
        write_body(with_attachment(), CONTENT, b"excess"),
        write_body([with_attachment(), with_attachment(b"missing")], CONTENT),
        write_body([with_attachment(), make_statement(actor={"mbox": "nobody"})], CONTENT),
        write_body(attach_signature(with_attachment(), b"no.jws"), CONTENT, b"no.jws"),
    ],
    ids=["hash", "no-end", "cut", "excess", "missing", "invalid", "signature"],
)
async def test_a_refused_request_leaves_nothing(world: World, objects: Objects, body: bytes) -> None:
    answer = await post(world.client(), body)
    assert answer.status_code == 400
    assert objects.files() == []
    assert world.log.records == []
    assert (
        world.services.receiving.staging.held
        == world.services.receiving.buffers.held
        == world.services.bodies.held
        == 0
    )


async def test_a_conflict_leaves_nothing_and_takes_nothing_away(world: World, objects: Objects) -> None:
    client = world.client()
    statement_id = str(uuid.uuid4())
    assert (await post(client, write_body(with_attachment(id=statement_id), CONTENT))).status_code == 200
    before = objects.files()
    for content in (CONTENT, b"another"):
        other = with_attachment(content, id=statement_id, object={"id": "https://example.org/other"})
        assert (await post(client, write_body(other, content))).status_code == 409
        assert objects.files() == before


async def test_the_same_statement_again_is_a_success_that_stores_nothing(world: World, objects: Objects) -> None:
    client = world.client()
    statement = with_attachment(id=str(uuid.uuid4()))
    assert (await post(client, write_body(statement, CONTENT))).headers["x-jalon-duplicates"] == "0"
    before = objects.identities()
    assert (await post(client, write_body(statement, CONTENT))).headers["x-jalon-duplicates"] == "1"
    assert objects.identities() == before


async def test_a_log_out_of_reach_leaves_at_most_what_the_next_try_needs(world: World, objects: Objects) -> None:
    client = world.client(sees=True)
    world.log.failures.append(LogUnavailable("Kafka does not answer."))
    statement = with_attachment(id=str(uuid.uuid4()))
    assert (await post(client, write_body(statement, CONTENT))).status_code == 503
    assert objects.files() == [f"{world.tenant}/content/{sha2(CONTENT)}"]
    assert (await post(client, write_body(statement, CONTENT))).status_code == 200
    read = await client.get(POST, params={"attachments": "true"})
    assert read_answer(read.headers["content-type"], read.content).contents == [CONTENT]


@pytest.mark.parametrize(
    ("limits", "status", "limit"),
    [
        ({"attachment_bytes": len(CONTENT) - 1}, 413, len(CONTENT) - 1),
        ({"attachments_bytes": len(CONTENT)}, 413, len(CONTENT)),
        ({"attachment_parts": 1}, 413, 1),
        ({"body_bytes": 100}, 413, 100),
        ({"attachment_bytes": len(CONTENT), "attachments_bytes": len(CONTENT) + 3, "attachment_parts": 2}, 200, None),
    ],
)
async def test_sizes_and_numbers_are_bounded(
    identity: Identity, objects: Objects, limits: dict[str, int], status: int, limit: int | None
) -> None:
    async with open_world(identity, Limits(**limits), objects=LocalStore(objects.folder)) as world:
        statement = make_statement(attachments=[describe(CONTENT), describe(b"abc")])
        answer = await post(world.client(), write_body(statement, CONTENT, b"abc"))
        assert answer.status_code == status
        if limit is not None:
            assert (answer.json()["code"], answer.json()["limit"]) == ("too-large", limit)
            assert objects.files() == []


async def test_a_length_over_the_limit_is_refused_before_it_is_read(identity: Identity) -> None:
    limits = Limits(body_bytes=1000, attachments_bytes=1000, attachment_parts=1)
    async with open_world(identity, limits) as world:
        length = str(2000 + 2 * 8192 + 1)
        answer = await post(world.client(), write_body(make_statement()), **{"Content-Length": length})
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


async def test_a_signature_lies_in_memory_within_the_limit_of_a_body(identity: Identity, objects: Objects) -> None:
    async with open_world(identity, Limits(body_bytes=4000), objects=LocalStore(objects.folder)) as world:
        signature = b"x" * 4000
        answer = await post(world.client(), write_body(attach_signature(make_statement(), signature), signature))
        assert (answer.status_code, objects.files()) == (413, [])


async def test_what_is_under_way_is_bounded_for_all_together(identity: Identity, objects: Objects) -> None:
    async with open_world(identity, Limits(staged_bytes=1000), objects=LocalStore(objects.folder)) as world:
        with world.services.receiving.staging.share() as others:
            others.take(900)
            answer = await post(world.client(), write_body(with_attachment(), CONTENT))
            assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
            assert answer.headers["retry-after"]
            assert objects.files() == []
        # The only one may exceed it, else nothing large could ever pass.
        assert (await post(world.client(), write_body(with_attachment(), CONTENT))).status_code == 200


async def test_a_slow_body_is_given_up(identity: Identity, objects: Objects) -> None:
    async with open_world(identity, Limits(attachment_seconds=0.05), objects=LocalStore(objects.folder)) as world:
        body = write_body(with_attachment(), CONTENT)

        async def stall() -> AsyncIterator[bytes]:
            yield body[:-100]
            await asyncio.sleep(30)

        answer = await soon(world.client().post(POST, content=stall(), headers=MULTIPART))
        assert (answer.status_code, objects.files()) == (408, [])


async def test_an_object_store_out_of_reach_is_503_and_nothing_is_accepted(
    identity: Identity, objects: Objects
) -> None:
    async with open_world(identity, objects=LocalStore(objects.folder)) as world:
        objects.take_away()
        client = world.client()
        answer = await post(client, write_body(with_attachment(), CONTENT))
        assert (answer.status_code, answer.json()["code"]) == (503, "attachments-unavailable")
        assert answer.headers["retry-after"]
        assert world.log.records == []
        # Statements without attachments do not need it.
        assert (await client.post(POST, json=make_statement())).status_code == 200
        objects.bring_back()
        assert (await post(client, write_body(with_attachment(), CONTENT))).status_code == 200


async def test_a_slow_object_store_does_not_use_up_the_time_for_the_log(
    identity: Identity, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = AttachmentStore.keep

    async def keep_slowly(*arguments: Any) -> None:
        await asyncio.sleep(0.3)
        await keep(*arguments)

    monkeypatch.setattr(AttachmentStore, "keep", keep_slowly)
    async with open_world(identity, Limits(ack_seconds=0.2), objects=LocalStore(objects.folder)) as world:
        assert (await post(world.client(), write_body(with_attachment(), CONTENT))).status_code == 200
        # And the log still has its bound.
        world.log.acknowledges.clear()
        answer = await soon(post(world.client(), write_body(with_attachment(), CONTENT)))
        assert (answer.status_code, answer.json()["code"]) == (503, "outcome-unknown")


async def test_a_large_batch_is_prepared_off_the_loop_with_its_attachments(world: World, objects: Objects) -> None:
    batch = [with_attachment() for _ in range(300)]
    answer = await post(world.client(), write_body(batch, CONTENT))
    assert (len(answer.json()), len(objects.files())) == (300, 1)


async def test_a_large_signature_is_checked_off_the_loop(world: World) -> None:
    statement = make_statement(result={"response": "x" * 100_000})
    signature = sign(statement)
    assert (
        await post(world.client(), write_body(attach_signature(statement, signature), signature))
    ).status_code == 200


async def test_a_compressed_multipart_body_is_refused(world: World) -> None:
    answer = await post(world.client(), write_body(make_statement()), **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415


async def test_a_boundary_that_others_choose_is_understood(world: World) -> None:
    boundary = "=_Part 1:2"
    body = write_parts([Part.of_statements(make_statement())], boundary)
    answer = await world.client().post(
        POST, content=b"\r\n" + body, headers={"Content-Type": f'multipart/mixed; boundary="{boundary}"'}
    )
    assert answer.status_code == 200
    assert boundary != BOUNDARY
