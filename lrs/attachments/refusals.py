"""The one form in which attachments are refused: a sentence, a code, and place, rule and what was found."""

from __future__ import annotations

from typing import Final

from lrs.errors import BadRequest

BOUNDARY_BEFORE_PARTS: Final = "XAPI-00130"
BOUNDARY_NAMED: Final = "XAPI-00131"
HASH_HEADER: Final = "XAPI-00132"
STATEMENTS_FIRST: Final = "XAPI-00133"
FIRST_PART_JSON: Final = "XAPI-00134"
BINARY: Final = "XAPI-00135"
EXCESS_PART: Final = "XAPI-00128"
MISSING_PART: Final = "XAPI-00129"
FILE_URL: Final = "Communication-1.5.1"
HASH_OF_DATA: Final = "Communication-1.5.2"
SIGNATURE_ATTACHED: Final = "XAPI-00115"
SIGNED_STATEMENT: Final = "XAPI-00116"
SIGNATURE_ALGORITHM: Final = "XAPI-00117"

_EXCERPT = 80


def refuse(
    code: str, rule: str, message: str, found: str, *, pointer: str | None = None, part: int | None = None
) -> BadRequest:
    """Return the refusal of a request at a place of its statements (`pointer`) or at a part of its body, from 1."""
    place: dict[str, object] = {} if pointer is None else {"pointer": pointer}
    if part is not None:
        place["part"] = part
    where = pointer if pointer is not None else "The body" if part is None else f"Part {part} of the body"
    return BadRequest(
        f"{where}: {message}",
        code=code,
        details={"problems": [{**place, "rule": rule, "message": message, "found": found[:_EXCERPT]}]},
    )
