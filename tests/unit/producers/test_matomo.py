from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.errors import RowRejected
from producers.matomo import trim
from xapi_profiles.validation import check_statements


@pytest.mark.parametrize(
    ("url", "iri"),
    [
        ("https://www.example.org/a?b=1#c", "https://www.example.org/a"),
        ("https://ada:secret@www.example.org/a", "https://www.example.org/a"),
        ("HTTPS://WWW.Example.org:8443/A/", "https://www.example.org:8443/A/"),
        ("http://[2001:db8::1]:80/", "http://[2001:db8::1]:80/"),
        ("https://www.example.org/é t%C3%A9/100%", "https://www.example.org/%C3%A9%20t%C3%A9/100%25"),
        ("https://www.example.org", "https://www.example.org"),
    ],
)
def test_an_address_becomes_an_iri_without_query_fragment_and_password(url: str, iri: str) -> None:
    assert trim(url) == iri


@pytest.mark.parametrize(
    "url", ["", "/a", "javascript:void(0)", "https://", "https://a b/", "https://x:port/", "https://[x/"]
)
def test_what_is_no_address_of_a_page_is_rejected(url: str) -> None:
    with pytest.raises(RowRejected):
        trim(url)


@given(st.text(), st.text(), st.booleans())
def test_whatever_the_path_it_is_an_iri_that_statements_may_hold(path: str, query: str, keep: bool) -> None:
    iri = trim(f"https://www.example.org/{path}?{query}", keep_query=keep)
    check_statements(
        {"actor": {"mbox": "mailto:a@example.org"}, "verb": {"id": "http://v"}, "object": {"id": iri}}, "1.0.3"
    )
    assert trim(iri, keep_query=keep) == iri
    assert keep or "?" not in iri
