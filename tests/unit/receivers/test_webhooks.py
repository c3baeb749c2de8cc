"""What is posted to a webhook: taken once it is durable, refused with a clear code, harmless when it repeats."""

from __future__ import annotations

import asyncio
import logging
import shutil
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from identity.removal import begin_removal
from identity.tenants import resume_tenant, suspend_tenant
from identity.webhooks import remove_webhook
from lrs.errors import LogUnavailable
from lrs.limits import Limits
from producers.bigbluebutton import BigBlueButtonSource, Conventions
from producers.production import map_rows
from receivers.sources import PATIENCE
from tests.unit.lrs.doubles import MemoryLog, soon
from tests.unit.receivers.world import SECRET, World, bbb_event, name_tenant, open_world, zoom_event
from xapi_profiles.record import parse_headers

BY = {"who": "process:tests", "why": ""}
JOIN = "http://activitystrea.ms/join"
LEAVE = "http://activitystrea.ms/leave"


@pytest.fixture
def database(migrated_sqlite: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'identity.db')}"


@pytest.fixture
async def world(database: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, tmp_path / "producers") as world:
        yield world


def verbs(log: MemoryLog) -> list[str]:
    return [statement["verb"]["id"] for statement in in_order(log)]


def in_order(log: MemoryLog) -> list[dict[str, Any]]:
    return [one for record in sorted(log.records, key=lambda record: record.stamp) for one in record.statements]


async def test_an_event_of_bigbluebutton_is_in_the_log_as_a_producer_writes_it(world: World, tmp_path: Path) -> None:
    tenant = world.add_tenant()
    path = world.add_webhook("bigbluebutton", tenant, prefix="ih-")
    event = bbb_event("user-joined", role="VIEWER")
    answer = await world.post_bigbluebutton(path, event)
    assert (answer.status_code, answer.json()) == (200, {"statements": 1, "rejected": 0, "ignored": 0})
    [record] = world.log.records
    origin = parse_headers(record.headers)
    assert (origin.tenant, origin.source, origin.version) == (tenant, "bigbluebutton", "1.0.3")
    assert record.key == f"{tenant}:{record.statements[0]['id']}".encode()
    # The same statement, with the same id, as `jalon produce` makes of a file of such bodies.
    naming = name_tenant(tenant, "")
    file = tmp_path / "hooks.jsonl"
    file.write_bytes(orjson.dumps(event))
    source = BigBlueButtonSource(str(file), Conventions(naming.system("bigbluebutton"), "ih-"))
    assert record.statements == list(map_rows(source, source.read(None), naming))


async def test_zooms_join_and_leave_are_one_connection_though_the_leave_tells_no_join(world: World) -> None:
    path = world.add_webhook("zoom")
    assert (await world.post_zoom(path, zoom_event("joined", "2026-11-24T08:29:00Z"))).status_code == 200
    answer = await world.post_zoom(path, zoom_event("left", "2026-11-24T09:15:00Z"))
    assert answer.status_code == 200
    join, leave = in_order(world.log)
    assert (join["verb"]["id"], leave["verb"]["id"]) == (JOIN, LEAVE)
    assert join["context"]["extensions"] == leave["context"]["extensions"]


async def test_another_process_knows_the_join_as_well(database: str, tmp_path: Path) -> None:
    async with open_world(database, tmp_path) as first:
        path = first.add_webhook("zoom")
        await first.post_zoom(path, zoom_event("joined", "2026-11-24T08:29:00Z"))
        async with open_world(database, tmp_path, first) as second:
            answer = await second.post_zoom(path, zoom_event("left", "2026-11-24T09:15:00Z"))
        assert answer.status_code == 200
        assert verbs(first.log) == [JOIN, LEAVE]


async def test_replays_and_retries_have_the_same_ids(world: World) -> None:
    zoom, bbb = world.add_webhook("zoom"), world.add_webhook("bigbluebutton")
    for _ in range(3):
        await world.post_zoom(zoom, zoom_event("joined", "2026-11-24T08:29:00Z"))
        await world.post_zoom(zoom, zoom_event("left", "2026-11-24T09:15:00Z"))
        await world.post_bigbluebutton(bbb, bbb_event("user-joined"))
    assert len(world.log.statements) == 9
    assert len({statement["id"] for statement in world.log.statements}) == 3
    first, *_ = {str(one) for one in world.log.statements if one["verb"]["id"] == LEAVE}
    assert sum(str(one) == first for one in world.log.statements) == 3


@pytest.mark.parametrize("source", ["zoom", "bigbluebutton"])
async def test_a_wrong_signature_is_refused_and_nothing_is_taken(
    world: World, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = world.add_webhook(source)
    with caplog.at_level(logging.DEBUG):
        if source == "zoom":
            event = zoom_event("joined", "2026-11-24T08:29:00Z")
            answers = [
                await world.post_zoom(path, event, secret="another secret"),
                await world.post_zoom(path, event, sent=time.time() - 3 * 3600),
                await world.http.post(path, json=event),
            ]
        else:
            answers = [
                await world.post_bigbluebutton(path, bbb_event("user-joined"), secret="another secret"),
                await world.http.post(path, json=bbb_event("user-joined")),
            ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "wrong-signature")}
    assert world.log.records == []
    ours = [record.getMessage() for record in caplog.records if record.name != "httpx"]
    assert not [line for line in ours if SECRET in line or path in line]


