"""`POST /hooks/{token}`: what another system tells is durable in Kafka before it is told so."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Final, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from identity.connections import Connections
from identity.errors import IdentityUnavailable as NoIdentity
from identity.standing import Standing
from identity.webhooks import Webhook, Webhooks
from lrs.bodies import BodyReader
from lrs.errors import IdentityUnavailable, Overloaded, TenantSuspended, Unavailable
from lrs.frame import answer_json
from producers.naming import Naming
from receivers.delivery import Delivery
from receivers.errors import UnknownAddress
from receivers.rejected import RejectedRows
from receivers.signatures import Sent
from receivers.sources import RECEIVERS, Mapped, Receiver

PATH: Final = "/hooks"

_LOG = logging.getLogger(__name__)

T = TypeVar("T")


class WebhookEndpoint:
    """Takes in the webhooks of all tenants. For one event loop; what may block runs in `executor`.

    `most_at_once` bounds the requests of one webhook that are under way: what comes beyond is to be sent again.
    """

    def __init__(
        self,
        webhooks: Webhooks,
        standing: Standing,
        connections: Connections,
        name_tenant: Callable[[str, str], Naming],
        delivery: Delivery,
        rejected: RejectedRows,
        bodies: BodyReader,
        executor: Executor,
        *,
        public_url: str,
        most_at_once: int,
    ) -> None:
        self._webhooks, self._standing, self._connections = webhooks, standing, connections
        self._name_tenant = name_tenant
        self._delivery, self._rejected, self._bodies = delivery, rejected, bodies
        self._executor = executor
        self._public_url = public_url.rstrip("/")
        self._most_at_once = most_at_once
        self._receivers: dict[tuple[str, str], Receiver] = {}
        self._under_way: Counter[tuple[str, str]] = Counter()

    async def take(self, request: Request) -> Response:
        """Answer a delivery: 200 when all that it says is durable, and what could not be mapped is kept."""
        receiver = await self._ask(lambda: self._find(request.path_params["token"]))
        with self._admit(receiver.webhook):
            async with self._bodies.read(request) as body:
                return await self._handle(receiver, self._describe(request, body))

    async def _handle(self, receiver: Receiver, sent: Sent) -> Response:
        answer = receiver.check(sent)
        if answer is not None:
            return answer_json(orjson.dumps(answer))
        webhook = receiver.webhook
        mapped = await self._ask(lambda: receiver.map(sent))
        await self._delivery.deliver(webhook.tenant, webhook.source, mapped.statements)
        if mapped.rejected:
            await self._ask(lambda: self._keep(webhook, mapped))
        counts = {
            "statements": len(mapped.statements),
            "rejected": len(mapped.rejected),
            "ignored": mapped.ignored,
        }
        return answer_json(orjson.dumps(counts))

    def _find(self, token: str) -> Receiver:
        """Return who receives at an address. Raises UnknownAddress, TenantSuspended, IdentityUnavailable."""
        webhook = self._webhooks.find(token)
        if webhook is None or webhook.source not in RECEIVERS:
            raise UnknownAddress
        tenant = self._standing.find(webhook.tenant)
        if tenant is None or tenant.is_gone:
            raise UnknownAddress
        if tenant.state != "active":
            raise TenantSuspended("The tenant is suspended: nothing is taken until its operator resumes it.")
        place = webhook.tenant, webhook.source
        receiver = self._receivers.get(place)
        if receiver is None or receiver.webhook is not webhook:
            naming = self._name_tenant(webhook.tenant, str(webhook.options.get("home", "")))
            receiver = RECEIVERS[webhook.source](webhook, naming, self._connections)
            self._receivers[place] = receiver
        return receiver

    def _describe(self, request: Request, body: bytes) -> Sent:
        # The path as it was called: a proxy's prefix stands in the public address.
        address = f"{self._public_url}{PATH}/{request.path_params['token']}"
        return Sent(address, request.scope["query_string"], dict(request.headers), body)

    def _keep(self, webhook: Webhook, mapped: Mapped) -> None:
        for row in mapped.rejected:
            # A reason holds nothing of the row.
            _LOG.warning(
                "webhook-rejected", extra={"tenant": webhook.tenant, "source": webhook.source, "reason": row.reason}
            )
        try:
            self._rejected.keep(webhook.tenant, webhook.source, mapped.rejected)
        except OSError as error:
            _LOG.error("webhook-rejected-not-kept", extra={"error": type(error).__name__})
            raise Unavailable("What cannot be mapped cannot be kept now either. Send it again later.") from error

    @contextmanager
    def _admit(self, webhook: Webhook) -> Iterator[None]:
        place = webhook.tenant, webhook.source
        if self._under_way[place] >= self._most_at_once:
            raise Overloaded("Too many requests of this webhook are under way. Send the request again later.")
        self._under_way[place] += 1
        try:
            yield
        finally:
            self._under_way[place] -= 1

    async def _ask(self, question: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, question)
        except NoIdentity as error:
            raise IdentityUnavailable("The identity database does not answer. Send the request again later.") from error
