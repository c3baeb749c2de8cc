"""A session named in a title that people write: of a meeting, of a booking, of an event in a calendar."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from producers.errors import UnreadableInput

SESSION_PATTERN: Final = r"\[([^\]]+)\]"
"""A session in brackets, as in `Hybrider une formation [48213]`."""


def name_session(pattern: str, title: str) -> str:
    """Return what the first group of a pattern finds in a title, '' if nothing.

    Raises UnreadableInput when the pattern is no regular expression with a group.
    """
    match = _compile(pattern).search(title)
    return (match[1] or "").strip() if match else ""


@lru_cache
def _compile(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UnreadableInput(f"{pattern} is no regular expression: {error}.") from error
    if not compiled.groups:
        raise UnreadableInput(f"{pattern} has no group: put what is the session in parentheses.")
    return compiled