async def test_an_unknown_address_is_404_and_its_body_is_not_read(world: World) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"x"
        raise AssertionError("read on")

    removed = world.add_tenant()
    path = world.add_webhook("zoom", removed)
    remove_webhook(world.engine, world.trail, removed, "zoom", **BY)
    for address in ("/hooks/" + "x" * 43, path):
        answer = await world.http.post(address, content=endless())
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown-address")
    assert (await world.http.get(path)).status_code == 405
    assert (await world.http.post("/elsewhere")).status_code == 404


async def test_a_suspended_tenant_takes_nothing_until_it_is_resumed(database: str, tmp_path: Path) -> None:
    async with open_world(database, tmp_path) as world:
        tenant = world.add_tenant()
        path = world.add_webhook("zoom", tenant)
        suspend_tenant(world.engine, world.trail, tenant, **BY)
        answer = await world.post_zoom(path, zoom_event("joined", "2026-11-24T08:29:00Z"))
        assert (answer.status_code, answer.json()["code"]) == (403, "tenant-suspended")
        resume_tenant(world.engine, world.trail, tenant, **BY)
        async with open_world(database, tmp_path, world) as later:
            assert (await later.post_zoom(path, zoom_event("joined", "2026-11-24T08:29:00Z"))).status_code == 200
        begin_removal(world.engine, world.trail, tenant, {}, **BY)
        async with open_world(database, tmp_path, world) as later:
            assert (await later.post_zoom(path, zoom_event("joined", "2026-11-24T08:29:00Z"))).status_code == 404


