"""No identity beside the vault (promise 4): markers are planted wherever a sender can write, and looked for all over.

Only the topic of accepted records, credentials that see identities and the vault may know them.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from clickhouse.databases import SHARED, name_tenant_database
from clickhouse.disclosure import Thresholds, set_thresholds
from identity.credentials import add_credential
from identity.policies import set_policy
from identity.policy import Policy
from jalon.importing.store_view import TenantStore
from tests.attachments import MULTIPART, Part, write_parts
from tests.documents import NEW, RESOURCES, make_parameters
from tests.stack import Stack, TenantAccess
from tests.waiting import eventually
from xapi_profiles.record import build_headers

pytestmark = [pytest.mark.integration, pytest.mark.browser]

KEEP_ALL = Policy(detected="keep", fields={"result.response": "keep"})


@dataclass(frozen=True)
class Markers:
    """What identifies one person that no other test knows."""

    word: str
    digits: str

    @classmethod
    def make(cls) -> Markers:
        word = "Zq" + "".join(secrets.choice("bcdfghjklmnpqrstvwxz") for _ in range(10))
        return cls(word, "06" + "".join(secrets.choice("123456789") for _ in range(8)))

    @property
    def name(self) -> str:
        return f"Ondine {self.word}"

    @property
    def address(self) -> str:
        return f"{self.word.lower()}.o@example.org"

    @property
    def phone(self) -> str:
        return " ".join(re.findall("..", self.digits))

    @property
    def agent(self) -> dict[str, Any]:
        return {"objectType": "Agent", "name": self.name, "mbox": f"mailto:{self.address}"}

    @property
    def traces(self) -> list[bytes]:
        hashed = hashlib.sha1(f"mailto:{self.address}".encode()).hexdigest()
        return [trace.lower().encode() for trace in (self.word, self.phone, self.digits, hashed)]

    def find(self, content: bytes) -> set[str]:
        lowered = content.lower()
        return {trace.decode() for trace in self.traces if trace in lowered}


def plant(markers: Markers, marker: str, **changes: Any) -> dict[str, Any]:
    """Return a statement with a marker wherever the specification lets a sender write text or an IRI."""
    path = marker.replace(" ", "%20")
    texts = {"fr": f"avec {marker}", "en": marker}
    definition = {
        "name": texts,
        "description": texts,
        "type": f"https://example.org/types/{path}",
        "moreInfo": f"https://example.org/more?q={path}",
        "extensions": {f"https://example.org/x/{path}": {marker: [marker, {"a": marker}]}},
        "interactionType": "choice",
        "correctResponsesPattern": [marker],
        "choices": [{"id": marker, "description": texts}],
    }
    activity = {"id": f"https://example.org/a/{path}", "definition": definition}
    session = {
        "id": f"https://example.org/s/{path}",
        "definition": {**definition, "type": "http://activitystrea.ms/event"},
    }
    return {
        "id": str(uuid.uuid4()),
        "actor": markers.agent,
        "verb": {"id": f"https://example.org/verbs/{path}", "display": texts},
        "object": activity,
        "result": {"response": f"je suis {marker}", "extensions": {"https://example.org/x": [marker]}},
        "context": {
            "instructor": {"account": {"homePage": f"https://example.org/{path}", "name": marker}, "name": marker},
            "team": {"objectType": "Group", "name": marker, "member": [markers.agent]},
            "platform": marker,
            "revision": marker,
            "language": "fr",
            "contextActivities": {name: [session] for name in ("parent", "grouping", "category", "other")},
            "extensions": {
                "https://w3id.org/jalon/xapi/extensions/room": marker,
                "https://w3id.org/jalon/xapi/extensions/connection": marker,
                "http://id.tincanapi.com/extension/location": {"name": marker, "phone": marker},
            },
        },
        **changes,
    }


def attach(markers: Markers, marker: str) -> tuple[dict[str, Any], bytes]:
    """Return a statement with a file that says it all, in its name and headers too, and a body that sends both."""
    content = f"{marker} {markers.name}".encode()
    described = {
        "usageType": f"https://example.org/usage/{marker.replace(' ', '-')}",
        "display": {"fr": f"{marker}.pdf"},
        "description": {"fr": marker},
        "contentType": f'text/plain; name="{marker}.txt"',
        "length": len(content),
        "sha2": hashlib.sha256(content).hexdigest(),
        "fileUrl": f"https://example.org/files/{marker.replace(' ', '%20')}.txt",
    }
    statement = plant(markers, marker, attachments=[described])
    part = Part(
        [
            f'Content-Type: text/plain; name="{marker}.txt"',
            "Content-Transfer-Encoding: binary",
            f'Content-Disposition: attachment; filename="{marker}.txt"',
            f"X-Experience-API-Hash: {described['sha2']}",
        ],
        content,
    )
    return statement, write_parts([Part.of_statements([statement]), part])


def send_over_http(tenant: TenantAccess, markers: Markers) -> list[dict[str, Any]]:
    """Send what is accepted and what is refused; return what was accepted."""
    accepted = []
    headers = {"User-Agent": markers.name, "Accept-Language": f"x-{markers.word[:8]}", "X-Request-Id": markers.address}
    for marker in (markers.name, markers.address, markers.phone):
        plain = plant(markers, marker)
        inner = {name: value for name, value in plant(markers, marker).items() if name != "id"}
        nested = plant(markers, marker, object={"objectType": "SubStatement", **inner})
        del nested["context"]["platform"], nested["context"]["revision"]  # an activity's alone
        attached, body = attach(markers, marker)
        answer = tenant.http.post("statements", json=[plain, nested], headers=headers)
        assert answer.status_code == 200, answer.text
        answer = tenant.http.post("statements", content=body, headers={**MULTIPART, **headers})
        assert answer.status_code == 200, answer.text
        accepted += [plain, nested, attached]
        refused = plant(markers, marker, verb={"id": marker})
        assert tenant.http.post("statements", json=refused, headers=headers).status_code == 400
        assert tenant.http.post("statements", json={**plain, "result": {"response": marker}}).status_code == 409
        assert tenant.http.get("statements", params={"statementId": marker}).status_code == 400
        assert tenant.http.get("statements", params={marker: "1"}).status_code == 400
        found = tenant.http.get("statements", params={"activity": plain["object"]["id"], "limit": 1}).json()
        assert tenant.http.get(found["more"].removeprefix("/xAPI/")).status_code == 200
        assert tenant.http.get("activities", params={"activityId": plain["object"]["id"]}).status_code == 200
        assert tenant.http.get("agents", params={"agent": json.dumps(markers.agent)}).status_code == 200
        stranger = httpx.BasicAuth(marker, marker)
        assert tenant.http.get("statements", auth=stranger).status_code == 401
    return accepted


def send_documents(tenant: TenantAccess, markers: Markers) -> None:
    for resource in RESOURCES:
        for marker in (markers.name, markers.address, markers.phone):
            parameters = dict(make_parameters(resource))
            for name in parameters.keys() & {"stateId", "profileId", "activityId", "agent"}:
                activity = f"https://example.org/{marker.replace(' ', '%20')}"
                told = {"agent": json.dumps(markers.agent), "activityId": activity}
                parameters[name] = told.get(name, marker)
            headers = {**NEW, "Content-Type": f'text/plain; name="{marker}"'}
            stored = tenant.http.put(
                resource.removeprefix("/xAPI/"), params=parameters, content=marker, headers=headers
            )
            assert stored.status_code == 204, stored.text


def send_to_kafka(stack: Stack, tenant: TenantAccess, markers: Markers, known: dict[str, Any]) -> None:
    """Send records as a producer may: good ones, and every kind of what becomes a dead letter."""
    producer = KafkaProducer(bootstrap_servers=stack.settings.kafka_servers)
    mine, nobodys = build_headers(tenant.id, "gaia"), build_headers("no-such-tenant", "gaia")
    conflicting = {**known, "result": {"response": markers.address}}
    authority = {"name": markers.name, "mbox": f"mailto:{markers.address}"}
    for value, headers in (
        (orjson.dumps([plant(markers, markers.name, authority=authority)]), mine),
        (orjson.dumps([conflicting]), mine),
        (orjson.dumps([plant(markers, markers.name, verb={markers.address: markers.phone})]), mine),
        (orjson.dumps([plant(markers, markers.address, timestamp=markers.phone)]), mine),
        (orjson.dumps([plant(markers, markers.address, timestamp="0001-01-01T00:00:00Z")]), mine),
        (orjson.dumps([plant(markers, markers.phone, actor={"name": markers.name})]), mine),
        (f'{{"actor": "{markers.name}", '.encode(), mine),
        (orjson.dumps([plant(markers, markers.name)]), nobodys),
        (orjson.dumps([plant(markers, markers.name)]), []),
    ):
        producer.send(stack.settings.topic, value, headers=headers)
    producer.flush()
    producer.close()


def show_boards(stack: Stack, tenant: TenantAccess, page: Any) -> dict[str, bytes]:
    """Return what the boards show and answer to the tenant's viewer."""
    page.goto(f"{stack.boards}/")
    name, password = tenant.viewer
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url("**/boards/**")
    shown = {}
    for board in ("live", "attendance", "pathways"):
        answer = page.request.get(f"{stack.boards}/boards/{board}/data?from=now-6h&to=now")
        assert answer.ok
        shown[f"board {board}"] = answer.body()
    page.goto(f"{stack.boards}/boards/live?from=now-6h&to=now")
    loading = page.locator("[data-panel][data-state='loading']")
    eventually(lambda: page.locator("[data-panel]").count() > 0 and loading.count() == 0)
    return shown | {"page live": page.content().encode()}


