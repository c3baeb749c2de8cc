"""A tenant from beginning to end on the running product: suspended, exported, imported elsewhere, removed."""

from __future__ import annotations

import hashlib
import json
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from clickhouse.databases import name_tenant_database
from clickhouse.errors import StoreUnavailable
from identity.audit import Head
from identity.errors import AlreadyExists
from identity.receipts import read
from identity.removal import count_rows
from identity.tenants import QueryLimits
from jalon import removal, tenancy
from jalon.cli import main
from jalon.errors import WrongInput
from jalon.importing.store_view import TenantStore
from jalon.removal import remove_tenant
from jalon.tenancy import Act
from producers.sinks import KafkaSink
from tests.attachments import MULTIPART, describe, write_body
from tests.documents import ACTIVITY_PROFILE, NEW, STATE, make_parameters
from tests.stack import Stack, TenantAccess
from tests.statements import make_statement
from tests.waiting import eventually

pytestmark = pytest.mark.integration

ACT = Act("operator:tests", "a test")
MARKER = "zqx-marker"
"""Stands in everything that could name somebody, and nowhere else."""


def learner(number: int = 1) -> dict[str, Any]:
    return {"objectType": "Agent", "name": f"{MARKER} {number}", "mbox": f"mailto:{MARKER}-{number}@example.org"}


def fill(stack: Stack, tenant: TenantAccess) -> None:
    """Statements with and without attachments, a voided one, documents of both kinds, and a dead letter."""
    content = f"{MARKER} has passed".encode()
    plain = [make_statement(id=str(uuid.uuid4()), actor=learner(number)) for number in range(3)]
    voiding = make_statement(
        actor=learner(1),
        verb={"id": "http://adlnet.gov/expapi/verbs/voided"},
        object={"objectType": "StatementRef", "id": plain[0]["id"]},
    )
    assert tenant.http.post("statements", json=[*plain, voiding]).status_code == 200
    attached = make_statement(actor=learner(), attachments=[describe(content)])
    posted = tenant.http.post("statements", content=write_body(attached, content), headers=MULTIPART)
    assert posted.status_code == 200, posted.text
    for resource in (STATE, ACTIVITY_PROFILE):
        document = {"text": MARKER if resource == STATE else "nobody's"}
        changes = {"stateId": MARKER, "agent": json.dumps(learner())} if resource == STATE else {}
        path, parameters = resource.removeprefix("/xAPI/"), make_parameters(resource, **changes)
        assert tenant.http.put(path, params=parameters, json=document, headers=NEW).status_code == 204
    send_past_the_lrs(stack, tenant, [{"actor": learner(), "verb": "none"}])


def send_past_the_lrs(stack: Stack, tenant: TenantAccess, statements: list[Any]) -> tuple[int, int]:
    settings = stack.settings
    with KafkaSink(settings.kafka_servers, tenant.id, "tests", topic=settings.topic) as sink:
        ((_, place),) = sink.write(statements)
    return place


def settle(stack: Stack, tenant: TenantAccess) -> None:
    with stack.connect_owner() as owner:
        TenantStore(stack.settings, owner, tenant.id).wait_until_stored()


def read_lines(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(name).splitlines()]


def ask(stack: Stack, login: str, password: str, text: str) -> httpx.Response:
    address = stack.installation.owner_address
    return httpx.post(
        f"http://{address.host}:{address.port}/", content=text.encode(), auth=(login, password), timeout=30
    )


@pytest.fixture
def tenant(stack: Stack) -> Any:
    with stack.add_tenant(scopes=("all",)) as access:
        yield access


