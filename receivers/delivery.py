"""Statements into Kafka, in records such as a producer writes, before their sender is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from lrs.errors import OutcomeUnknown
from lrs.log import AcceptedLog, Appended
from xapi_profiles.record import build_headers, build_key, encode_statements

RECORD: Final = 50
"""Statements per Kafka record."""


class Delivery:
    """Writes to the log and waits, for so long at most, until it is durable there. For one event loop."""

    def __init__(self, log: AcceptedLog, *, answer_seconds: float) -> None:
        self._log = log
        self._answer_seconds = answer_seconds
        self._sending: set[asyncio.Task[Appended]] = set()

    async def deliver(self, tenant: str, source: str, statements: Sequence[dict[str, Any]]) -> None:
        """Return once every statement is durable.

        Raises LogUnavailable, Overloaded and TooLarge, when some were not taken, and OutcomeUnknown: sending the same
        again is safe in any case, since every statement has its id.
        """
        if not statements:
            return
        headers = build_headers(tenant, source)
        sending = [
            self._send(tenant, statements[start : start + RECORD], headers)
            for start in range(0, len(statements), RECORD)
        ]
        done, waiting = await asyncio.wait(sending, timeout=self._answer_seconds)
        for task in done:
            task.result()
        if waiting:
            raise OutcomeUnknown("Kafka did not acknowledge in time. Send the same again later: nothing is kept twice.")

    async def drain(self) -> None:
        """Wait until nothing that was sent is unsettled. The caller bounds the wait."""
        while self._sending:
            await asyncio.wait(self._sending)

    def _send(
        self, tenant: str, statements: Sequence[dict[str, Any]], headers: list[tuple[str, bytes]]
    ) -> asyncio.Task[Appended]:
        task = asyncio.create_task(
            self._log.append(build_key(tenant, statements), encode_statements(statements), headers)
        )
        # Its sender may be answered before it ends; then nobody else asks how it ended.
        self._sending.add(task)
        task.add_done_callback(self._settle)
        return task

    def _settle(self, task: asyncio.Task[Appended]) -> None:
        self._sending.discard(task)
        if not task.cancelled():
            task.exception()
