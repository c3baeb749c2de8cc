"""A number that no double holds comes back as it was sent: over HTTP and Kafka, in every shape of reading."""

from __future__ import annotations

import json
import uuid
from decimal import Decimal
from typing import Any

import pytest
from kafka import KafkaProducer

from tests.stack import Stack, TenantAccess
from tests.statements import make_statement
from tests.waiting import eventually
from xapi_profiles.record import build_headers

pytestmark = pytest.mark.integration

NUMBERS = "[1.0,18446744073709551616,-123456789012345678901234567890,0.1234567890123456789,1e400,-2.5E-400,3e7]"
RESULT = (
    f'{{"score":{{"scaled":0.99999999999999999999,"raw":1e30}},"extensions":{{"https://example.org/n":{NUMBERS}}}}}'
)


def write_statement(identifier: str) -> str:
    """Return a statement with wild numbers everywhere that they may be, as JSON."""
    extensions = {"https://example.org/n": "NUMBERS"}
    statement = make_statement(
        id=identifier,
        object={"id": f"https://example.org/{identifier}", "definition": {"extensions": extensions}},
        context={"extensions": extensions},
        result="RESULT",
    )
    return json.dumps(statement).replace('"RESULT"', RESULT).replace('"NUMBERS"', NUMBERS)


def read_exactly(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def assert_read_back(tenant: TenantAccess, identifier: str) -> None:
    sent = read_exactly(write_statement(identifier))
    one = tenant.http.get("statements", params={"statementId": identifier})
    assert one.status_code == 200, one.text
    page = tenant.http.get("statements", params={"activity": sent["object"]["id"]})
    canonical = tenant.http.get("statements", params={"activity": sent["object"]["id"], "format": "canonical"})
    for read in (read_exactly(one.text), *(read_exactly(each.text)["statements"][0] for each in (page, canonical))):
        for name in ("result", "context", "object"):
            assert read[name] == sent[name]
    activity = tenant.http.get("activities", params={"activityId": sent["object"]["id"]})
    assert read_exactly(activity.text)["definition"] == sent["object"]["definition"]


def test_numbers_sent_over_http_are_read_back_exactly(tenant: TenantAccess) -> None:
    identifier = str(uuid.uuid4())
    body = write_statement(identifier)
    for known in ("0", "1"):
        answer = tenant.http.post("statements", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.headers["X-Jalon-Duplicates"]) == (200, known), answer.text
        assert_read_back(tenant, identifier)


def test_numbers_sent_to_kafka_are_read_back_exactly(stack: Stack, tenant: TenantAccess) -> None:
    identifier = str(uuid.uuid4())
    producer = KafkaProducer(bootstrap_servers=stack.settings.kafka_servers)
    headers = build_headers(tenant.id, "tests", "1.0.3")
    producer.send(stack.settings.topic, write_statement(identifier).encode(), headers=headers).get(30)
    producer.close()
    assert_read_back(tenant, identifier)


def test_a_repeated_key_from_kafka_is_a_dead_letter_that_names_nobody(stack: Stack, tenant: TenantAccess) -> None:
    key = '"mailto:alix@example.org"'
    body = write_statement(str(uuid.uuid4())).replace('"result"', f"{key}: 1, {key}")
    producer = KafkaProducer(bootstrap_servers=stack.settings.kafka_servers)
    producer.send(stack.settings.topic, body.encode(), headers=build_headers(tenant.id, "tests", "1.0.3")).get(30)
    producer.close()
    letters = "SELECT code, detail, pointer FROM dead_letters FINAL"
    [(code, detail, pointer)] = eventually(lambda: tenant.reader.query(letters).result_rows)
    assert (code, pointer) == ("repeated-key", "")
    assert "alix" not in detail
