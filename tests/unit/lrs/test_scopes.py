"""Which scope opens which resource: the whole table, over HTTP (xAPI 1.0.3, Communication 4.2)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from identity.credentials import SCOPES, Credential
from identity.keys import TenantKeys
from lrs.authentication import Caller
from lrs.errors import Forbidden
from tests.unit.lrs.world import World, make_statement

READ = {"all", "all/read", "statements/read", "statements/read/mine"}
WRITE = {"all", "statements/write"}
ID = str(uuid.UUID(int=7))

# Method, path, what httpx sends, and the scopes that open it. A new resource is a line here.
RESOURCES: list[tuple[str, str, dict[str, Any], set[str]]] = [
    ("GET", "statements", {}, READ),
    ("HEAD", "statements", {}, READ),
    ("GET", "statements", {"params": {"statementId": ID}}, READ),
    ("GET", "statements/more", {"params": {"cursor": "x"}}, READ),
    ("POST", "statements", {"json": make_statement()}, WRITE),
    ("PUT", "statements", {"params": {"statementId": ID}, "json": make_statement()}, WRITE),
    ("GET", "about", {}, set(SCOPES)),
]


@pytest.mark.parametrize("scope", sorted(SCOPES))
@pytest.mark.parametrize(("method", "path", "sent", "open_to"), RESOURCES)
async def test_a_resource_is_open_to_its_scopes_and_to_no_other(
    world: World, method: str, path: str, sent: dict[str, Any], open_to: set[str], scope: str
) -> None:
    answer = await world.client(scope).request(method, f"/xAPI/{path}", **sent)
    if scope in open_to:
        assert answer.status_code in {200, 204, 400, 404}
    else:
        assert answer.status_code == 403
        if method != "HEAD":
            assert answer.json()["code"] == "forbidden"
            assert answer.json()["scope"] in open_to
        assert not world.log.records


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
    return Caller(Credential("key", "acme", "name", frozenset(scopes), sees_identities=False), keys, {}, "")
