"""A policy set, tried out and in force, by the command line, on the running product."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from jalon.cli import main
from tests.stack import Stack, TenantAccess
from tests.statements import make_statement
from tests.waiting import eventually

pytestmark = pytest.mark.integration

ADDRESS = "camille.martin@example.org"
ROOM = "https://w3id.org/jalon/xapi/extensions/room"


class Commands:
    """Runs `jalon policy …` on the stack, and gives what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *arguments: str, status: int = 0) -> tuple[str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["policy", *arguments])
        printed = self._capsys.readouterr()
        assert ended.value.code == status, printed.err
        assert ADDRESS not in printed.out + printed.err
        return printed.out, printed.err


@pytest.fixture
def commands(stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.setenv("JALON_DATA_DIR", str(stack.settings.data_dir))
    return Commands(capsys)


def send(tenant: TenantAccess) -> str:
    statement = make_statement(
        id=str(uuid.uuid4()),
        result={"response": ADDRESS},
        context={"extensions": {ROOM: f"chez {ADDRESS}"}},
    )
    assert tenant.http.post("statements", json=statement).status_code == 200
    assert tenant.http.get("statements", params={"statementId": statement["id"]}).status_code == 200
    return str(statement["id"])


def read_stored(tenant: TenantAccess, statement_id: str) -> dict[str, Any]:
    query = "SELECT statement, place FROM statements FINAL WHERE id = %(id)s"
    ((statement, place),) = tenant.reader.query(query, {"id": statement_id}).result_rows
    return {**json.loads(statement), "place": place}


def test_a_policy_is_tried_set_and_in_force_for_what_comes_then(
    stack: Stack, tenant: TenantAccess, commands: Commands, tmp_path: Path
) -> None:
    before = read_stored(tenant, send(tenant))
    assert (before["result"]["response"], before["place"]) == ("[sealed]", "[sealed]")

    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"detected": "keep", "extensions": {ROOM: "drop"}}))
    tried = json.loads(commands.run("check", tenant.id, str(file), "--json")[0])
    assert tried["statements"] == 1
    told = {one["place"]: (one["now"], one["then"]) for one in tried["places"]}
    assert told[f"extensions {ROOM}"] == ({"seal": 1}, {"drop": 1})
    assert told["result.response"] == ({"seal": 1}, {"seal": 1})

    assert "Version 1" in commands.run("set", tenant.id, str(file), "--why", "rooms are offices")[1]
    shown, about = commands.run("show", tenant.id)
    assert "Version 1" in about
    assert json.loads(shown)["extensions"] == {ROOM: "drop"}

    def is_in_force() -> bool:
        return ROOM not in read_stored(tenant, send(tenant))["context"]["extensions"]

    eventually(is_in_force, seconds=20, pause=0.5)
    trail = stack.installation.audit.read(tenant=tenant.id, limit=1_000)
    told_of = [(entry.event.action, entry.event.why) for entry in trail if entry.event.action.startswith("policy-")]
    assert told_of == [("policy-checked", ""), ("policy-changed", "rooms are offices")]


def test_a_policy_that_cannot_be_used_is_refused_and_the_one_before_stays(
    tenant: TenantAccess, commands: Commands, tmp_path: Path
) -> None:
    file = tmp_path / "policy.json"
    file.write_text('{"fields": {"result.answer": "seal"}}')
    for command in ("set", "check"):
        told = commands.run(command, tenant.id, str(file), status=1)[1]
        assert "/fields/result.answer" in told
        assert "'result.response'" in told
    assert "Version 0" in commands.run("show", tenant.id)[1]
    commands.run("check", tenant.id, str(tmp_path / "none.json"), status=2)