def read_everything(stack: Stack, tenant: TenantAccess, page: Any) -> Iterator[tuple[str, bytes]]:
    """Yield what there is to read with its place: all but accepted records and what shows people."""
    yield from read_answers(stack, tenant, page)
    yield "audit trail", repr(stack.installation.audit.read(limit=100_000)).encode()
    yield from read_topics(stack)
    yield from read_files(stack)


def read_answers(stack: Stack, tenant: TenantAccess, page: Any) -> Iterator[tuple[str, bytes]]:
    yield from show_boards(stack, tenant, page).items()
    yield from read_clickhouse(stack, tenant)
    yield from read_lrs_blindly(stack, tenant)


def read_clickhouse(stack: Stack, tenant: TenantAccess) -> Iterator[tuple[str, bytes]]:
    with stack.connect_owner() as owner:
        for database in (name_tenant_database(tenant.id), SHARED):
            tables = owner.query("SELECT name FROM system.tables WHERE database = %(d)s", {"d": database}).result_rows
            assert tables
            for (table,) in tables:
                text = owner.raw_query(f"SELECT * FROM {database}.`{table}` FORMAT JSONEachRow")
                yield f"{database}.{table}", text


def read_lrs_blindly(stack: Stack, tenant: TenantAccess) -> Iterator[tuple[str, bytes]]:
    """Read as a credential that may read all and sees no identity."""
    blind, secret = add_credential(stack.installation.engine, tenant.id, "blind", scopes=("all/read",))
    headers = {"X-Experience-API-Version": "1.0.3"}
    with httpx.Client(base_url=stack.xapi, auth=(blind.key, secret), headers=headers, trust_env=False) as client:
        for shape in ("exact", "ids", "canonical"):
            for attachments in ("false", "true"):
                answer = client.get("statements", params={"format": shape, "attachments": attachments})
                assert answer.status_code == 200
                # What was attached is content, for whoever may read the statement; what is said of it is looked at.
                said = [answer.content.partition(b"\r\n--")[0], *re.findall(rb"\r\n(Content-[^\r]*)", answer.content)]
                yield f"GET statements as {shape}, attachments {attachments}", b"\n".join(said)
                activities = set(re.findall(r"https://w3id.org/jalon/hidden/[0-9a-f]{32}", answer.text))
        for activity in activities:
            yield "GET activities", client.get("activities", params={"activityId": activity}).content


