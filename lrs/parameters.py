"""Query parameters as every resource reads them: known, given once, of the form that the specification says.

A parameter is done, or refused with a sentence; none is accepted and ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from identity.persons import name_versions
from identity.pseudonyms import PSEUDONYM_CHARACTERS, identify
from identity.sealing import PSEUDONYM_HOME
from lrs.callers import Caller
from lrs.errors import BadRequest, PersonErased
from lrs.negotiation import V1
from xapi_profiles.datatypes import check_iri, check_uuid, read_timestamp
from xapi_profiles.errors import InvalidStatement, MalformedJson
from xapi_profiles.json_text import parse_json
from xapi_profiles.validation import check_statements

_PSEUDONYM = re.compile(rf"[0-9a-f]{{{PSEUDONYM_CHARACTERS}}}")


def read_parameters(
    pairs: Iterable[tuple[str, str]], allowed: Iterable[str] = (), *, required: Iterable[str] = ()
) -> dict[str, str]:
    """Return query parameters by name; those required are allowed as well.

    Raises BadRequest for an unknown name, for one given twice, and for a required one that is missing.
    """
    needed = frozenset(required)
    known = needed.union(allowed)
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise BadRequest(
                f"The parameter {name[:60]!r} is not known here; known are {', '.join(sorted(known)) or 'none'}.",
                code="unknown-parameter",
            )
        if name in parameters:
            raise BadRequest(f"The parameter {name} is there more than once: send it once.", code="repeated-parameter")
        parameters[name] = value
    for name in sorted(needed - parameters.keys()):
        raise BadRequest(f"The parameter {name} is needed here: send it.", code="parameter-missing")
    return parameters


def parse_uuid(name: str, text: str) -> UUID:
    """Return a parameter that is a UUID. Raises BadRequest."""
    _check_text(name, text, check_uuid)
    return UUID(text)


def parse_iri(name: str, text: str) -> str:
    """Return a parameter that is an IRI, as it was sent. Raises BadRequest."""
    _check_text(name, text, check_iri)
    return text


def parse_instant(name: str, text: str) -> datetime:
    """Return a parameter that is a timestamp, in UTC. Raises BadRequest."""
    try:
        return read_timestamp(text)
    except ValueError:
        # A plus sign that was not percent-encoded arrives as a space: the commonest mistake here.
        raise wrong_parameter(
            name, "an ISO 8601 date and time, such as 2026-11-22T09:30:00.000Z (+ sent as %2B)", text
        ) from None


class NamedAgent(NamedTuple):
    """The agent or identified group that a request names: as it was sent, and its pseudonyms.

    Of an identifier, `versions` has one for each key that the tenant has had, the newest first.
    """

    form: dict[str, Any]
    versions: tuple[str, ...]

    @property
    def pseudonym(self) -> str:
        """The pseudonym under the tenant's newest key, or the one that was sent."""
        return self.versions[0]

    @property
    def is_pseudonym(self) -> bool:
        """Whether whoever asks has shown no identifier of the person, only what stands for them."""
        account = self.form.get("account")
        return isinstance(account, dict) and account.get("homePage") == PSEUDONYM_HOME


def parse_agent(text: str, caller: Caller) -> NamedAgent:
    """Return the agent or identified group that the parameter `agent` names.

    Who sees pseudonyms only can ask by what they see: an account under PSEUDONYM_HOME. An identifier of somebody who
    was erased stands for the new person that they may have become. Raises BadRequest.
    """
    agent = _read_agent(text)
    name = _read_pseudonym(agent, text)
    if name is not None:
        return NamedAgent(agent, (name,))
    return NamedAgent(agent, caller.erased.follow(caller.keys, _name_agent(agent, text, caller)))


def parse_agent_written(text: str, caller: Caller) -> NamedAgent:
    """Return whom something is to be stored of, as parse_agent does. Raises BadRequest, PersonErased."""
    agent = _read_agent(text)
    name = _read_pseudonym(agent, text)
    if name is not None:
        if name in caller.erased:
            raise PersonErased(parameter="agent")
        return NamedAgent(agent, (name,))
    versions = _name_agent(agent, text, caller)
    if caller.erased.refuses(caller.keys, versions):
        raise PersonErased(parameter="agent")
    return NamedAgent(agent, caller.erased.follow(caller.keys, versions))


def _read_agent(text: str) -> dict[str, Any]:
    try:
        agent = parse_json(text.encode())
    except MalformedJson:
        raise wrong_parameter("agent", "an agent or identified group in JSON", text) from None
    if not isinstance(agent, dict):
        raise wrong_parameter("agent", "an agent or identified group, a JSON object", text)
    return agent


def _read_pseudonym(agent: dict[str, Any], text: str) -> str | None:
    account = agent.get("account")
    if not isinstance(account, dict) or account.get("homePage") != PSEUDONYM_HOME:
        return None
    name = account.get("name")
    if not isinstance(name, str) or not _PSEUDONYM.fullmatch(name):
        raise wrong_parameter("agent", f"a pseudonym of {PSEUDONYM_CHARACTERS} hexadecimal characters", text)
    return name


def _name_agent(agent: dict[str, Any], text: str, caller: Caller) -> tuple[str, ...]:
    try:
        check_statements(
            {"actor": agent, "verb": {"id": "https://w3id.org/x"}, "object": {"id": "https://w3id.org/x"}}, V1
        )
    except InvalidStatement as error:
        problem = error.problems[0]
        pointer = problem.pointer.removeprefix("/0/actor")
        raise BadRequest(
            f"The parameter agent is not valid at {pointer or '/'}: {problem.message}.",
            code="invalid-parameter",
            details={
                "problems": [
                    {
                        "parameter": "agent",
                        "pointer": pointer,
                        "rule": problem.rule,
                        "message": problem.message,
                        "found": problem.found,
                    }
                ]
            },
        ) from None
    if identify(agent) is None:
        raise wrong_parameter("agent", "an agent or group with mbox, mbox_sha1sum, openid or account", text)
    return name_versions(caller.keys, agent)


def wrong_parameter(name: str, expected: str, found: str) -> BadRequest:
    """Return the refusal of a parameter's value."""
    return BadRequest(
        f"The parameter {name} is not valid: expected {expected}.",
        code="invalid-parameter",
        details={"problems": [{"parameter": name, "message": f"Expected {expected}.", "found": found[:80]}]},
    )


def _check_text(name: str, text: str, check: Callable[[str], str]) -> None:
    try:
        check(text)
    except ValueError as error:
        raise wrong_parameter(name, str(error).removeprefix("expected "), text) from None
