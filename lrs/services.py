"""Everything the application is made of, put together once; tests put doubles in the places of log and store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from starlette.requests import Request

from identity.standing import Standing
from lrs.acceptance import Acceptance
from lrs.attachments.receiving import Receiving
from lrs.attachments.storage import AttachmentStore
from lrs.authentication import Authentication, Authenticator, KeySource
from lrs.barrier import Barrier
from lrs.bearer import BearerTokens
from lrs.bodies import BodyReader
from lrs.callers import Caller
from lrs.disclosures import Disclosures, Trail
from lrs.documents.storage import DocumentStore
from lrs.erasures import ErasureWatch
from lrs.frame import version_of
from lrs.in_flight import InFlight
from lrs.limits import Limits
from lrs.log import AcceptedLog
from lrs.lookup import IdLookup
from lrs.progress import ProgressWatch
from lrs.rates import Rates
from lrs.reading import Reading
from lrs.store import StatementStore

_logger = logging.getLogger(__name__)

_DRAIN_SECONDS = 3  # the requests have ended by then; what they left is flushed with the log


@dataclass
class Services:
    """The parts of one LRS process. `public_url` is how clients reach it: it names authorities and `more` links.

    Without `tokens`, Basic authentication is the only one; without `cors_origins`, browsers keep other sites out.
    """

    log: AcceptedLog
    store: StatementStore
    attachments: AttachmentStore
    authenticator: Authenticator
    keys: KeySource
    documents: DocumentStore
    trail: Trail
    public_url: str
    limits: Limits = field(default_factory=Limits)
    tokens: BearerTokens | None = None
    cors_origins: Sequence[str] = ("*",)
    standing: Standing | None = None
    """Which tenants may be used now; without it, all."""

    def __post_init__(self) -> None:
        limits = self.limits
        self.public_url = self.public_url.rstrip("/")
        self.path_prefix = urlsplit(self.public_url).path
        self.watch = ProgressWatch(self.store.read_progress)
        self.in_flight = InFlight(limits.in_flight_ids)
        self.watch.follow(self.in_flight.forget_stored)
        self.authentication = Authentication(
            self.authenticator,
            self.keys,
            self.public_url,
            tokens=self.tokens,
            rates=Rates(limits.rate_per_second, limits.rate_burst),
            limits=limits,
            standing=self.standing,
        )
        self.erasures = ErasureWatch(self.keys)
        self.acceptance = Acceptance(
            self.log,
            IdLookup(self.store, lookup_seconds=limits.lookup_seconds),
            self.in_flight,
            self.watch,
            ack_seconds=limits.ack_seconds,
        )
        self.barrier = Barrier(
            self.log, self.watch, read_seconds=limits.read_seconds, settling_seconds=limits.settling_seconds
        )
        self.disclosures = Disclosures(self.trail, seconds=limits.identity_seconds)
        self.reading = Reading(self.store, self.keys, self.disclosures, identity_seconds=limits.identity_seconds)
        self.bodies = BodyReader(limits)
        self.receiving = Receiving(self.bodies, self.attachments, limits)

    async def begin(self, request: Request) -> tuple[Caller, str]:
        """Return who sends a request, and the version in which it is answered.

        Raises BadRequest for a version that is not spoken here, and what Authentication.identify raises.
        """
        version = version_of(request)
        caller = await self.authentication.identify(request.headers.get("authorization"))
        erased = await self.erasures.find(caller.tenant)
        return (replace(caller, erased=erased) if erased else caller), version

    async def pass_barrier(self, request: Request) -> None:
        """Return once everything accepted before this read can be read; its answer says how fresh it is.

        What other reads learn meanwhile holds for their answers, not for this one. Raises as Barrier.wait.
        """
        request.scope["consistent_through"] = await self.barrier.wait()

    async def start(self) -> None:
        """Begin to connect; the LRS answers 503 until it has."""
        await self.log.start()
        await self.store.start()
        await self.attachments.start()

    async def stop(self) -> None:
        """Wait until what was sent is acknowledged (bounded), then let everything go."""
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self.acceptance.drain()
        except TimeoutError:
            _logger.warning("stopped_with_unacknowledged_records")
        await self.watch.stop()
        await self.log.stop()
        await self.store.stop()
        await self.attachments.stop()
        await self.authentication.close()
        self.documents.close()