def test_a_suspended_tenant_is_used_by_nobody_and_loses_nothing(stack: Stack, tenant: TenantAccess) -> None:
    installation = stack.installation
    login, password = tenancy.let_in(installation, tenant.id, "anne", ACT)
    assert ask(stack, login, password, "SELECT count() FROM statements").text == "0\n"
    assert tenant.reader.query("SELECT 1").first_row == (1,)
    tenancy.suspend(installation, tenant.id, ACT)
    with pytest.raises(DatabaseError):
        tenant.reader.query("SELECT 1")
    assert ask(stack, login, password, "SELECT 1").status_code == 403
    refused = eventually(lambda: (answer := tenant.http.get("statements")).status_code == 403 and answer, seconds=10)
    assert refused.json()["code"] == "tenant-suspended"
    # Its producers may not have heard of it.
    send_past_the_lrs(stack, tenant, [make_statement(id=str(uuid.uuid4()))])
    settle(stack, tenant)
    assert tenancy.describe(installation, tenant.id)["ledger"] == {
        "accepted": 1,
        "stored": 1,
        "duplicate": 0,
        "dead": 0,
    }
    tenancy.resume(installation, tenant.id, ACT)
    assert ask(stack, login, password, "SELECT count() FROM statements").text == "1\n"
    assert eventually(lambda: tenant.http.get("statements").status_code == 200, seconds=10)
    assert tenancy.shut_out(installation, tenant.id, "anne", ACT)
    assert ask(stack, login, password, "SELECT 1").status_code == 403


def test_limits_hold_for_the_next_query(stack: Stack, tenant: TenantAccess) -> None:
    login, password = tenancy.let_in(stack.installation, tenant.id, "anne", ACT)
    tenancy.set_limits(stack.installation, tenant.id, QueryLimits(query_rows=10), ACT)
    assert "max_rows_to_read" in ask(stack, login, password, "SELECT sum(number) FROM numbers(11)").text


