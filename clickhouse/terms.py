"""What statements are found by: every filter of xAPI's GET statements as one number, the same when written and read.

A term stands for a kind of filter and a value, as in a search engine's index: the stream processors write a
statement's terms with its row, ClickHouse keeps a list of statements for each (`postings`), the LRS reads that list.
Sixty-four bits tell the terms of one tenant apart: among ten million, two meet once in four hundred thousand
installations.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Literal

Kind = Literal[
    "every",
    "agent",
    "related-agent",
    "verb",
    "activity",
    "related-activity",
    "registration",
    "authority",
    "attachment",
]
"""`every` is the term of all statements; the others are the filters of Communication 2.1.3, with `authority` for the
statements that one credential has written and `attachment` for those that describe a content of that hash, or (the
value "") any. Agents and authorities are pseudonyms."""


@functools.lru_cache(maxsize=200_000)
def name_term(kind: Kind, value: str = "") -> int:
    """Return the term of a filter's value, an unsigned 64-bit number."""
    digest = hashlib.blake2b(f"{kind}\0{value}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