def read_topics(stack: Stack) -> Iterator[tuple[str, bytes]]:
    consumer = KafkaConsumer(bootstrap_servers=stack.settings.kafka_servers, exclude_internal_topics=False)
    for topic in consumer.topics() - {stack.settings.topic}:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        while any(consumer.position(one) < ends[one] for one in partitions):
            for records in consumer.poll(timeout_ms=200).values():
                for record in records:
                    yield f"topic {topic}", b"\0".join(part or b"" for part in (record.key, record.value))
    consumer.close()


def read_files(stack: Stack) -> Iterator[tuple[str, bytes]]:
    """Yield every file of the data directory, but those of the topic of accepted records."""
    for path in stack.settings.data_dir.rglob("*"):
        if any(part.startswith(f"{stack.settings.topic}-") for part in path.parts):
            continue
        try:
            if path.is_file():
                yield (
                    f"file {path.relative_to(stack.settings.data_dir)}",
                    path.name.encode() + b"\0" + path.read_bytes(),
                )
        except FileNotFoundError:
            continue  # ClickHouse merges parts meanwhile


def find_leaks(read: Iterable[tuple[str, bytes]], markers: Markers) -> dict[str, set[str]]:
    return {place: found for place, content in read if (found := markers.find(content))}


@pytest.fixture
def tenant(stack: Stack) -> Iterator[TenantAccess]:
    """A tenant whose credential may do all, and whose boards show what there is of a single learner."""
    with stack.add_tenant(scopes=("all",)) as access:
        with stack.connect_owner() as owner:
            set_thresholds(owner, access.id, Thresholds(inside=1))
        yield access


