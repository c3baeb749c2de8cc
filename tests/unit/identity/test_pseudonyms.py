import hashlib
import hmac
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.keys import TenantKeys
from identity.pseudonyms import identify, pseudonym

KEYS = TenantKeys("acme", 1, b"p" * 32, b"f" * 32, b"d" * 32, b"c" * 32)
SHA1 = hashlib.sha1(b"mailto:ada@example.org").hexdigest()


@pytest.mark.parametrize(
    "agent",
    [
        {"mbox": "mailto:ada@example.org"},
        {"mbox": "MAILTO:Ada@Example.ORG", "name": "Ada", "objectType": "Agent"},
        {"mbox_sha1sum": SHA1},
        {"mbox_sha1sum": SHA1.upper(), "name": "A. Lovelace"},
    ],
)
def test_an_address_is_one_identifier_however_it_is_written(agent: dict[str, str]) -> None:
    assert identify(agent) == f"mbox_sha1sum:{SHA1}"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"openid": "https://ID.example.org/"}, {"openid": "HTTPS://id.example.org"}),
        (
            {"account": {"homePage": "http://Moodle.example.org", "name": "Ada"}},
            {"account": {"homePage": "http://moodle.example.org/", "name": "Ada"}},
        ),
    ],
)
def test_scheme_host_and_an_empty_path_do_not_tell_people_apart(left: dict, right: dict) -> None:  # type: ignore[type-arg]
    assert identify(left) == identify(right) is not None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (
            {"account": {"homePage": "http://a.org", "name": "ada"}},
            {"account": {"homePage": "http://a.org", "name": "Ada"}},
        ),
        (
            {"account": {"homePage": "http://a.org/x", "name": "a"}},
            {"account": {"homePage": "http://a.org/X", "name": "a"}},
        ),
        (
            {"account": {"homePage": "http://a.org|b", "name": "c"}},
            {"account": {"homePage": "http://a.org", "name": "b|c"}},
        ),
        ({"openid": "http://a.org/x"}, {"openid": "http://a.org/X"}),
        ({"openid": "http://a.org|b"}, {"account": {"homePage": "http://a.org", "name": "b"}}),
        ({"mbox": "mailto:a@x.org"}, {"mbox": "mailto:b@x.org"}),
    ],
)
def test_what_may_be_two_people_stays_two(left: dict, right: dict) -> None:  # type: ignore[type-arg]
    assert identify(left) != identify(right)


@pytest.mark.parametrize(
    "agent", [{}, {"objectType": "Group", "member": []}, {"name": "Ada"}, {"mbox": 1}, {"account": {}}]
)
def test_what_identifies_nobody_has_no_identifier(agent: dict) -> None:  # type: ignore[type-arg]
    assert identify(agent) is None


def test_a_pseudonym_is_an_hmac_under_the_tenants_versioned_key() -> None:
    expected = hmac.new(b"p" * 32, b"v1:openid:http://a.org", hashlib.sha256).hexdigest()[:32]
    assert pseudonym(KEYS, "openid:http://a.org") == expected


@given(st.text(), st.binary(min_size=32, max_size=32), st.integers(1, 9))
def test_another_key_or_version_gives_another_pseudonym(identifier: str, key: bytes, version: int) -> None:
    keys = TenantKeys("other", version, key, b"", b"", b"")
    same = (key, version) == (KEYS.pseudonym, KEYS.version)
    name = pseudonym(keys, identifier)
    assert (name == pseudonym(KEYS, identifier)) is same
    assert len(name) == 32
    assert set(name) <= set(string.hexdigits.lower())
    assert name == pseudonym(keys, identifier)


def test_a_new_version_of_the_same_key_gives_new_pseudonyms() -> None:
    assert pseudonym(KEYS, "openid:http://a.org") != pseudonym(replace(KEYS, version=2), "openid:http://a.org")
