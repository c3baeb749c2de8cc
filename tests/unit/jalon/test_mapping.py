from typing import Any

import pytest

from jalon.errors import WrongInput
from jalon.mapping import read_mapping

ADA, COUNTESS = {"mbox": "mailto:ada@example.org"}, {"mbox": "mailto:countess@example.org"}


def test_each_line_is_one_person() -> None:
    text = 'ada@example.org, countess@example.org\r\n\r\n"https://lms.example.org|a,b",https://openid.example.org/b,\n'
    account = {"account": {"homePage": "https://lms.example.org", "name": "a,b"}}
    assert read_mapping(text, "m.csv") == [[ADA, COUNTESS], [account, {"openid": "https://openid.example.org/b"}]]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("email,account\n", "line 1, column 1: names nobody"),
        ("ada@example.org\n", "line 1: needs two identifiers at least"),
        ("ada@example.org,-\n", "line 1, column 2: names nobody"),
        (
            "ada@example.org,countess@example.org\nb@example.org,mailto:ADA@example.org",
            "line 2, column 2: names whom line 1",
        ),
    ],
)
def test_a_file_with_a_fault_is_refused_by_its_place_and_names_nobody(text: str, place: Any) -> None:
    with pytest.raises(WrongInput) as refused:
        read_mapping(text, "m.csv")
    assert place in str(refused.value)
    assert "Nothing was linked" in str(refused.value)
    assert "example.org" not in str(refused.value)


def test_the_first_faults_of_many_are_told() -> None:
    with pytest.raises(WrongInput, match=r"line 1, column 1: names nobody.*, and 2 more"):
        read_mapping("nobody,nowhere,no one\n" * 3, "m.csv")
