"""The agents resource: all that is known of the person behind an agent (Communication 2.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from identity.errors import IdentityUnavailable as IdentityDown
from identity.persons import Person, find_person
from identity.sealing import PSEUDONYM_HOME, open_agent
from lrs.callers import Caller
from lrs.errors import IdentityUnavailable
from lrs.frame import answer_json
from lrs.parameters import parse_agent, read_parameters
from lrs.services import Services

_IDENTIFIERS = ("mbox", "mbox_sha1sum", "openid", "account")


class Agents:
    """The endpoint over the services of one process."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def get(self, request: Request) -> Response:
        """Answer the person: names and identifiers, or the pseudonym for who may not see people. HEAD alike."""
        caller, _ = await self._services.begin(request)
        caller.may_read_definitions()
        parameters = read_parameters(request.query_params.multi_items(), required={"agent"})
        asked = parse_agent(parameters["agent"], caller)
        await self._services.pass_barrier(request)
        try:
            person = await asyncio.to_thread(find_person, self._services.keys.engine, caller.tenant, asked.versions)
            if not caller.credential.sees_identities:
                return _answer([{"account": {"homePage": PSEUDONYM_HOME, "name": person.pseudonym}}])
            # Of whom processing is paused no more is told than was asked with.
            forms = [] if person.restricted else await self._open_forms(person, caller)
        except IdentityDown as error:
            raise IdentityUnavailable("Identities cannot be read now. Send the request again later.") from error
        return _answer([asked.form, *forms])

    async def _open_forms(self, person: Person, caller: Caller) -> list[dict[str, Any]]:
        """Return the forms in which a person was named, under every identifier of theirs."""
        keys = await asyncio.to_thread(self._services.keys.find_learner_keys, caller.tenant, person.members)
        forms = [
            form
            for name, key in keys.items()
            for text in await self._services.store.read_agent_forms(caller.tenant, name)
            if (form := open_agent(name, text, key)) is not None
        ]
        if forms:
            await self._services.disclosures.note(caller, "agents", about=person.pseudonym)
        return forms


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
