"""Accepting statements: first wins, all or nothing, durable before the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from identity.attestation import attest
from lrs.callers import Caller
from lrs.errors import OutcomeUnknown
from lrs.in_flight import InFlight, Reservation
from lrs.log import AcceptedLog, Appended
from lrs.lookup import IdLookup
from lrs.preparation import Candidate, conflict
from lrs.progress import ProgressWatch
from xapi_profiles.record import ATTESTATION, RecordOrigin, build_headers, build_key, encode_statements

SOURCE = "lrs"


class Acceptance:
    """Takes prepared statements to the log. One per process, for one event loop."""

    def __init__(
        self,
        log: AcceptedLog,
        lookup: IdLookup,
        in_flight: InFlight,
        watch: ProgressWatch,
        *,
        ack_seconds: float,
        thread_statements: int = 100,
    ) -> None:
        self._log = log
        self._lookup = lookup
        self._in_flight = in_flight
        self._watch = watch
        self._ack_seconds = ack_seconds
        self._thread_statements = thread_statements
        self._sending: set[asyncio.Task[Appended]] = set()

    async def accept(
        self,
        candidates: Sequence[Candidate],
        caller: Caller,
        version: str,
        keep_attachments: Callable[[], Awaitable[None]] | None = None,
    ) -> int:
        """Return once every statement is durable: how many were known already, and so stored nothing.

        No two candidates have the same id. `keep_attachments` is called when nothing but the log can refuse them any
        more, and what it raises is raised; not when all were known.

        Raises Conflict (nothing is stored), LogUnavailable, Overloaded, TooLarge (nothing is stored) and
        OutcomeUnknown (perhaps stored: sending the same again is safe).
        """
        tenant = caller.tenant
        try:
            # One bound for all that may hold the request up, whoever holds it.
            async with asyncio.timeout(self._ack_seconds) as bound:
                fresh = await self._await_others(tenant, candidates)
                if not fresh:
                    return len(candidates)
                reservation = self._in_flight.reserve(tenant, fresh)
                sending = None
                try:
                    fresh = await self._leave_out_stored(tenant, fresh, reservation)
                    if fresh:
                        if keep_attachments is not None:
                            bound.reschedule(None)  # the object store has bounds of its own
                            await keep_attachments()
                            bound.reschedule(asyncio.get_running_loop().time() + self._ack_seconds)
                        sending = await self._send(caller, fresh, version, reservation)
                finally:
                    if sending is None:
                        self._in_flight.release(reservation)
                if sending is not None:
                    await asyncio.shield(sending)
        except TimeoutError:
            raise OutcomeUnknown(
                "The statements were not acknowledged in time and may or may not be stored. Send the same request "
                "again: with ids of your own, nothing is stored twice.",
                retry_after=2,
            ) from None
        return len(candidates) - len(fresh)

    async def drain(self) -> None:
        """Wait until nothing that was sent is unsettled. The caller bounds the wait."""
        while self._sending:
            await asyncio.wait(self._sending)

    async def _await_others(self, tenant: str, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates that this process does not know, with no await between that and the return."""
        while undecided := self._in_flight.undecided(tenant, candidates):
            await asyncio.wait(undecided)
        fresh: list[Candidate] = []
        different: list[UUID] = []
        for candidate in candidates:
            known = self._in_flight.fingerprint_of(tenant, candidate.id)
            if known is None:
                fresh.append(candidate)
            elif known != candidate.fingerprint:
                different.append(candidate.id)
        if different:
            raise conflict(different)
        return fresh

    async def _leave_out_stored(
        self, tenant: str, candidates: list[Candidate], reservation: Reservation
    ) -> list[Candidate]:
        given = [candidate.id for candidate in candidates if candidate.given]
        stored = await self._lookup.find(tenant, given) if given else None
        if not stored:
            return candidates
        fresh: list[Candidate] = []
        same: list[UUID] = []
        different: list[UUID] = []
        for candidate in candidates:
            existing = stored.get(candidate.id)
            if existing is None:
                fresh.append(candidate)
            elif existing.fingerprint == candidate.fingerprint:
                same.append(candidate.id)
            else:
                different.append(candidate.id)
        if different:
            raise conflict(different)
        self._in_flight.release(reservation, [(tenant, statement_id) for statement_id in same])
        return fresh

    async def _send(
        self, caller: Caller, candidates: Sequence[Candidate], version: str, reservation: Reservation
    ) -> asyncio.Task[Appended]:
        origin = RecordOrigin(caller.tenant, SOURCE, version, caller.may_define())
        statements = [candidate.statement for candidate in candidates]
        if len(statements) > self._thread_statements:
            value = await asyncio.to_thread(encode_statements, statements)
        else:
            value = encode_statements(statements)
        headers = [
            *build_headers(origin.tenant, origin.source, origin.version, defines=origin.defines),
            (ATTESTATION, attest(caller.keys, str(origin), value, [one.fingerprint for one in candidates])),
        ]
        sending = asyncio.create_task(self._log.append(build_key(origin.tenant, statements), value, headers))
        # The request may give up; the record may be stored later all the same, so its ids stay claimed until then.
        self._sending.add(sending)
        sending.add_done_callback(lambda done: self._settle(done, reservation))
        return sending

    def _settle(self, sent: asyncio.Task[Appended], reservation: Reservation) -> None:
        self._sending.discard(sent)
        if sent.cancelled() or sent.exception() is not None:
            self._in_flight.release(reservation)
            return
        self._in_flight.accept(reservation, sent.result())
        self._watch.wake()
