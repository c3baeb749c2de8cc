"""The whole OpenAPI description: pure, made once when an application is."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from lrs.limits import MIB, Limits
from lrs.negotiation import SUPPORTED, VERSION_HEADER
from lrs.openapi.operations import add_heads, describe_paths
from lrs.openapi.parameters import describe_headers, describe_parameters
from lrs.openapi.refusals import describe_refusals
from lrs.openapi.schemas import describe_schemas

_ABOUT: Final = """\
The xAPI interface of a Jalon learning record store. It speaks {versions}.

**A request** names its version in `{version_header}`, and comes with a credential: {credentials}, which decides \
the tenant. A body has at most {body} MiB, one of statements at most {batch} of them; attachments at most \
{attachment} MiB each. Unknown, repeated and malformed parameters are refused. Every GET can be a HEAD.

**A refusal** is JSON: `code` for programs, `message` for a person, and where there is more to say, details.

**In xAPI 1.0.x** any request may be sent in the alternate request syntax: `POST …?method=GET|HEAD|PUT|POST|DELETE` \
with an `application/x-www-form-urlencoded` body that holds the parameters, headers, and the body as `content`.

**Pages of other sites** may send requests as far as the operator allows (CORS); a preflight needs no credential.\
"""

_TAGS: Final = {
    "Statements": "What happened.",
    "State": "Documents of an agent in an activity.",
    "Activity profiles": "Documents of an activity.",
    "Agent profiles": "Documents of an agent.",
    "Activities and agents": "What all statements together say.",
    "About": "What needs no credential.",
}


def describe(limits: Limits, *, public_url: str, bearer: bool) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of an LRS with these limits, which clients reach at `public_url`.

    `bearer` tells whether it takes bearer tokens.
    """
    schemes: dict[str, Any] = {
        "Basic": {"type": "http", "scheme": "basic", "description": "A credential's key and secret."}
    }
    if bearer:
        schemes["Bearer"] = {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A token of the installation's identity provider.",
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Jalon LRS",
            "version": version("jalon"),
            "description": _ABOUT.format(
                versions=f"{', '.join(SUPPORTED[:-1])} and {SUPPORTED[-1]}",
                version_header=VERSION_HEADER,
                credentials="key and secret, or a bearer token" if bearer else "key and secret",
                body=limits.body_bytes // MIB,
                batch=limits.batch_statements,
                attachment=limits.attachment_bytes // MIB,
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "servers": [{"url": public_url}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "security": [{scheme: []} for scheme in schemes],
        "paths": add_heads(describe_paths()),
        "components": {
            "securitySchemes": schemes,
            "parameters": describe_parameters(limits),
            "headers": describe_headers(),
            "responses": describe_refusals(),
            "schemas": describe_schemas(),
        },
    }
