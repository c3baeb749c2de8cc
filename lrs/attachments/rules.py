"""What the headers of parts and the descriptions of attachments must be like (Data 2.4.11, Communication 1.5)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from lrs.attachments import refusals
from lrs.attachments.descriptions import SIGNATURE_TYPE, Description
from lrs.attachments.refusals import refuse
from lrs.errors import BadRequest
from lrs.negotiation import check_json_content


def check_first_part(headers: Mapping[str, str]) -> None:
    """Check that the first part is said to hold JSON. Raises BadRequest."""
    try:
        check_json_content(headers.get("content-type"), None)
    except BadRequest:
        raise refuse(
            "multipart",
            refusals.FIRST_PART_JSON,
            "the first part holds the statements, with Content-Type: application/json.",
            headers.get("content-type", "no Content-Type"),
            part=1,
        ) from None
    coding = headers.get("content-transfer-encoding", "binary")
    if coding.lower() not in ("binary", "8bit", "7bit"):
        raise refuse("multipart", refusals.BINARY, "the statements are sent as they are, not encoded.", coding, part=1)


def check_further_part(headers: Mapping[str, str], number: int, expected: Container[str]) -> str:
    """Return the hash, in lower case, of the attachment that a part's headers announce.

    `expected` are the hashes that the statements' attachments have. Raises BadRequest.
    """
    coding = headers.get("content-transfer-encoding")
    if coding is None or coding.lower() != "binary":
        raise refuse(
            "attachment-header",
            refusals.BINARY,
            "an attachment is sent with Content-Transfer-Encoding: binary.",
            coding or "no Content-Transfer-Encoding",
            part=number,
        )
    sent = headers.get("x-experience-api-hash")
    if sent is None:
        raise refuse(
            "attachment-header",
            refusals.HASH_HEADER,
            "every part but the first names its content in X-Experience-API-Hash.",
            "no X-Experience-API-Hash",
            part=number,
        )
    sha2 = sent.lower()
    if sha2 not in expected:
        raise refuse(
            "attachment-unexpected",
            refusals.EXCESS_PART,
            "no attachment of the statements has this hash as its sha2: every part but the first is an attachment.",
            sent,
            part=number,
        )
    return sha2


def refuse_missing(descriptions: Iterable[Description], contents: Iterable[str] | None) -> None:
    """Refuse attachments whose content is neither here nor elsewhere, and signatures that cannot be checked.

    `contents` are the hashes of those that came; None when the body had no place for any. Raises BadRequest.
    """
    present = frozenset(contents or ())
    for description in descriptions:
        if description.is_signature:
            _check_signature_attachment(description)
        if description.sha2 in present:
            continue
        if description.is_signature:
            raise refuse(
                "attachment-missing",
                refusals.SIGNATURE_ATTACHED,
                "a signature is sent with its statement, as multipart/mixed.",
                "no part with this sha2",
                pointer=description.pointer,
            )
        if not description.has_file_url:
            raise refuse(
                "attachment-missing",
                refusals.FILE_URL if contents is None else refusals.MISSING_PART,
                "an attachment is sent as a part of a multipart/mixed body, or has a fileUrl.",
                "neither",
                pointer=description.pointer,
            )


def _check_signature_attachment(description: Description) -> None:
    if description.of_substatement:
        raise refuse(
            "signature",
            refusals.SIGNATURE_ATTACHED,
            "a signature signs a whole statement: attach it to the statement, not to its sub-statement.",
            "a signature of a sub-statement",
            pointer=description.pointer,
        )
    if description.attachment["contentType"] != SIGNATURE_TYPE:
        raise refuse(
            "signature",
            refusals.SIGNATURE_ATTACHED,
            f"a signature has the contentType {SIGNATURE_TYPE}.",
            description.attachment["contentType"],
            pointer=f"{description.pointer}/contentType",
        )
