"""Which session, module and pathway of the institution a course on a learning platform stands for."""

from __future__ import annotations

import re
from typing import Final

from producers.statements import Training

PATTERN: Final = r"(?P<session>.+)"
GROUPS: Final = frozenset({"session", "module", "pathway"})


def compile_pattern(text: str) -> re.Pattern[str]:
    """Return the pattern of courses' codes. Raises ValueError with a sentence when it is none."""
    try:
        pattern = re.compile(text)
    except re.error:
        raise ValueError(f"{text} is no regular expression.") from None
    if not pattern.groupindex or pattern.groupindex.keys() - GROUPS:
        raise ValueError(f"{text} names no group, or others than (?P<session>…), (?P<module>…) and (?P<pathway>…).")
    return pattern


def find_training(pattern: re.Pattern[str], code: str, *, otherwise: str, name: str) -> Training:
    """Return what a course stands for, by its code; a course whose code names no session is the session `otherwise`.

    `name` is the course's own.
    """
    match = pattern.search(code.strip())
    told = {key: (value or "").strip() for key, value in match.groupdict().items()} if match else {}
    return Training(
        session=told.get("session") or otherwise,
        session_name=name,
        module=told.get("module", ""),
        pathway=told.get("pathway", ""),
    )
