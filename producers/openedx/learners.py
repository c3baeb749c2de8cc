"""Who the users of an Open edX are, from an export of its users: tracking logs hold their numbers alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from producers.errors import UnreadableInput
from producers.texts import read_lines

_NUMBER: Final = frozenset({"id", "user_id"})
_EMAIL: Final = "email"


def read_learners(path: Path) -> dict[str, str]:
    """Return e-mail addresses by user id, from a table with the columns `id` (or `user_id`) and `email`.

    Raises UnreadableInput when the file cannot be read, or lacks one of them.
    """
    rows = read_lines(path).cells
    header = [cell.lower() for cell in rows[0]] if rows else []
    number = next((place for place, name in enumerate(header) if name in _NUMBER), None)
    email = header.index(_EMAIL) if _EMAIL in header else None
    if number is None or email is None:
        raise UnreadableInput(f"{path} is no table of users: its first line names no columns id and email.")
    return {row[number]: row[email] for row in rows[1:] if len(row) > max(number, email) and row[number]}