def test_an_export_holds_everything_and_can_be_imported(
    stack: Stack,
    tenant: TenantAccess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(stack, tenant)
    settle(stack, tenant)
    exported = tenancy.export(stack.installation, tenant.id, tmp_path / "all.zip", ACT, identities=True)
    assert exported.digest == hashlib.sha256((tmp_path / "all.zip").read_bytes()).hexdigest()
    counts = {name: exported.counts[name] for name in ("statements", "with_attachments", "documents", "attachments")}
    assert counts == {"statements": 5, "with_attachments": 1, "documents": 2, "attachments": 1}
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        manifest = json.loads(archive.read("manifest.json"))
        for name, told in manifest["files"].items():
            assert hashlib.sha256(archive.read(name)).hexdigest() == told["sha256"]
        assert manifest["counts"] == exported.counts
        statements = read_lines(archive, "statements.jsonl")
        for statement in statements[:2]:
            kind = (
                "voidedStatementId"
                if tenant.http.get("statements", params={"statementId": statement["id"]}).status_code == 404
                else "statementId"
            )
            assert tenant.http.get("statements", params={kind: statement["id"]}).json() == statement
        (attached,) = read_lines(archive, "statements-with-attachments.jsonl")
        sha2 = attached["attachments"][0]["sha2"]
        assert archive.read(f"attachments/{sha2}") == f"{MARKER} has passed".encode()
        assert {each["id"] for each in read_lines(archive, "documents.jsonl")} > {MARKER}
        (letter,) = read_lines(archive, "dead-letters.jsonl")
        assert MARKER in letter["payload"]
        assert {each["agent"].get("name") for each in read_lines(archive, "agents.jsonl")} >= {f"{MARKER} 1"}
        archive.extract("statements.jsonl", tmp_path)
    with stack.add_tenant() as other:
        monkeypatch.setenv("JALON_DATA_DIR", str(stack.settings.data_dir))
        with pytest.raises(SystemExit) as ended:
            main(["import", str(tmp_path / "statements.jsonl"), "--tenant", other.id])
        assert not ended.value.code
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["accepted"] == 4
        again = other.http.get("statements", params={"format": "exact"}).json()["statements"]
        sent = {one["id"]: one["actor"] for one in statements}
        assert again
        assert all(sent[one["id"]] == one["actor"] for one in again)
    told = {(entry.event.action, entry.event.about) for entry in stack.installation.audit.read(tenant=tenant.id)}
    assert ("tenant-exported", f"sha256:{exported.digest}") in told


def test_an_export_without_identities_names_nobody(stack: Stack, tenant: TenantAccess, tmp_path: Path) -> None:
    fill(stack, tenant)
    tenancy.let_in(stack.installation, tenant.id, MARKER.replace("-", "_"), ACT)
    settle(stack, tenant)
    exported = tenancy.export(stack.installation, tenant.id, tmp_path / "plain.zip", ACT, identities=False)
    with zipfile.ZipFile(tmp_path / "plain.zip") as archive:
        told = {name: archive.read(name) for name in archive.namelist()}
        assert len(read_lines(archive, "statements.jsonl")) == 4
        assert [each.get("content") is None for each in read_lines(archive, "documents.jsonl")].count(True) == 1
    assert exported.counts["attachments"] == 1
    holding = {name for name, content in told.items() if MARKER.encode() in content}
    # The name of an analyst is in the audit entry about them.
    assert holding == set()
    with pytest.raises(WrongInput, match="already"):
        tenancy.export(stack.installation, tenant.id, tmp_path / "plain.zip", ACT, identities=False)


STEPS = ("suspend", "export", "_count", "begin_removal", "drop_access", "drop_database", "remove_all", "finish_removal")


def test_a_removal_that_fails_at_every_step_ends_whole(
    stack: Stack, tenant: TenantAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = stack.installation
    login, password = tenancy.let_in(installation, tenant.id, "anne", ACT)
    fill(stack, tenant)
    rejected = stack.settings.data_dir / "rejected" / f"{tenant.id}-20261126T080000.jsonl"
    rejected.parent.mkdir(exist_ok=True)
    rejected.write_text(MARKER)
    failing = list(STEPS)

    def fail_once(name: str) -> None:
        real: Callable[..., Any] = getattr(removal, name)

        def step(*arguments: Any, **options: Any) -> Any:
            if name in failing:
                failing.remove(name)
                raise StoreUnavailable(name)
            return real(*arguments, **options)

        monkeypatch.setattr(removal, name, step)

    for name in STEPS:
        fail_once(name)
    archive = tmp_path / "last.zip"
    for name in STEPS:
        # Once it has begun there is nothing to export; what was exported stays.
        target = None if archive.exists() else archive
        with pytest.raises(StoreUnavailable, match=name):
            remove_tenant(installation, tenant.id, ACT, export_to=target, wait=lambda _: None)
    receipt = read(installation.master, remove_tenant(installation, tenant.id, ACT))

    assert (receipt["kind"], receipt["tenant"]) == ("tenant-removed", tenant.id)
    assert receipt["held"]["statements"] == 5
    assert (receipt["held"]["attachments"], receipt["held"]["rows"]["documents"]) == (1, 2)
    installation.audit.verify([Head.parse(receipt["audit"])])
    assert count_rows(installation.engine, tenant.id) == {}
    with stack.connect_owner() as owner:
        assert name_tenant_database(tenant.id) not in owner.command("SHOW DATABASES")
        assert tenant.id.replace("-", "_") not in owner.command("SHOW USERS")
    assert ask(stack, login, password, "SELECT 1").status_code == 403
    assert not list((stack.settings.data_dir / "attachments").rglob(f"*{tenant.id}*"))
    assert not rejected.exists()
    assert eventually(lambda: tenant.http.get("statements").status_code == 401, seconds=10)
    with pytest.raises(AlreadyExists):
        installation.add_tenant(tenant.id, "Again", "Europe/Paris")
    with pytest.raises(WrongInput, match="has begun"):
        remove_tenant(installation, tenant.id, ACT, export_to=tmp_path / "late.zip", wait=lambda _: None)
    again = read(installation.master, remove_tenant(installation, tenant.id, ACT, wait=lambda _: None))
    assert again["held"] == receipt["held"]

    # What is still in the log, or comes late, is dropped and not kept as a record of nobody's.
    partition, offset = send_past_the_lrs(stack, tenant, [make_statement(actor=learner())])
    settle(stack, tenant)
    with stack.connect_owner() as owner:
        strays = owner.query(
            # Other tests have strays at the same places of other topics.
            "SELECT count() FROM jalon.dead_letters "
            "WHERE topic = {topic:String} AND partition = {p:Int32} AND offset = {o:Int64}",
            parameters={"topic": stack.settings.topic, "p": partition, "o": offset},
        ).result_rows
    assert strays == [(0,)]
    assert count_rows(installation.engine, tenant.id) == {}
