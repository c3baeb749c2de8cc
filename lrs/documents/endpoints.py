"""The document resources over HTTP: GET, HEAD, PUT, POST and DELETE of state and profiles."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from lrs.callers import Caller
from lrs.documents.merging import is_json, merge, read_members, refuse_type
from lrs.documents.places import Asked, Resource, parse_asked
from lrs.documents.preconditions import Preconditions, check_change, check_get, check_put, read_preconditions
from lrs.documents.storage import Document, Revision
from lrs.errors import BadRequest, DocumentExists, NotFound, TooLarge, UnsupportedEncoding
from lrs.frame import answer_json
from lrs.services import Services

_UNKNOWN_TYPE: Final = "application/octet-stream"

# From Last-Modified a browser would guess for how long its copy is good, and show a state that is no longer so.
_ASK_AGAIN: Final = {"Cache-Control": "private, no-cache"}

# Anything may be stored, also a page with a script: no browser is to run it in the name of this address.
_INERT: Final = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}


class Documents:
    """One of the document resources over the services of one process."""

    def __init__(self, services: Services, resource: Resource) -> None:
        self._services = services
        self._resource = resource

    async def serve(self, request: Request) -> Response:
        """Serve whichever method was sent."""
        caller, version = await self._services.begin(request)
        reads = request.method in ("GET", "HEAD")
        if reads:
            caller.may_read_documents(self._resource.scope)
        else:
            caller.may_write_documents(self._resource.scope)
        asked = parse_asked(request.query_params.multi_items(), self._resource, request.method, caller)
        preconditions = read_preconditions(
            request.headers.getlist("if-match"), request.headers.getlist("if-none-match")
        )
        if asked.versions:
            asked = replace(asked, context=await self._services.documents.settle(caller.tenant, asked))
        if asked.by_pseudonym:
            await self._services.disclosures.note(caller, self._resource.path, about=asked.context.agent)
        if asked.id is None:
            _refuse_preconditions(preconditions, self._resource)
            return await (self._list(asked, caller) if reads else self._delete_all(asked, caller))
        if reads:
            return await self._get(asked, asked.id, caller, preconditions)
        if request.method == "DELETE":
            return await self._delete(asked, asked.id, caller, preconditions)
        try:
            return await self._write(request, asked, asked.id, caller, preconditions, version)
        except DocumentExists as error:
            # The one refusal whose form the specification prescribes (Communication 3.1).
            return PlainTextResponse(str(error), error.status)

    async def _get(self, asked: Asked, document_id: str, caller: Caller, preconditions: Preconditions) -> Response:
        document = await self._services.documents.get(caller.keys, asked.context, document_id)
        unchanged = check_get(preconditions, _etag_of(document))
        if document is None:
            raise NotFound("There is no such document here.")
        if unchanged:
            return Response(status_code=304, headers={**_validators(document), **_ASK_AGAIN})
        # Given as a header, or Starlette would add a charset to a text that was sent without one.
        headers = {"Content-Type": document.revision.content_type, **_validators(document), **_ASK_AGAIN, **_INERT}
        return Response(document.revision.content, headers=headers)

    async def _list(self, asked: Asked, caller: Caller) -> Response:
        entries = await self._services.documents.list_entries(caller.keys, asked.context, asked.since)
        # One id may be there under several registrations.
        ids = list(dict.fromkeys(entry.id for entry in entries))
        modified = {"Last-Modified": _format(entries[-1].stored_at)} if entries else {}
        return answer_json(orjson.dumps(ids), headers={**modified, **_ASK_AGAIN})

    async def _delete(self, asked: Asked, document_id: str, caller: Caller, preconditions: Preconditions) -> Response:
        def check(current: Document | None) -> None:
            check_change(preconditions, _etag_of(current))

        await self._services.documents.delete(caller.keys, asked.context, document_id, check)
        return Response(status_code=204)

    async def _delete_all(self, asked: Asked, caller: Caller) -> Response:
        await self._services.documents.delete_all(caller.keys, asked.context)
        return Response(status_code=204)

    async def _write(
        self,
        request: Request,
        asked: Asked,
        document_id: str,
        caller: Caller,
        preconditions: Preconditions,
        version: str,
    ) -> Response:
        _refuse_encoding(request.headers.get("content-encoding"))
        content_type = request.headers.get("content-type") or _UNKNOWN_TYPE
        async with self._services.bodies.read(request) as body:
            sent = Revision(body, content_type)

            def put(current: Document | None) -> Revision:
                check_put(preconditions, _etag_of(current), state=self._resource.is_state, version=version)
                return sent

            def post(current: Document | None) -> Revision:
                check_change(preconditions, _etag_of(current))
                return self._merge(current, sent)

            decide = put if request.method == "PUT" else post
            stored = await self._services.documents.change(caller.keys, asked.context, document_id, decide)
        return Response(status_code=204, headers=_validators(stored))

    def _merge(self, current: Document | None, sent: Revision) -> Revision:
        """Return what a POST makes of the document that is there. Raises BadRequest, TooLarge."""
        mergeable = is_json(sent.content_type)
        if current is None:
            if mergeable:
                read_members(sent.content)
            return sent
        if not mergeable:
            raise refuse_type("The document")
        if not is_json(current.revision.content_type):
            raise refuse_type("The document that is there")
        merged = merge(current.revision.content, sent.content)
        limit = self._services.limits.body_bytes
        if len(merged) > limit:
            raise TooLarge(
                f"The merged document would be over the limit of {limit} bytes: nothing was changed.",
                details={"limit": limit},
            )
        return Revision(merged, sent.content_type)


def _etag_of(document: Document | None) -> str | None:
    return None if document is None else document.etag


def _validators(document: Document) -> dict[str, str]:
    return {"ETag": f'"{document.etag}"', "Last-Modified": _format(document.stored_at)}


def _format(instant: datetime) -> str:
    return format_datetime(instant, usegmt=True)


def _refuse_preconditions(preconditions: Preconditions, resource: Resource) -> None:
    if preconditions != Preconditions():
        raise BadRequest(
            f"If-Match and If-None-Match are about one document: send {resource.id_parameter} with them.",
            code="parameter-missing",
        )


def _refuse_encoding(encoding: str | None) -> None:
    if encoding is not None and encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedEncoding("Compressed bodies are not read here: send the body without Content-Encoding.")
