"""Which scope opens which resource: the whole table, over HTTP (xAPI 1.0.3, Communication 4.2)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from identity.credentials import SCOPES, Credential
from identity.keys import TenantKeys
from lrs.callers import Caller
from lrs.errors import Forbidden
from tests.unit.lrs.world import World, make_statement

READ = {"all", "all/read", "statements/read", "statements/read/mine"}
WRITE = {"all", "statements/write"}
ID = str(uuid.UUID(int=7))
AGENT = '{"mbox": "mailto:ada@example.org"}'
IN_STATE = {"activityId": "https://example.org/a", "agent": AGENT}
DOCUMENTS = [
    ("activities/state", IN_STATE, "stateId", "state"),
    ("activities/profile", {"activityId": "https://example.org/a"}, "profileId", "profile"),
    ("agents/profile", {"agent": AGENT}, "profileId", "profile"),
]

# Method, path, what httpx sends, and the scopes that open it. A new resource is a line here.
RESOURCES: list[tuple[str, str, dict[str, Any], set[str]]] = [
    ("GET", "statements", {}, READ),
    ("HEAD", "statements", {}, READ),
    ("GET", "statements", {"params": {"statementId": ID}}, READ),
    ("GET", "statements/more", {"params": {"cursor": "x"}}, READ),
    ("POST", "statements", {"json": make_statement()}, WRITE),
    ("PUT", "statements", {"params": {"statementId": ID}, "json": make_statement()}, WRITE),
    ("GET", "about", {}, set(SCOPES)),
    *[
        (method, path, {"params": parameters}, set(SCOPES) - {"statements/write"})
        for path, parameters in (("activities", {"activityId": "https://example.org/a"}), ("agents", {"agent": AGENT}))
        for method in ("GET", "HEAD")
    ],
    *[
        (method, path, {"params": parameters}, {"all", "all/read", scope})
        for path, context, name, scope in DOCUMENTS
        for method in ("GET", "HEAD")
        for parameters in (context, {**context, name: "x"})
    ],
    *[
        (method, path, {"params": {**context, name: "x"}, **content}, {"all", scope})
        for path, context, name, scope in DOCUMENTS
        for method, content in (
            ("PUT", {"json": {}, "headers": {"If-None-Match": "*"}}),
            ("POST", {"json": {}}),
            ("DELETE", {}),
        )
    ],
    ("DELETE", "activities/state", {"params": IN_STATE}, {"all", "state"}),
    # The alternate request syntax asks for what the request that it carries asks for.
    ("POST", "statements?method=GET", {"data": {"limit": "1"}}, READ),
    ("POST", "activities/state?method=DELETE", {"data": {**IN_STATE, "stateId": "x"}}, {"all", "state"}),
    ("POST", "agents/profile?method=GET", {"data": {"agent": AGENT}}, {"all", "all/read", "profile"}),
]


@pytest.mark.parametrize("scope", sorted(SCOPES))
async def test_a_resource_is_open_to_its_scopes_and_to_no_other(world: World, scope: str) -> None:
    client = world.client(scope)
    for method, path, sent, open_to in RESOURCES:
        request = f"{method} {path} {sent}"
        written = len(world.log.records)
        answer = await client.request(method, f"/xAPI/{path}", **sent)
        if scope in open_to:
            assert answer.status_code in {200, 204, 400, 404}, request
            continue
        assert answer.status_code == 403, request
        if method != "HEAD":
            assert answer.json()["code"] == "forbidden"
            assert answer.json()["scope"] in open_to, request
        assert len(world.log.records) == written


# What the resources ask a caller, and the scopes with which the answer is yes.
QUESTIONS: list[tuple[Callable[[Caller], object], set[str]]] = [
    (Caller.may_write, WRITE),
    (Caller.may_read, READ),
    (lambda caller: caller.may_read_documents("state"), {"all", "all/read", "state"}),
    (lambda caller: caller.may_write_documents("state"), {"all", "state"}),
    (lambda caller: caller.may_read_documents("profile"), {"all", "all/read", "profile"}),
    (lambda caller: caller.may_write_documents("profile"), {"all", "profile"}),
    (Caller.may_read_definitions, set(SCOPES) - {"statements/write"}),
]


@pytest.mark.parametrize("scope", sorted(SCOPES))
@pytest.mark.parametrize(("question", "open_to"), QUESTIONS)
def test_a_caller_may_what_its_scopes_say(question: Callable[[Caller], object], open_to: set[str], scope: str) -> None:
    caller = make_caller(scope)
    if scope in open_to:
        question(caller)
        return
    with pytest.raises(Forbidden) as refusal:
        question(caller)
    assert refusal.value.details["scope"] in open_to


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_only_define_and_all_change_what_an_activity_is(scope: str) -> None:
    assert make_caller(scope).may_define() == (scope in {"define", "all"})


@pytest.mark.parametrize("scope", sorted(READ))
def test_mine_alone_reads_nothing_but_its_own(scope: str) -> None:
    assert make_caller(scope).may_read() == (scope == "statements/read/mine")
    assert not make_caller(scope, "all/read").may_read()


def test_no_scope_at_all_opens_nothing() -> None:
    for question, _ in QUESTIONS:
        with pytest.raises(Forbidden):
            question(make_caller())
    assert not make_caller().may_define()


def make_caller(*scopes: str) -> Caller:
    keys = TenantKeys("acme", 1, b"p" * 32, b"f" * 32, b"d" * 32, b"c" * 32)
    return Caller(Credential("key", "acme", "name", frozenset(scopes), sees_identities=False), keys, {}, ("",))