def wait_until_stored(stack: Stack, tenant: TenantAccess) -> None:
    with stack.connect_owner() as owner:
        TenantStore(stack.settings, owner, tenant.id).wait_until_stored()


def test_no_marker_is_found_beside_the_vault_and_the_accepted_records(
    stack: Stack, tenant: TenantAccess, page: Any
) -> None:
    markers = Markers.make()
    sent = send_over_http(tenant, markers)
    send_documents(tenant, markers)
    send_to_kafka(stack, tenant, markers, sent[0])
    wait_until_stored(stack, tenant)
    letters = tenant.reader.query("SELECT DISTINCT code FROM dead_letters ORDER BY code").result_rows
    assert letters == [("conflict",), ("invalid-statement",), ("malformed-json",)]

    assert find_leaks(read_everything(stack, tenant, page), markers) == {}
    for statement in sent:
        got = tenant.http.get("statements", params={"statementId": statement["id"]}).json()
        assert {name: got[name] for name in statement} == statement


def test_the_search_finds_what_a_policy_that_keeps_all_lets_through(
    stack: Stack, tenant: TenantAccess, page: Any
) -> None:
    installation = stack.installation
    set_policy(installation.engine, installation.audit, tenant.id, KEEP_ALL, who="operator:tests", why="")
    markers = Markers.make()
    for marker in (markers.name, markers.address, markers.phone):
        assert tenant.http.post("statements", json=plant(markers, marker)).status_code == 200
    wait_until_stored(stack, tenant)
    leaks = find_leaks(read_answers(stack, tenant, page), markers)
    database = name_tenant_database(tenant.id)
    assert {f"{database}.activities", "board live", "page live", "GET statements as exact, attachments false"} <= {
        *leaks
    }
    assert leaks[f"{database}.statements"] == {trace.decode() for trace in markers.traces[:2]}
