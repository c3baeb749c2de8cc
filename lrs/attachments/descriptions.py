"""What statements say about their attachments, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

SIGNATURE: Final = "http://adlnet.gov/expapi/attachments/signature"
SIGNATURE_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Description:
    """One attachment of a statement, or of its sub-statement, as the statement describes it."""

    index: int
    """The statement's place in the request or the page."""
    pointer: str
    attachment: dict[str, Any]
    of_substatement: bool

    @property
    def sha2(self) -> str:
        """The hash of the content, in lower case."""
        return str(self.attachment["sha2"]).lower()

    @property
    def has_file_url(self) -> bool:
        """Whether the content can be had elsewhere."""
        return bool(self.attachment.get("fileUrl"))

    @property
    def is_signature(self) -> bool:
        """Whether the content is said to be the statement's signature."""
        return bool(self.attachment["usageType"] == SIGNATURE)


def describe(statement: dict[str, Any], index: int) -> Iterator[Description]:
    """Give the attachments of a valid statement and of its sub-statement."""
    for place, attachment in enumerate(statement.get("attachments", ())):
        yield Description(index, f"/{index}/attachments/{place}", attachment, of_substatement=False)
    target = statement["object"]
    if target.get("objectType") == "SubStatement":
        for place, attachment in enumerate(target.get("attachments", ())):
            yield Description(index, f"/{index}/object/attachments/{place}", attachment, of_substatement=True)
