import io
from typing import Any

import pytest

from identity.sealing import PSEUDONYM_HOME
from jalon.commands.subjects import read_subject
from jalon.errors import WrongInput


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("ada@example.org", {"mbox": "mailto:ada@example.org"}),
        ("MAILTO:ada@example.org", {"mbox": "mailto:ada@example.org"}),
        ("https://openid.example.org/ada", {"openid": "https://openid.example.org/ada"}),
        (
            "https://example.org|ada@example.org",
            {"account": {"homePage": "https://example.org", "name": "ada@example.org"}},
        ),
        ("AB" * 20, {"mbox_sha1sum": "ab" * 20}),
        ("0a" * 16, {"account": {"homePage": PSEUDONYM_HOME, "name": "0a" * 16}}),
        ('{"mbox": "mailto:ada@example.org"}', {"mbox": "mailto:ada@example.org"}),
    ],
)
def test_a_person_is_named_in_the_forms_that_people_have(text: str, agent: dict[str, Any]) -> None:
    assert read_subject(text) == agent


def test_a_person_can_be_named_where_no_shell_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("ada@example.org\n"))
    assert read_subject("-") == {"mbox": "mailto:ada@example.org"}


@pytest.mark.parametrize("text", ["", "ada", "{", "[1]", "example.org|ada"])
def test_what_names_nobody_is_refused(text: str) -> None:
    with pytest.raises(WrongInput):
        read_subject(text)
