"""Requests made up by schemathesis from the description of the LRS, and what every answer to them must be like."""

from __future__ import annotations

from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import BaseSchema
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from lrs.limits import Limits
from lrs.negotiation import V1, V2, VERSION_HEADER
from lrs.openapi.description import describe

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

SOUND = {
    "agent": '{"mbox":"mailto:ada@example.org"}',
    "activityId": "https://example.org/activities/fractions",
    "activity": "https://example.org/activities/fractions",
    "verb": "http://adlnet.gov/expapi/verbs/attended",
}


def load_description() -> BaseSchema:
    """Return the description as schemathesis reads it, to make tests of it with `parametrize`."""
    schema = schemathesis.openapi.from_dict(describe(Limits(), public_url="http://lrs.example", bearer=False))
    # Hundreds of requests for each operation, which take minutes to make up.
    schema.config.phases.coverage.enabled = False
    return schema


def bound(examples: int) -> settings:
    """Return the settings of such a test: the same requests in every run, and not more than so many of a kind."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def check_answer(case: Any, client: httpx.Client, version: str) -> None:
    """Send a case in a version of xAPI, and fail unless the description allows the answer."""
    # What is left out or misspelt by intent stays so.
    if case.headers.get(VERSION_HEADER) in (V1, V2):
        case.headers[VERSION_HEADER] = version
    case.validate_response(_send(case, client), checks=CHECKS)
    # What is made up at random is mostly refused at once: again with what is of the form that the LRS asks for.
    query = case.query or {}
    sound = {name: SOUND.get(name, value) for name, value in query.items() if name not in ("since", "until")}
    if sound != query:
        case.query = sound
        for name in ("If-Match", "If-None-Match"):
            case.headers.pop(name, None)
        case.validate_response(_send(case, client), checks=CHECKS)


def _send(case: Any, client: httpx.Client) -> httpx.Response:
    # Schemathesis's own way does not work beside urllib3-future, which another library brings.
    prepared = requests.Request(**case.as_transport_kwargs(base_url=str(client.base_url).rstrip("/"))).prepare()
    headers = [(name.encode("latin-1"), _encode(value)) for name, value in prepared.headers.items()]
    return client.request(prepared.method, prepared.url, headers=headers, content=prepared.body)


def _encode(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")
