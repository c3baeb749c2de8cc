"""How statements stand to the profiles that they claim, from the LRS to the columns that boards and analysts read."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clickhouse.databases import name_tenant_database
from clickhouse.migration import load_migrations
from jalon.cli import main
from tests.stack import Stack, TenantAccess
from tests.statements import make_statement
from tests.unit.xapi_profiles.profiles import PROFILE, TEMPLATE, VERSION, make_document
from tests.waiting import eventually
from xapi_profiles.vocabulary import ActivityType, Category, Verb

pytestmark = pytest.mark.integration

QUIZ = {"id": "https://example.org/quiz/1", "definition": {"type": ActivityType.QUIZ}}
TOLD = "conformance, profile, template, failed_rule"

Command = Callable[..., str]


@pytest.fixture
def command(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.setenv("JALON_DATA_DIR", str(stack.settings.data_dir))

    def run(*arguments: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        captured = capsys.readouterr()
        assert (end.value.code or 0) == status, captured.err
        return captured.out if not status else captured.err

    return run


def claim(category: str, **changes: Any) -> dict[str, Any]:
    context = {"registration": str(uuid.uuid4()), "contextActivities": {"category": [{"id": category}]}}
    return make_statement(**{"id": str(uuid.uuid4()), "object": QUIZ, "context": context, **changes})


def send(tenant: TenantAccess, *statements: dict[str, Any]) -> None:
    answer = tenant.http.post("statements", json=list(statements))
    assert answer.status_code == 200, answer.text
    assert tenant.http.get("statements", params={"limit": 1}).status_code == 200  # behind the barrier


def read_columns(tenant: TenantAccess, statement: dict[str, Any], columns: str = TOLD) -> tuple[Any, ...]:
    query = f"SELECT {columns} FROM current_statements WHERE id = %(id)s"
    (row,) = tenant.reader.query(query, {"id": statement["id"]}).result_rows
    return tuple(row)


def test_every_state_lands_in_its_columns_and_the_statement_stays_as_it_was_sent(tenant: TenantAccess) -> None:
    verb = {"id": "https://adlnet.gov/expapi/verbs/scored"}
    sound = claim(Category.ASSESSMENTS, verb=verb, result={"score": {"raw": 7}})
    broken = claim(Category.ASSESSMENTS, verb=verb)
    stranger = claim(Category.ASSESSMENTS, verb={"id": "https://example.org/verbs/other"})
    nobody = claim("https://example.org/other", verb=verb)
    send(tenant, sound, broken, stranger, nobody)

    template = "https://w3id.org/jalon/xapi/profiles/assessments/templates/scored"
    assert read_columns(tenant, sound) == ("conformant", Category.ASSESSMENTS, template, "")
    state, profile, named, rule = read_columns(tenant, broken)
    assert (state, profile, named) == ("nonconformant", Category.ASSESSMENTS, template)
    assert rule.startswith("$.result")
    assert read_columns(tenant, stranger)[:3] == ("nonconformant", Category.ASSESSMENTS, "")
    assert read_columns(tenant, nobody) == ("unclaimed", "", "", "")
    assert read_columns(tenant, sound, "verb, activity_type") == (Verb.SCORED, ActivityType.QUIZ)

    read = tenant.http.get("statements", params={"statementId": sound["id"]}).json()
    assert read["verb"]["id"] == verb["id"]
    found = tenant.http.get("statements", params={"verb": verb["id"]}).json()["statements"]
    assert {one["id"] for one in found} == {sound["id"], broken["id"], nobody["id"]}
    ledger = tenant.reader.query("SELECT sum(accepted), sum(stored), sum(dead) FROM ledger FINAL").result_rows
    assert ledger == [(4, 4, 0)]


def test_bringing_in_the_columns_leaves_a_pause_in_force(stack: Stack, tenant: TenantAccess, command: Command) -> None:
    """The migration makes the view anew; who is paused stays out of it."""
    paused = claim(Category.ASSESSMENTS, actor={"mbox": "mailto:paused@example.org"})
    other = claim(Category.ASSESSMENTS)
    send(tenant, paused, other)
    command("subject", "restrict", tenant.id, "paused@example.org", "--why", "contested")
    counted = "SELECT count() FROM current_statements"
    assert tenant.reader.query(counted).result_rows == [(1,)]
    database = name_tenant_database(tenant.id)
    with stack.connect_owner() as owner:
        for migration in load_migrations("tenant"):
            if migration.name == "conformance":
                for statement in migration.statements:
                    owner.command(statement, settings={"database": database})
    assert tenant.reader.query(counted).result_rows == [(2,)]
    stack.installation.add_tenant(tenant.id, "Institut d'essai", "Europe/Paris")
    assert tenant.reader.query(counted).result_rows == [(1,)]
    assert read_columns(tenant, other)[0] == "nonconformant"


def test_a_profile_of_the_tenant_s_own_is_added_by_command_and_counts_for_what_comes_then(
    stack: Stack, tenant: TenantAccess, command: Command, tmp_path: Path
) -> None:
    rule = {"location": "$.result.duration", "presence": "included"}
    file = tmp_path / "own.jsonld"
    file.write_text(json.dumps(make_document({"verb": Verb.ATTENDED, "rules": [rule]})))
    before = claim(VERSION)
    send(tenant, before)
    assert read_columns(tenant, before) == ("unclaimed", "", "", "")

    command("profile", "add", tenant.id, str(file), "--why", "simulators")

    def finds(expected: tuple[str, str, str, str], **changes: Any) -> Callable[[], bool]:
        def ask() -> bool:
            sent = claim(VERSION, **changes)
            send(tenant, sent)
            return read_columns(tenant, sent) == expected

        return ask

    eventually(finds(("nonconformant", VERSION, TEMPLATE, "$.result.duration: expected a value")), pause=0.5)
    assert finds(("conformant", VERSION, TEMPLATE, ""), result={"duration": "PT1H"})()
    assert read_columns(tenant, before)[0] == "unclaimed"
    with stack.add_tenant() as other:
        sent = claim(VERSION)
        send(other, sent)
        assert read_columns(other, sent)[0] == "unclaimed"

    command("profile", "remove", tenant.id, PROFILE, "--why", "a test")
    eventually(finds(("unclaimed", "", "", "")), pause=0.5)
    trail = stack.installation.audit.read(tenant=tenant.id, limit=1_000)
    told = [(entry.event.action, entry.event.about) for entry in trail if entry.event.action.startswith("profile-")]
    assert told == [("profile-added", PROFILE), ("profile-removed", PROFILE)]


def test_registrations_are_judged_by_the_patterns_of_the_profiles_that_they_claim(
    tenant: TenantAccess, command: Command
) -> None:
    def step(verb: str, registration: uuid.UUID, minute: int, **result: Any) -> dict[str, Any]:
        activities = {"category": [{"id": Category.ASSESSMENTS}]}
        return make_statement(
            id=str(uuid.uuid4()),
            verb={"id": verb},
            object=QUIZ,
            context={"registration": str(registration), "contextActivities": activities},
            timestamp=f"2026-11-20T08:{minute:02}:00Z",
            **{"result": result} if result else {},
        )

    whole, begun, broken = (uuid.uuid4() for _ in range(3))
    # What was sent first need not have happened first.
    send(tenant, step(Verb.PASSED, whole, 9, success=True), step(Verb.INITIALIZED, whole, 1))
    send(tenant, step(Verb.INITIALIZED, begun, 1), step(Verb.SCORED, broken, 1))
    told = {one.pop("pattern"): one for one in json.loads(command("profile", "judge", tenant.id, "--json"))}
    judged = "https://w3id.org/jalon/xapi/profiles/assessments/patterns/judged"
    assert told.pop(judged) == {"success": 1, "partial": 1, "failure": 1}
    assert {count for one in told.values() for count in one.values()} == {0}
    assert command("profile", "judge", tenant.id).split()[:4] == ["pattern", "success", "partial", "failure"]