async def test_zooms_challenge_is_answered_signed_or_not_but_not_when_signed_wrong(world: World) -> None:
    path = world.add_webhook("zoom")
    challenge = {"event": "endpoint.url_validation", "event_ts": 1, "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}}
    signed, unsigned = await world.post_zoom(path, challenge), await world.http.post(path, json=challenge)
    assert signed.status_code == unsigned.status_code == 200
    assert signed.json() == unsigned.json()
    assert signed.json()["plainToken"] == "qgg8vlvZRS6UYooatFL8Aw"
    assert (await world.post_zoom(path, challenge, secret="another secret")).status_code == 403
    forging = {**challenge, "payload": {"plainToken": 'v0:1795507200:{"event":"x"}'}}
    assert (await world.http.post(path, json=forging)).status_code == 403
    assert world.log.records == []


async def test_a_leave_before_its_join_is_to_be_sent_again_and_an_old_one_is_set_aside(world: World) -> None:
    tenant = world.add_tenant()
    path = world.add_webhook("zoom", tenant)
    leave = zoom_event("left", "2026-11-24T09:15:00Z")
    early = await world.post_zoom(path, leave)
    assert (early.status_code, early.json()["code"]) == (503, "join-not-seen")
    assert int(early.headers["retry-after"]) == PATIENCE.total_seconds()
    await world.post_zoom(path, zoom_event("joined", "2026-11-24T08:29:00Z"))
    assert (await world.post_zoom(path, leave)).status_code == 200
    assert verbs(world.log) == [JOIN, LEAVE]
    told = time.time() - PATIENCE.total_seconds() - 60
    alone = await world.post_zoom(path, zoom_event("left", "2026-11-24T09:15:00Z", told, user_id="8"))
    assert alone.json() == {"statements": 0, "rejected": 1, "ignored": 0}
    [row] = world.read_rejected(tenant, "zoom")
    assert "participant report" in row["reason"]


async def test_a_moderators_leave_without_a_role_is_left_out_like_the_join(database: str, tmp_path: Path) -> None:
    async with open_world(database, tmp_path) as world:
        path = world.add_webhook("bigbluebutton")
        wanted = world.add_webhook("bigbluebutton", moderators=True)
        other = world.add_webhook("bigbluebutton")
        joined, left = bbb_event("user-joined", role="MODERATOR"), bbb_event("user-left", 1_795_510_000_000)
        assert (await world.post_bigbluebutton(path, joined)).json()["ignored"] == 1
        async with open_world(database, tmp_path, world) as later:
            assert (await later.post_bigbluebutton(path, left)).json()["ignored"] == 1
        assert world.log.records == []
        await world.post_bigbluebutton(wanted, joined, left)
        assert verbs(world.log) == [JOIN, LEAVE]
        # A learner's leave has no role either.
        await world.post_bigbluebutton(other, bbb_event("user-joined", role="VIEWER"), left)
        assert verbs(world.log) == [JOIN, LEAVE] * 2


async def test_what_cannot_be_mapped_is_kept_once_with_its_reason_for_its_owner_only(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    tenant = world.add_tenant()
    path = world.add_webhook("bigbluebutton", tenant)
    events = [
        bbb_event("user-joined", **{"internal-user-id": "w_two", "external-user-id": ""}),
        bbb_event("user-joined"),
        bbb_event("meeting-created"),
    ]
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            answer = await world.post_bigbluebutton(path, *events)
            assert answer.json() == {"statements": 1, "rejected": 1, "ignored": 1}
    [row] = world.read_rejected(tenant, "bigbluebutton")
    assert row["reason"] == "external-user-id is missing."
    assert "zoe%40example.org" in row["row"], "the body as it came"
    kept = world.folder / tenant / "bigbluebutton-rejected.jsonl"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "zoe@example.org" not in caplog.text
    assert [record.__dict__["reason"] for record in caplog.records] == ["external-user-id is missing."] * 2


async def test_any_signed_nonsense_is_taken_and_kept(world: World) -> None:
    tenant = world.add_tenant()
    path = world.add_webhook("zoom", tenant)
    for body in (b"", b"{", b"\xff\xfe", b"[1]", b'{"event":"meeting.participant_joined"}'):
        assert (await world.post_zoom(path, body)).json()["rejected"] == 1
    assert len(world.read_rejected(tenant, "zoom")) == 5
    assert world.log.records == []


async def test_success_is_not_told_before_kafka_has_acknowledged(world: World) -> None:
    path = world.add_webhook("zoom")
    world.log.acknowledges.clear()
    posting = asyncio.create_task(world.post_zoom(path, zoom_event("joined", "2026-11-24T08:29:00Z")))
    await soon(world.log.sent.wait())
    assert not posting.done()
    world.log.acknowledges.set()
    assert (await soon(posting)).status_code == 200


async def test_kafka_that_does_not_answer_in_time_is_503_and_what_was_sent_is_flushed(
    database: str, tmp_path: Path
) -> None:
    async with open_world(database, tmp_path, answer_seconds=0.05) as world:
        path = world.add_webhook("zoom")
        world.log.acknowledges.clear()
        answer = await world.post_zoom(path, zoom_event("joined", "2026-11-24T08:29:00Z"))
        assert (answer.status_code, answer.json()["code"]) == (503, "outcome-unknown")
        assert "retry-after" in answer.headers
        world.log.acknowledges.set()
    assert verbs(world.log) == [JOIN]
    assert world.log.stopped


async def test_kafka_and_identity_out_of_reach_are_503(world: World) -> None:
    path = world.add_webhook("zoom")
    event = zoom_event("joined", "2026-11-24T08:29:00Z")
    assert (await world.http.get("/ready")).json() == {"kafka": True}
    world.log.failure = LogUnavailable("Kafka cannot be reached now.")
    answer = await world.post_zoom(path, event)
    assert (answer.status_code, answer.json()["code"]) == (503, "log-unavailable")
    assert (await world.http.get("/ready")).status_code == 503
    world.log.failure = None
    with world.engine.begin() as connection:
        connection.execute(text("ALTER TABLE connections RENAME TO elsewhere"))
    answer = await world.post_zoom(path, event)
    assert (answer.status_code, answer.json()["code"]) == (503, "identity-unavailable")
    assert world.log.records == []


async def test_a_burst_is_bounded_webhook_by_webhook(database: str, tmp_path: Path) -> None:
    async with open_world(database, tmp_path, most_at_once=5) as world:
        busy, quiet = world.add_webhook("zoom"), world.add_webhook("zoom")
        world.log.acknowledges.clear()
        events = [zoom_event("joined", "2026-11-24T08:29:00Z", user_id=str(number)) for number in range(20)]
        posting = [asyncio.create_task(world.post_zoom(busy, event)) for event in events]
        await soon(asyncio.wait(posting, return_when=asyncio.FIRST_COMPLETED))
        other = asyncio.create_task(world.post_zoom(quiet, events[0]))
        refused = await soon(asyncio.gather(*[each for each in posting if each.done()]))
        assert {(one.status_code, one.json()["code"]) for one in refused} == {(503, "overloaded")}
        assert all("retry-after" in one.headers for one in refused)
        world.log.acknowledges.set()
        assert (await soon(other)).status_code == 200
        answers = await soon(asyncio.gather(*posting))
        taken = [one.status_code for one in answers].count(200)
        assert taken == 5
        assert len(world.log.statements) == taken + 1
        # And when it is over, it is over.
        assert (await world.post_zoom(busy, events[-1])).status_code == 200


async def test_a_body_is_bounded(database: str, tmp_path: Path) -> None:
    async with open_world(database, tmp_path, limits=Limits(body_bytes=1000, query_bytes=200)) as world:
        path = world.add_webhook("zoom")
        answer = await world.post_zoom(path, b"x" * 1001)
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
        assert (await world.http.post(f"{path}?{'x' * 300}")).status_code == 414


async def test_the_same_event_of_two_tenants_is_two_statements(world: World) -> None:
    event = zoom_event("joined", "2026-11-24T08:29:00Z")
    tenants = [world.add_tenant(), world.add_tenant()]
    for path in [world.add_webhook("zoom", tenant, home=f"https://{tenant}.example.org") for tenant in tenants]:
        await world.post_zoom(path, event)
    first, second = world.log.statements
    assert first["id"] != second["id"]
    assert first["object"]["id"].split("/")[2] != second["object"]["id"].split("/")[2]
