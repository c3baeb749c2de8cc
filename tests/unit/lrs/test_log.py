"""Kafka out of reach: the LRS runs, and says so."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket

import pytest

from lrs.errors import LogUnavailable
from lrs.log import KafkaLog
from tests.waiting import eventually


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def log(closed_port: int) -> KafkaLog:
    return KafkaLog(f"127.0.0.1:{closed_port}", "jalon.accepted", record_bytes=1000, pending_bytes=1000, ack_seconds=1)


async def test_a_log_that_cannot_be_reached_refuses_and_is_told_once(log, caplog) -> None:
    with caplog.at_level(logging.WARNING, logger="lrs"):
        await log.start()
        await asyncio.to_thread(
            eventually, lambda: [record for record in caplog.records if record.name == "lrs.log"], seconds=10
        )
        with pytest.raises(LogUnavailable, match="nothing was stored"):
            await log.append(b"k", b"[]", [])
        with pytest.raises(LogUnavailable):
            await log.end_offsets()
        await log.stop()
    assert [record.getMessage() for record in caplog.records if record.name == "lrs.log"] == ["log_unreachable"]
    assert log.pending_since() is None


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21])
async def test_it_can_be_stopped_at_any_moment_and_leaves_nothing_open(log, turns) -> None:
    # An open client would warn when collected, and warnings are errors here.
    await log.start()
    for _ in range(turns):
        await asyncio.sleep(0)
    await log.stop()
    gc.collect()
