from __future__ import annotations

import pytest

from producers.errors import UnreadableInput
from producers.titles import SESSION_PATTERN, name_session


@pytest.mark.parametrize(
    ("pattern", "title", "session"),
    [
        (SESSION_PATTERN, "Hybrider une formation [ 48213 ] (suite) [2]", "48213"),
        (SESSION_PATTERN, "Réunion", ""),
        (SESSION_PATTERN, "[]", ""),
        (r"S(\d+)", "Cours S77", "77"),
        (r"x|(\d+)", "x", ""),
    ],
)
def test_the_first_group_names_the_session(pattern: str, title: str, session: str) -> None:
    assert name_session(pattern, title) == session


@pytest.mark.parametrize(("pattern", "told"), [("(", "no regular expression"), (r"\d+", "no group")])
def test_a_pattern_that_can_name_nothing_is_refused(pattern: str, told: str) -> None:
    with pytest.raises(UnreadableInput, match=told):
        name_session(pattern, "S77")
