"""If-Match and If-None-Match as xAPI asks for them: pure rules over the tag of the document that is there.

A tag is a digest of the content. So a weak one counts like the strong one: it is ours, weakened by a proxy that
compressed the answer, and names the same content.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lrs.errors import BadRequest, DocumentExists, PreconditionFailed
from lrs.negotiation import V1

_TAG = re.compile(r'(?:W/)?"([!#-~\x80-\xff]*)"')
_LIST = re.compile(r'[ \t,]*(?:(?:W/)?"[!#-~\x80-\xff]*"[ \t]*(?:,[ \t,]*|$))+')


@dataclass(frozen=True, slots=True)
class Tags:
    """What one of the headers lists; `every` stands for `*`, which any document that is there matches."""

    every: bool
    tags: frozenset[str] = frozenset()

    def match(self, current: str | None) -> bool:
        """Return whether the document with this tag is among them; None is no document, and among none."""
        return current is not None and (self.every or current in self.tags)


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What a request asks of the document that is there; None where the header was not sent."""

    if_match: Tags | None = None
    if_none_match: Tags | None = None


def read_preconditions(if_match: Sequence[str], if_none_match: Sequence[str]) -> Preconditions:
    """Return the preconditions of a request, from the values of both headers. Raises BadRequest."""
    return Preconditions(_read_tags("If-Match", if_match), _read_tags("If-None-Match", if_none_match))


def check_change(preconditions: Preconditions, current: str | None) -> None:
    """Check a POST or DELETE against the document that is there. Raises PreconditionFailed."""
    if preconditions.if_match is not None and not preconditions.if_match.match(current):
        raise PreconditionFailed(
            "The document is not the one that If-Match names, or there is none: nothing was changed. "
            "Get it again, and decide with its ETag."
        )
    if preconditions.if_none_match is not None and preconditions.if_none_match.match(current):
        raise PreconditionFailed(
            "There is such a document already, which If-None-Match excludes: nothing was changed. "
            "Get it, and send its ETag in If-Match to replace it."
        )


def check_put(preconditions: Preconditions, current: str | None, *, state: bool, version: str) -> None:
    """Check a PUT, which must not overwrite what its sender does not know (XAPI-00322, 2.0.0: 4.1.4).

    1.0.3 asks for a header on profiles always and on states never; 2.0.0 on all, where there is a document.
    Raises PreconditionFailed, DocumentExists, BadRequest.
    """
    if preconditions != Preconditions():
        check_change(preconditions, current)
    elif version == V1 and state:
        return
    elif current is not None:
        raise DocumentExists(
            "There is a document already: check its current state, and set the If-Match header "
            "to its current ETag to replace it."
        )
    elif version == V1:
        raise BadRequest(
            "A profile is put with If-None-Match: * when it is new, or with If-Match and its ETag.",
            code="precondition-missing",
        )


def check_get(preconditions: Preconditions, current: str | None) -> bool:
    """Return whether the one who asks has this document already. Raises PreconditionFailed."""
    if preconditions.if_match is not None and not preconditions.if_match.match(current):
        raise PreconditionFailed("The document is not the one that If-Match names, or there is none.")
    return preconditions.if_none_match is not None and preconditions.if_none_match.match(current)


def _read_tags(name: str, values: Sequence[str]) -> Tags | None:
    if not values:
        return None
    text = ", ".join(values).strip()
    if text == "*":
        return Tags(every=True)
    if not _LIST.fullmatch(text):
        raise BadRequest(
            f'{name} is * or one or more ETags in quotes, such as "…", parted by commas.', code="malformed-header"
        )
    return Tags(every=False, tags=frozenset(_TAG.findall(text)))
