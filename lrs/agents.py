"""The agents resource: all that is known of the person behind an agent (Communication 2.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from identity.errors import IdentityUnavailable as IdentityDown
from identity.sealing import PSEUDONYM_HOME, open_agent
from lrs.authentication import Caller
from lrs.errors import BadRequest, IdentityUnavailable
from lrs.frame import answer_json, version_of
from lrs.parameters import parse_agent, read_agent, read_parameters
from lrs.services import Services

_IDENTIFIERS = ("mbox", "mbox_sha1sum", "openid", "account")


class Agents:
    """The endpoint over the services of one process."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def get(self, request: Request) -> Response:
        """Answer the person: names and identifiers, or the pseudonym for who may not see people. HEAD alike."""
        version_of(request)
        caller = await self._services.authentication.identify(request.headers.get("authorization"))
        caller.may_read_definitions()
        parameters = read_parameters(request.query_params.multi_items(), {"agent"})
        if "agent" not in parameters:
            raise BadRequest("Say which agent: send the parameter agent.", code="parameter-missing")
        asked = read_agent(parameters["agent"])
        name = parse_agent(parameters["agent"], caller)
        request.scope["consistent_through"] = await self._services.barrier.wait()
        if not caller.credential.sees_identities:
            return _answer([{"account": {"homePage": PSEUDONYM_HOME, "name": name}}])
        return _answer([asked, *await self._open_forms(name, caller)])

    async def _open_forms(self, name: str, caller: Caller) -> list[dict[str, Any]]:
        sealed = await self._services.store.read_agent_forms(caller.tenant, name)
        try:
            keys = await asyncio.to_thread(self._services.keys.find_learner_keys, caller.tenant, [name])
        except IdentityDown as error:
            raise IdentityUnavailable("Identities cannot be read now. Send the request again later.") from error
        if name not in keys:
            return []
        return [form for text in sealed if (form := open_agent(name, text, keys[name])) is not None]


def make_person(forms: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the Person that several forms of one agent make: each name and identifier once, in the order given."""
    person: dict[str, Any] = {"objectType": "Person"}
    for form in forms:
        for part in ("name", *_IDENTIFIERS):
            if part in form and form[part] not in person.setdefault(part, []):
                person[part].append(form[part])
    return person


def _answer(forms: Iterable[dict[str, Any]]) -> Response:
    return answer_json(orjson.dumps(make_person(forms)))
