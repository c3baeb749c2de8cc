"""Data 2.4.2, actors: agents, groups, their identifiers; and authority (2.4.9), which is one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.statements import Path, Statement, assert_accepted, assert_refused, make_statement, pointer_to

MBOX = {"mbox": "mailto:ada@example.org"}
SHA1 = {"mbox_sha1sum": "ebd31e95054c018b10727ccffd2ef2ec3a016ee9"}
OPENID = {"openid": "https://ada.example.org/"}
ACCOUNT = {"account": {"homePage": "https://example.org", "name": "ada"}}
IDENTIFIERS = (MBOX, SHA1, OPENID, ACCOUNT)
GROUP = {"objectType": "Group"}

# Every place where an actor can stand, as (path, what makes a statement with one there).
PLACES: dict[Path, Callable[[dict[str, Any]], Statement]] = {
    ("actor",): lambda actor: make_statement(actor=actor),
    ("context", "instructor"): lambda actor: make_statement(context={"instructor": actor}),
    ("object", "actor"): lambda actor: make_statement(
        object={"objectType": "SubStatement", **make_statement(actor=actor)}
    ),
}
everywhere = pytest.mark.parametrize("path", PLACES, ids=str)


@everywhere
@pytest.mark.parametrize("identifier", IDENTIFIERS, ids=str)
def test_each_identifier_serves_for_an_agent_and_for_a_group(path: Any, identifier: dict[str, Any]) -> None:
    make = PLACES[path]
    assert_accepted(make(identifier))
    assert_accepted(make({"objectType": "Agent", "name": "Ada", **identifier}))
    assert_accepted(make({**GROUP, "name": "Analysts", **identifier}))
    assert_accepted(make({**GROUP, **identifier, "member": [MBOX, {"objectType": "Agent", **ACCOUNT}]}))
    assert_accepted(make({**GROUP, **identifier, "member": []}))


@everywhere
def test_a_group_without_identifier_needs_members(path: Any) -> None:
    make = PLACES[path]
    assert_accepted(make({**GROUP, "member": [MBOX]}))
    assert_refused(make(GROUP), pointer_to((*path, "member")), "XAPI-00035")
    assert_refused(make({**GROUP, "member": []}), pointer_to((*path, "member")), "XAPI-00035")


@everywhere
def test_an_agent_needs_an_identifier(path: Any) -> None:
    make = PLACES[path]
    assert_refused(make({"name": "Ada"}), pointer_to(path), "XAPI-00034")
    assert_refused(make({**GROUP, **MBOX, "member": [{"name": "Ada"}]}), pointer_to((*path, "member", 0)), "XAPI-00034")


@everywhere
@pytest.mark.parametrize("second", [SHA1, OPENID, ACCOUNT], ids=str)
def test_a_second_identifier_is_refused(path: Any, second: dict[str, Any]) -> None:
    make, pointer = PLACES[path], pointer_to((*path, *second))
    assert_refused(make({**MBOX, **second}), pointer, "XAPI-00034")
    assert_refused(make({**GROUP, **MBOX, **second}), pointer, "XAPI-00037")


@everywhere
@pytest.mark.parametrize(
    ("change", "at", "rule"),
    [
        ({"objectType": "Person"}, ("objectType",), "XAPI-00031"),
        ({"objectType": "agent"}, ("objectType",), "XAPI-00009"),
        ({"objectType": 1}, ("objectType",), "XAPI-00032"),
        ({"name": 7}, ("name",), "XAPI-00033"),
        ({"mbox": "ada@example.org"}, ("mbox",), "XAPI-00038"),
        ({"mbox": "mailto:ada.example.org"}, ("mbox",), "XAPI-00038"),
        ({"mbox": "mailto:ada@example.org,bob@example.org"}, ("mbox",), "XAPI-00038"),
        ({"mbox": "mailto:ada @example.org"}, ("mbox",), "XAPI-00038"),
        ({"mbox": 7}, ("mbox",), "XAPI-00038"),
    ],
)
def test_a_malformed_agent_is_refused(path: Any, change: dict[str, Any], at: tuple[str], rule: str) -> None:
    pointer = pointer_to((*path, *at))
    expected = rule if path[-1] == "actor" or rule != "XAPI-00031" else "XAPI-00087-2"
    assert_refused(PLACES[path]({**MBOX, **change}), pointer, expected)


@pytest.mark.parametrize(
    ("agent", "at", "rule"),
    [
        ({"mbox_sha1sum": "ebd31e95054c018b10727ccffd2ef2ec3a016ee"}, "/mbox_sha1sum", "XAPI-00039"),
        ({"mbox_sha1sum": "gbd31e95054c018b10727ccffd2ef2ec3a016ee9"}, "/mbox_sha1sum", "XAPI-00039"),
        ({"openid": "ada.example.org"}, "/openid", "XAPI-00011"),
        ({"openid": "https://caf\u00e9.example.org/"}, "/openid", "XAPI-00040"),
        ({"openid": 7}, "/openid", "XAPI-00040"),
        ({"account": "ada"}, "/account", "XAPI-00041"),
        ({"account": {"name": "ada"}}, "/account/homePage", "XAPI-00042"),
        ({"account": {"homePage": "example.org", "name": "ada"}}, "/account/homePage", "XAPI-00011"),
        ({"account": {"homePage": "https://example.org"}}, "/account/name", "XAPI-00043"),
        ({"account": {"homePage": "https://example.org", "name": {}}}, "/account/name", "XAPI-00043"),
    ],
)
def test_a_malformed_identifier_is_refused(agent: dict[str, Any], at: str, rule: str) -> None:
    assert_refused(make_statement(actor=agent), "/0/actor" + at, rule)
    assert_refused(make_statement(actor={**GROUP, **agent}), "/0/actor" + at, rule)


@pytest.mark.parametrize(
    ("member", "at", "rule"),
    [
        (None, "", "XAPI-00001"),
        (MBOX, "", "XAPI-00036"),
        (["ada"], "/0", "XAPI-00036"),
        ([{**GROUP, **MBOX}], "/0/objectType", "XAPI-00036"),
        ([{"objectType": "group", **MBOX}], "/0/objectType", "XAPI-00036"),
        ([{**MBOX, **OPENID}], "/0/openid", "XAPI-00034"),
    ],
)
@pytest.mark.parametrize("identifier", [{}, MBOX], ids=["anonymous", "identified"])
def test_a_group_has_agents_only(identifier: Any, member: Any, at: str, rule: str) -> None:
    assert_refused(make_statement(actor={**GROUP, **identifier, "member": member}), "/0/actor/member" + at, rule)


def test_a_team_is_a_group() -> None:
    assert_accepted(make_statement(context={"team": {**GROUP, **MBOX}}))
    assert_refused(
        make_statement(context={"team": {"objectType": "Agent", **MBOX}}), "/0/context/team/objectType", "XAPI-00088"
    )


@pytest.mark.parametrize("authority", [*IDENTIFIERS, {**GROUP, "member": [ACCOUNT, MBOX]}], ids=str)
def test_authority_is_an_agent_or_an_application_with_its_user(authority: dict[str, Any]) -> None:
    assert_accepted(make_statement(authority=authority))


@pytest.mark.parametrize(
    ("authority", "at", "rule"),
    [
        ({**GROUP, "member": [ACCOUNT]}, "/member", "XAPI-00098"),
        ({**GROUP, "member": [ACCOUNT, MBOX, SHA1]}, "/member", "XAPI-00098"),
        ({**GROUP, "member": []}, "/member", "XAPI-00035"),
        ({**GROUP, **MBOX, "member": [ACCOUNT, MBOX]}, "/mbox", "XAPI-00098"),
        ({**GROUP, **OPENID}, "/openid", "XAPI-00098"),
        ({"objectType": "Activity", "id": "https://example.org"}, "/objectType", "XAPI-00024"),
        ("lrs", "", "XAPI-00024"),
    ],
)
def test_another_authority_is_refused(authority: Any, at: str, rule: str) -> None:
    assert_refused(make_statement(authority=authority), "/0/authority" + at, rule)
