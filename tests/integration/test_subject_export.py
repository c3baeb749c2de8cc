"""All that is held on one person, from the running product: complete, readable, importable, and about nobody else."""

from __future__ import annotations

import hashlib
import json
import stat
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from identity.audit import Event
from identity.persons import list_pseudonyms
from jalon.cli import main
from tests.attachments import MULTIPART, describe, write_body
from tests.documents import AGENT_PROFILE, NEW, STATE, make_parameters
from tests.stack import Stack, TenantAccess
from tests.statements import find_problems, make_statement
from tests.waiting import eventually
from xapi_profiles.record import build_headers

pytestmark = pytest.mark.integration

Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def tenant(stack: Stack) -> Iterator[TenantAccess]:
    with stack.add_tenant(scopes=("all",)) as access:
        yield access


@pytest.fixture
def export(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("JALON_DATA_DIR", str(stack.settings.data_dir))

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        with pytest.raises(SystemExit) as end:
            main(["subject", "export", *arguments, "--json"])
        out = capsys.readouterr().out
        return int(end.value.code or 0), json.loads(out) if out else {}

    return run


def make_person(name: str) -> dict[str, Any]:
    return {"objectType": "Agent", "name": name.title(), "mbox": f"mailto:{name}-{uuid.uuid4()}@example.org"}


def new(**changes: Any) -> dict[str, Any]:
    return make_statement(id=str(uuid.uuid4()), **changes)


def read_lines(archive: zipfile.ZipFile, name: str) -> dict[str, dict[str, Any]]:
    found = [json.loads(line) for line in archive.read(name).splitlines()]
    return {statement["id"]: statement for statement in found}


def test_a_person_gets_all_that_is_held_on_them_and_nothing_of_others(
    stack: Stack, tenant: TenantAccess, export: Run, tmp_path: Path
) -> None:
    ada, grace = make_person("ada"), make_person("grace")
    content, others_content = b"a certificate " + uuid.uuid4().bytes, b"another " + uuid.uuid4().bytes
    done = new(actor=ada, result={"success": True}, context={"instructor": grace})
    sent = new(actor=ada, attachments=[describe(content)])
    voided = new(actor=ada)
    named = new(actor=grace, result={"response": "what Grace answered"}, context={"instructor": ada})
    foreign = new(actor=grace, attachments=[describe(others_content)])
    voiding = new(
        actor=grace,
        verb={"id": "http://adlnet.gov/expapi/verbs/voided"},
        object={"objectType": "StatementRef", "id": voided["id"]},
    )
    for batch in ([done, named, voided], [voiding]):
        assert tenant.http.post("statements", json=batch).status_code == 200
    body = write_body([sent, foreign], content, others_content)
    assert tenant.http.post("statements", content=body, headers=MULTIPART).status_code == 200
    for agent, text in ((ada, "of Ada"), (grace, "of Grace")):
        for resource in (STATE, AGENT_PROFILE):
            parameters = make_parameters(resource, agent=json.dumps(agent))
            path = resource.removeprefix("/xAPI/")
            assert tenant.http.put(path, params=parameters, content=text.encode(), headers=NEW).status_code == 204
    broken = {"actor": ada, "verb": {"id": "no IRI"}, "object": {"id": "https://example.org/a"}}
    send(stack, tenant, [broken, broken | {"actor": grace}])

    file = tmp_path / "ada.zip"
    status, told = export(tenant.id, ada["mbox"], str(file), "--why", "request 17")
    assert status == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert told["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    with zipfile.ZipFile(file) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
        assert set(read_lines(archive, "statements.jsonl")) == {done["id"]}
        assert set(read_lines(archive, "statements-with-attachments.jsonl")) == {sent["id"]}
        assert set(read_lines(archive, "named-in.jsonl")) == {named["id"]}
        assert set(read_lines(archive, "voided.jsonl")) == {voided["id"]}
        statement = read_lines(archive, "statements.jsonl")[done["id"]]
        assert statement["actor"] == ada
        assert find_problems(statement) == ()
        [attachment] = json.loads(archive.read("attachments.json"))
        assert archive.read(attachment["file"]) == content
        assert attachment["statements"] == [sent["id"]]
        documents = json.loads(archive.read("documents.json"))
        assert {one["resource"] for one in documents} == {"state", "agent-profile"}
        assert {archive.read(one["file"]) for one in documents} == {b"of Ada"}
        [letter] = json.loads(archive.read("dead-letters.json"))
        assert letter["rule"]
        assert ada in [form["agent"] for form in json.loads(archive.read("person.json"))["namedAs"]]
    pseudonyms = list_pseudonyms(stack.installation.vault, tenant.id, [grace])
    for foreign_text in ("Grace", grace["mbox"], "what Grace answered", *pseudonyms):
        assert foreign_text.encode() not in everything
    assert others_content not in everything

    [event] = list_exports(stack, tenant)
    assert event.about in list_pseudonyms(stack.installation.vault, tenant.id, [ada])
    assert event.why == "request 17"
    assert event.details["sha256"] == told["sha256"]

    read = import_elsewhere(stack, file, ada)
    assert [one["id"] for one in read] == [done["id"]]


def list_exports(stack: Stack, tenant: TenantAccess) -> list[Event]:
    told = stack.installation.audit.read(tenant=tenant.id, limit=1_000)
    return [entry.event for entry in told if entry.event.action == "subject-exported"]


def import_elsewhere(stack: Stack, file: Path, agent: dict[str, Any]) -> list[dict[str, Any]]:
    """Send what was exported to another tenant's LRS, and return what it has of the person then."""
    with stack.add_tenant() as elsewhere, zipfile.ZipFile(file) as archive:
        for line in archive.read("statements.jsonl").splitlines():
            answer = elsewhere.http.post("statements", content=line, headers={"Content-Type": "application/json"})
            assert answer.status_code == 200, answer.text
        found = elsewhere.http.get("statements", params={"agent": json.dumps(agent)}).json()
        return list(found["statements"])


def test_who_is_unknown_gets_a_clear_answer_and_no_file(
    stack: Stack, tenant: TenantAccess, export: Run, tmp_path: Path
) -> None:
    file = tmp_path / "nobody.zip"
    status, told = export(tenant.id, "nobody@example.org", str(file), "--why", "request 18")
    assert (status, told["file"]) == (0, None)
    assert list(tmp_path.iterdir()) == []
    [event] = list_exports(stack, tenant)
    assert event.details["sha256"] == ""


def send(stack: Stack, tenant: TenantAccess, statements: list[Any]) -> None:
    """Have dead letters: producers write to Kafka what the LRS would refuse."""
    producer = KafkaProducer(bootstrap_servers=stack.settings.kafka_servers)
    try:
        headers = build_headers(tenant.id, "tests")
        producer.send(stack.settings.topic, json.dumps(statements).encode(), headers=headers).get(timeout=30)
    finally:
        producer.close()
    count = "SELECT count() FROM dead_letters"
    eventually(lambda: tenant.reader.query(count).result_rows[0][0] == len(statements))
