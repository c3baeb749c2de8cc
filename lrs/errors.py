"""Everything the lrs package raises, and what each becomes over HTTP.

LrsError
├── BadRequest              400  the request breaks a rule; problems[] name place, rule and what was found
├── Unauthenticated         401  no credential, or a wrong one
├── Forbidden               403  the credential lacks the scope
│   ├── PersonErased             the request names a person who was erased and of whom nothing more is taken
│   ├── Restricted               the processing of this person is paused
│   └── TenantSuspended          its tenant may be used by nobody for now
├── NotFound                404
├── MethodNotAllowed        405
├── RequestTimeout          408  the body came too slowly
├── Conflict                409  another statement is known under one of the ids
├── DocumentExists          409  a PUT would overwrite a document that its sender does not name
├── PreconditionFailed      412  If-Match or If-None-Match does not hold
├── TooLarge                413  body or batch over the limit
├── QueryTooLong            414
├── UnsupportedEncoding     415
├── RateLimited             429  the credential asks more often than it may; try again after Retry-After
├── HeadTooLarge            431  request line and headers are over the limit
├── InternalError           500
└── Unavailable             503  try again after Retry-After
    ├── LogUnavailable           Kafka does not take records now; nothing of the request was kept
    ├── OutcomeUnknown           Kafka did not acknowledge in time; sending the same again is safe
    ├── NotConsistentYet         a read could not be made to see every accepted statement in time
    ├── StatementsUnavailable    ClickHouse does not answer
    ├── AttachmentsUnavailable   the object store of attachments does not answer
    ├── IdentityUnavailable      the identity database or the vault does not answer
    ├── IssuerUnavailable        the identity provider does not answer, and the token's key is not known
    └── Overloaded               too much is under way
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LrsError(Exception):
    """An answer other than success: `str(error)` is the sentence for a person, `code` is for programs."""

    status = 500
    code = "internal-error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.details = dict(details or {})
        self.headers = dict(headers or {})

    def to_json(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {"code": self.code, "message": str(self), **self.details}


class BadRequest(LrsError):
    """The request breaks a rule of the specification; sending it again unchanged cannot help."""

    status = 400
    code = "bad-request"


class Unauthenticated(LrsError):
    """The request carries no credential, or a wrong one; `invalid_token` when that was a bearer token.

    The answer names the schemes that are understood: Basic, and Bearer with `bearer`.
    """

    status = 401
    code = "unauthenticated"

    def __init__(self, message: str, *, invalid_token: bool = False, bearer: bool = False) -> None:
        challenge = 'Basic realm="xAPI", charset="UTF-8"'
        if bearer:
            challenge += ', Bearer realm="xAPI"' + (', error="invalid_token"' if invalid_token else "")
        super().__init__(message, headers={"WWW-Authenticate": challenge})
        self.invalid_token = invalid_token


class Forbidden(LrsError):
    """The credential is right and lacks the scope for this request."""

    status = 403
    code = "forbidden"


class PersonErased(Forbidden):
    """The request names a person who was erased, and of whom the tenant takes nothing more; nothing was stored."""

    code = "person-erased"

    def __init__(self, **place: str) -> None:
        super().__init__(
            "The request names a person who was erased at their request, and of whom nothing more is taken: nothing "
            "was stored. Leave that person out.",
            details={"problems": [{**place, "message": "Names an erased person.", "found": "an erased person"}]},
        )


class Restricted(Forbidden):
    """The processing of the person whom this is about is paused: nothing of theirs is read or changed."""

    code = "restricted"


class TenantSuspended(Forbidden):
    """The credential's tenant is suspended: nothing is read or written until its operator resumes it."""

    code = "tenant-suspended"


class NotFound(LrsError):
    """There is no such thing, or the credential may not see it."""

    status = 404
    code = "not-found"


class MethodNotAllowed(LrsError):
    """The resource has no such method."""

    status = 405
    code = "method-not-allowed"


class RequestTimeout(LrsError):
    """The body did not arrive within the limit."""

    status = 408
    code = "request-timeout"


class Conflict(LrsError):
    """A different statement is already known under one of the ids; nothing of the request was stored."""

    status = 409
    code = "conflict"


class DocumentExists(LrsError):
    """There is a document already, and the PUT says nothing of it; nothing was changed."""

    status = 409
    code = "document-exists"


class PreconditionFailed(LrsError):
    """If-Match or If-None-Match does not hold for the document that is there; nothing was changed."""

    status = 412
    code = "precondition-failed"


class TooLarge(LrsError):
    """The body or the batch is over the limit."""

    status = 413
    code = "too-large"


class QueryTooLong(LrsError):
    """The query string is over the limit."""

    status = 414
    code = "query-too-long"


class RateLimited(LrsError):
    """The credential asks more often than it may; the answer carries Retry-After."""

    status = 429
    code = "rate-limited"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after)})


class HeadTooLarge(LrsError):
    """The request line and the headers are over the limit."""

    status = 431
    code = "head-too-large"


class UnsupportedEncoding(LrsError):
    """The body is compressed, which this version does not read."""

    status = 415
    code = "unsupported-encoding"


class InternalError(LrsError):
    """A fault of the LRS itself; the log has it under the request's id."""


class Unavailable(LrsError):
    """Something the request needs does not answer now; the answer carries Retry-After."""

    status = 503
    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after)})


class LogUnavailable(Unavailable):
    """Kafka does not take records now; nothing of the request was kept."""

    code = "log-unavailable"


class OutcomeUnknown(Unavailable):
    """Kafka did not acknowledge in time: the statements may or may not be stored. Send the same again."""

    code = "outcome-unknown"


class NotConsistentYet(Unavailable):
    """The read could not be made to see every statement accepted before it within the limit."""

    code = "not-consistent-yet"


class StatementsUnavailable(Unavailable):
    """ClickHouse does not answer."""

    code = "statements-unavailable"


class AttachmentsUnavailable(Unavailable):
    """The object store of attachments does not answer."""

    code = "attachments-unavailable"


class IdentityUnavailable(Unavailable):
    """The identity database or the vault does not answer."""

    code = "identity-unavailable"


class IssuerUnavailable(Unavailable):
    """The identity provider does not answer, and the key that signed the token is not known."""

    code = "issuer-unavailable"


class Overloaded(Unavailable):
    """More is under way than the LRS holds in memory."""

    code = "overloaded"
