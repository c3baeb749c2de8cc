"""The statements resource: POST, PUT, GET, HEAD."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.utils import format_datetime
from functools import partial
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from clickhouse.statement_query import StatementQuery
from lrs.attachments.answers import answer_with_attachments
from lrs.callers import Caller
from lrs.cursors import read_cursor
from lrs.errors import LrsError, Unavailable
from lrs.frame import answer_json
from lrs.languages import parse_accept_language
from lrs.negotiation import DUPLICATES_HEADER
from lrs.parameters import parse_uuid, read_parameters
from lrs.preparation import prepare_batch, prepare_single
from lrs.queries import ById, Shape, parse_get
from lrs.services import Services


class Statements:
    """Endpoints over the services of one process."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def serve(self, request: Request) -> Response:
        """Serve whichever method was sent."""
        caller, version = await self._services.begin(request)
        match request.method:
            case "POST":
                return await self.post(request, caller, version)
            case "PUT":
                return await self.put(request, caller, version)
            case _:
                return await self.get(request, caller)

    async def post(self, request: Request, caller: Caller, version: str) -> Response:
        """Accept one statement or a batch of them, whole or not at all: their ids in the order sent."""
        if request.scope["query_string"]:
            read_parameters(request.query_params.multi_items())
        caller.may_write()
        prepare = partial(
            prepare_batch, caller=caller, version=version, batch_statements=self._services.limits.batch_statements
        )
        async with self._services.receiving.receive(request, caller, version, prepare) as received:
            candidates = received.candidates
            duplicates = await self._services.acceptance.accept(candidates, caller, version, received.keep_attachments)
        return answer_json(
            orjson.dumps([str(candidate.id) for candidate in candidates]),
            headers={DUPLICATES_HEADER: str(duplicates)},
        )

    async def put(self, request: Request, caller: Caller, version: str) -> Response:
        """Accept one statement under the id that the client names."""
        parameters = read_parameters(request.query_params.multi_items(), required={"statementId"})
        statement_id = parse_uuid("statementId", parameters["statementId"])
        caller.may_write()
        prepare = partial(prepare_single, statement_id=statement_id, caller=caller, version=version)
        async with self._services.receiving.receive(request, caller, version, prepare) as received:
            duplicates = await self._services.acceptance.accept(
                received.candidates, caller, version, received.keep_attachments
            )
        return Response(status_code=204, headers={DUPLICATES_HEADER: str(duplicates)})

    async def get(self, request: Request, caller: Caller) -> Response:
        """Answer one statement, or the first page of those that match; HEAD alike."""
        caller.may_read()
        try:
            asked, shape = parse_get(
                request.query_params.multi_items(), caller, page_statements=self._services.limits.page_statements
            )
        except LrsError:
            # A client may wait for what it wrote with whatever it asks, and go by the header of a refusal.
            with suppress(Unavailable, TimeoutError):
                async with asyncio.timeout(self._services.limits.refusal_seconds):
                    await self._services.pass_barrier(request)
            raise
        await self._services.pass_barrier(request)
        if isinstance(asked, ById):
            languages = parse_accept_language(request.headers.get("accept-language"))
            statement, stored = await self._services.reading.get(asked, caller, shape, languages)
            headers = {"Last-Modified": format_datetime(stored, usegmt=True)}
            return await self._answer(request, statement, [statement], shape, caller, headers)
        return await self._answer_page(request, asked, shape, caller)

    async def more(self, request: Request) -> Response:
        """Answer the page that a `more` link names; HEAD alike."""
        caller, _ = await self._services.begin(request)
        caller.may_read()
        parameters = read_parameters(request.query_params.multi_items(), {"cursor"})
        query, shape = read_cursor(parameters.get("cursor", ""), caller)
        await self._services.pass_barrier(request)
        return await self._answer_page(request, query, shape, caller)

    async def _answer_page(self, request: Request, query: StatementQuery, shape: Shape, caller: Caller) -> Response:
        languages = parse_accept_language(request.headers.get("accept-language"))
        page = await self._services.reading.query(query, caller, shape, languages)
        if query.ascending and page.more and page.last and page.last > request.scope["consistent_through"]:
            # What was stored just before its last statement may not be there yet, and the link leads past it.
            request.scope["consistent_through"] = await self._services.barrier.settle(page.last)
            page = await self._services.reading.query(query, caller, shape, languages)
        link = f"{self._services.path_prefix}/xAPI/statements/more?cursor={quote(page.more)}" if page.more else ""
        return await self._answer(request, page.to_json(link), page.statements, shape, caller)

    async def _answer(
        self,
        request: Request,
        body: bytes,
        statements: Sequence[bytes],
        shape: Shape,
        caller: Caller,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        if not shape.attachments:
            return answer_json(body, headers=headers)
        return await answer_with_attachments(
            body,
            statements,
            caller,
            self._services.attachments,
            headers=headers,
            with_content=request.method != "HEAD",
        )
