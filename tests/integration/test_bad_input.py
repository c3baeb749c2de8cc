"""What cannot be taken is refused clearly or kept as a dead letter, and the flow goes on."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import psutil
import pytest
from kafka import KafkaProducer

from tests.stack import Stack, TenantAccess
from tests.waiting import eventually
from xapi_profiles.record import build_headers

pytestmark = pytest.mark.integration


def make_statement(**changes: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "actor": {"mbox": "mailto:alix.durand@example.org"},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/experienced"},
        "object": {"id": "https://example.org/activities/1"},
        **changes,
    }


def assert_the_flow_goes_on(tenant: TenantAccess) -> None:
    statement = make_statement()
    assert tenant.http.post("statements", json=[statement]).status_code == 200
    read = tenant.http.get("statements", params={"statementId": statement["id"]})
    assert read.status_code == 200
    assert read.json()["actor"] == statement["actor"]


def test_malformed_json_is_refused_with_its_place(tenant: TenantAccess) -> None:
    answer = tenant.http.post("statements", content=b'[{"actor": }]', headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "malformed-json"
    assert "line 1, column" in answer.json()["message"]
    assert_the_flow_goes_on(tenant)


def test_a_wrong_type_deep_inside_is_refused_with_pointer_and_rule(tenant: TenantAccess) -> None:
    bad = make_statement(
        context={"contextActivities": {"parent": [{"id": "https://example.org/a", "definition": {"name": {"fr": 7}}}]}}
    )
    answer = tenant.http.post("statements", json=[make_statement(), bad])
    assert answer.status_code == 400
    problem = answer.json()["problems"][0]
    assert problem["pointer"] == "/1/context/contextActivities/parent/0/definition/name/fr"
    assert problem["rule"]
    assert problem["found"] == "7"


def test_a_batch_with_one_bad_statement_stores_nothing_of_it(tenant: TenantAccess) -> None:
    good = make_statement()
    answer = tenant.http.post("statements", json=[good, make_statement(verb={"id": "no iri"})])
    assert answer.status_code == 400
    assert_the_flow_goes_on(tenant)
    assert tenant.http.get("statements", params={"statementId": good["id"]}).status_code == 404


def test_a_body_of_a_gigabyte_is_refused_before_it_is_read(stack: Stack, tenant: TenantAccess) -> None:
    settings = stack.settings
    with socket.create_connection((settings.lrs_host, settings.lrs_port), timeout=10) as connection:
        authorization = httpx.BasicAuth(tenant.key, tenant.secret)._auth_header
        connection.sendall(
            b"POST /xAPI/statements HTTP/1.1\r\nHost: lrs\r\nContent-Type: application/json\r\n"
            b"X-Experience-API-Version: 1.0.3\r\nContent-Length: 1073741824\r\n"
            b"Authorization: " + authorization.encode() + b"\r\n\r\n["
        )
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert_the_flow_goes_on(tenant)


def test_a_gigabyte_of_unknown_length_is_refused_without_being_held(stack: Stack, tenant: TenantAccess) -> None:
    assert stack.instance is not None
    lrs = next(psutil.Process(one.pid) for one in stack.instance.list_processes() if one.name == "lrs")
    largest = before = lrs.memory_info().rss

    def chunks() -> Iterator[bytes]:
        nonlocal largest
        for _ in range(1024):
            yield b" " * (1 << 20)
            largest = max(largest, lrs.memory_info().rss)

    answer = tenant.http.post("statements", content=chunks(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["limit"] == stack.settings.max_body_bytes
    assert largest - before < 8 * stack.settings.max_body_bytes
    assert_the_flow_goes_on(tenant)


@pytest.mark.parametrize("who", ["wrong secret", "unknown key", "nobody"])
def test_who_is_not_known_is_refused_alike(stack: Stack, tenant: TenantAccess, who: str) -> None:
    auth = {
        "wrong secret": (tenant.key, "not the secret"),
        "unknown key": ("unknown", tenant.secret),
        "nobody": None,
    }[who]
    answer = httpx.post(
        f"{stack.xapi}statements",
        json=[make_statement()],
        auth=auth,
        headers={"X-Experience-API-Version": "1.0.3"},
        trust_env=False,
        timeout=30,
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert tenant.id not in answer.text


def test_poison_records_become_dead_letters_and_the_flow_goes_on(stack: Stack, tenant: TenantAccess) -> None:
    sound = make_statement()
    bad = make_statement(actor={"mbox": "alix.durand@example.org"})
    poison = [b"\x00\xff not JSON", b"", b"[]", b"null", b'{"deep": ' * 5_000, orjson.dumps([sound, bad])]
    producer = KafkaProducer(bootstrap_servers=stack.settings.kafka_servers, acks="all")
    try:
        for value in poison:
            producer.send(stack.settings.topic, value=value, headers=build_headers(tenant.id, "poison")).get(timeout=30)
        producer.send(stack.settings.topic, value=orjson.dumps([make_statement()])).get(timeout=30)
        producer.send(
            stack.settings.topic, value=orjson.dumps([make_statement()]), headers=build_headers("no-such-tenant", "x")
        ).get(timeout=30)
    finally:
        producer.close()
    assert_the_flow_goes_on(tenant)

    def read_ledger() -> Any:
        return tenant.reader.query(
            "SELECT sum(accepted), sum(stored), sum(duplicate), sum(dead) FROM ledger FINAL WHERE source = 'poison'"
        ).result_rows[0]

    assert eventually(read_ledger) == (7, 1, 0, 6)
    letters = tenant.reader.query("SELECT code, detail, pointer, payload FROM dead_letters FINAL").result_rows
    assert sorted(letter[0] for letter in letters) == [
        "empty-record",
        "invalid-statement",
        "invalid-statement",
        "malformed-json",
        "malformed-json",
        "malformed-json",
    ]
    assert "alix.durand" not in repr(letters)
    with stack.connect_owner() as owner:
        stray = owner.query("SELECT code, payload FROM jalon.dead_letters FINAL").result_rows
    assert {code for code, _ in stray} >= {"missing-tenant", "unknown-tenant"}
    assert "alix.durand" not in repr(stray)
