"""One person under several identifiers and keys, and one whose processing is paused, in the running product."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from sqlalchemy import delete

from clickhouse.databases import name_tenant_database
from clickhouse.migration import apply_tenant, load_migrations
from identity.credentials import add_credential
from identity.database import writing
from identity.persons import list_pseudonyms
from identity.restrictions import list_restrictions
from identity.sealing import PSEUDONYM_HOME
from identity.tables import PERSON_REVISIONS, RESTRICTIONS
from jalon.cli import main
from tests.stack import Stack, TenantAccess
from tests.statements import make_statement
from tests.waiting import eventually

pytestmark = pytest.mark.integration


class Institute:
    """A tenant as its operator and its platforms use it."""

    def __init__(self, stack: Stack, tenant: TenantAccess, command: Callable[..., str]) -> None:
        self.stack, self.tenant, self.command = stack, tenant, command

    def state(self, who: str, **changes: Any) -> str:
        statement = make_statement(**{"id": str(uuid.uuid4()), "actor": person(who), **changes})
        answer = self.tenant.http.post("statements", json=[statement])
        assert answer.status_code == 200, answer.text
        identifier: str = statement["id"]
        return identifier

    def find(self, who: dict[str, Any], http: httpx.Client | None = None, **parameters: Any) -> set[str]:
        answer = (http or self.tenant.http).get("statements", params={"agent": json.dumps(who), **parameters})
        assert answer.status_code == 200, answer.text
        return {statement["id"] for statement in answer.json()["statements"]}

    def count(self, what: str = "uniqExact(actor)", view: str = "current_statements") -> Any:
        assert self.tenant.http.get("statements", params={"limit": 1}).status_code == 200  # behind the barrier
        return self.tenant.reader.query(f"SELECT {what} FROM {view}").result_rows[0][0]

    def ledger(self) -> tuple[int, ...]:
        self.count()
        (row,) = self.tenant.reader.query(
            "SELECT sum(accepted), sum(stored), sum(duplicate), sum(dead) FROM ledger FINAL"
        ).result_rows
        assert row[0] == sum(row[1:])
        return tuple(row)

    def rotate(self) -> None:
        """Rotate the key, and wait until the LRS has noticed, which is when it finds who was never met before."""
        self.command("tenant", "rotate-key", self.tenant.id, "--why", "a test")
        stranger = f"stranger-{uuid.uuid4().hex[:8]}"
        told = self.state(stranger)
        eventually(lambda: self.find(person(stranger)) == {told})


def person(name: str) -> dict[str, Any]:
    return {"mbox": f"mailto:{name}@example.org"}


def find_only_pseudonym(blind: httpx.Client) -> str:
    shown = blind.get("statements").json()["statements"]
    pseudonyms = {statement["actor"]["account"]["name"] for statement in shown}
    assert len(pseudonyms) == 1
    return str(pseudonyms.pop())


def stand_for(pseudonym: str) -> dict[str, Any]:
    return {"account": {"homePage": PSEUDONYM_HOME, "name": pseudonym}}


@pytest.fixture
def institute(
    stack: Stack, tenant: TenantAccess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Institute:
    monkeypatch.setenv("JALON_DATA_DIR", str(stack.settings.data_dir))

    def command(*arguments: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        captured = capsys.readouterr()
        assert (end.value.code or 0) == status, captured.err
        return captured.out if not status else captured.err

    return Institute(stack, tenant, command)


@pytest.fixture
def blind(stack: Stack, tenant: TenantAccess) -> Iterator[httpx.Client]:
    """A client of the tenant that sees pseudonyms."""
    given, secret = add_credential(stack.installation.engine, tenant.id, "blind", scopes=["all"])
    headers = {"X-Experience-API-Version": "1.0.3"}
    auth = (given.key, secret)
    with httpx.Client(base_url=stack.xapi, auth=auth, headers=headers, timeout=30, trust_env=False) as client:
        yield client


def test_who_is_linked_is_one_person_for_reads_and_boards_until_unlinked(
    institute: Institute, blind: httpx.Client
) -> None:
    tenant, command = institute.tenant, institute.command
    first, second = institute.state("ada"), institute.state("countess")
    assert institute.count() == 2
    command("subject", "link", tenant.id, "ada@example.org", "countess@example.org")
    assert institute.count() == 1
    for name in ("ada", "countess"):
        assert institute.find(person(name)) == {first, second}
    pseudonym = eventually(lambda: find_only_pseudonym(blind))  # the tenant's first link: known within a second
    assert institute.find(stand_for(pseudonym), blind) == {first, second}
    known = tenant.http.get("agents", params={"agent": json.dumps(person("ada"))}).json()
    assert sorted(known["mbox"]) == ["mailto:ada@example.org", "mailto:countess@example.org"]
    told = blind.get("agents", params={"agent": json.dumps(person("countess"))}).json()
    assert told["account"] == [{"homePage": PSEUDONYM_HOME, "name": pseudonym}]
    # What each was sent with stays: who sees people sees the address of each statement.
    actors = {one["id"]: one["actor"]["mbox"] for one in tenant.http.get("statements").json()["statements"]}
    assert actors == {first: "mailto:ada@example.org", second: "mailto:countess@example.org"}
    command("subject", "unlink", tenant.id, "countess@example.org")
    assert institute.count() == 2
    assert institute.find(person("ada")) == {first}


def test_a_link_from_now_on_leaves_the_past_as_it_was_counted(institute: Institute) -> None:
    before, mine = institute.state("shared"), institute.state("ada")
    institute.command("subject", "link", institute.tenant.id, "ada@example.org", "shared@example.org", "--from-now")
    after = institute.state("shared")
    assert institute.count() == 2
    assert institute.find(person("ada")) == {mine, after}
    assert institute.find(person("shared")) == {before, mine, after}


def test_a_rotated_key_changes_pseudonyms_and_nobody(institute: Institute, blind: httpx.Client) -> None:
    tenant = institute.tenant
    old = institute.state("ada")
    where = {"agent": json.dumps(person("ada")), "activityId": "https://example.org/a", "stateId": "s"}
    assert tenant.http.put("activities/state", params=where, content=b"old").status_code == 204
    page = institute.state("ada"), blind.get("statements", params={"limit": 1}).json()["more"]
    institute.rotate()
    new = institute.state("ada")
    assert institute.find(person("ada")) == {old, page[0], new}
    assert institute.count(view="statements FINAL") == 3  # Ada under two keys, and the stranger
    assert institute.count() == 2
    assert institute.count("uniqExact(authority)", "statements FINAL") == 2
    mine = institute.find(person("ada"), limit=1)
    assert mine == {new}
    follow = blind.get(page[1].removeprefix("/xAPI/"))
    assert [one["id"] for one in follow.json()["statements"]] == [old]
    assert tenant.http.get("activities/state", params=where).content == b"old"
    assert tenant.http.put("activities/state", params=where, content=b"new").status_code == 204
    assert tenant.http.get("activities/state", params=where).content == b"new"
    listed = {name: value for name, value in where.items() if name != "stateId"}
    assert tenant.http.get("activities/state", params=listed).json() == ["s"]
    names = list_pseudonyms(institute.stack.installation.vault, tenant.id, [person("ada")])
    assert len(names) == 2


def test_what_a_credential_wrote_before_a_rotation_stays_its_own(institute: Institute, stack: Stack) -> None:
    given, secret = add_credential(
        stack.installation.engine, institute.tenant.id, "own", scopes=["statements/write", "statements/read/mine"]
    )
    institute.state("somebody")
    headers = {"X-Experience-API-Version": "1.0.3"}
    auth = (given.key, secret)
    with httpx.Client(base_url=stack.xapi, auth=auth, headers=headers, timeout=30, trust_env=False) as client:
        ids = [str(uuid.uuid4()) for _ in range(2)]
        client.post("statements", json=[make_statement(id=ids[0])]).raise_for_status()
        institute.rotate()
        client.post("statements", json=[make_statement(id=ids[1])]).raise_for_status()
        assert [one["id"] for one in client.get("statements").json()["statements"]] == ids[::-1]
        for one in ids:
            assert client.get("statements", params={"statementId": one}).status_code == 200


def test_whose_processing_is_paused_is_neither_shown_nor_lost(institute: Institute) -> None:
    tenant, command = institute.tenant, institute.command
    old, other = institute.state("ada"), institute.state("bob")
    about = institute.state("bob", object={"objectType": "Agent", **person("ada")})
    beside = institute.state("bob", context={"instructor": person("ada")})
    command("subject", "restrict", tenant.id, "ada@example.org", "--why", "contested")
    assert institute.count() == 1
    assert institute.count("count()") == 2
    everything = {one["id"]: one for one in tenant.http.get("statements").json()["statements"]}
    assert everything.keys() == {other, beside}
    assert "mbox" not in everything[beside]["context"]["instructor"]
    assert tenant.http.get("statements", params={"statementId": old}).status_code == 404
    assert tenant.http.get("statements", params={"statementId": about}).status_code == 404
    assert institute.find(person("ada")) == set()
    known = tenant.http.get("agents", params={"agent": json.dumps(person("ada"))}).json()
    assert known == {"objectType": "Person", "mbox": ["mailto:ada@example.org"]}
    where = {"agent": json.dumps(person("ada")), "profileId": "p"}
    refused = tenant.http.get("agents/profile", params=where)
    assert (refused.status_code, refused.json()["code"]) == (403, "restricted")

    new: list[str] = []

    def is_put_aside() -> bool:
        new.append(institute.state("ada", verb={"id": "https://example.org/verbs/new"}))
        return institute.ledger()[3] == 1

    eventually(is_put_aside)  # a worker knows of a restriction within a second
    letters = json.loads(command("dead-letters", "list", tenant.id, "--json"))
    assert [letter["code"] for letter in letters] == ["restricted"]
    command("dead-letters", "replay", tenant.id)  # stays: it would only be put aside again
    assert institute.ledger()[3] == 1

    command("subject", "release", tenant.id, "ada@example.org")
    eventually(lambda: institute.find(person("ada")) == {old, about, *new})
    stored = 4 + len(new)
    assert institute.ledger() == (stored + 1, stored, 0, 1)
    command("dead-letters", "replay", tenant.id)
    assert institute.ledger() == (stored + 1, stored, 0, 1)
    assert institute.count() == 2


def test_a_replayed_statement_is_the_one_that_was_sent(institute: Institute) -> None:
    tenant = institute.tenant
    institute.command("subject", "restrict", tenant.id, "ada@example.org", "--why", "contested", "--objection")
    statement = make_statement(id=str(uuid.uuid4()), actor=person("ada"))
    statement.pop("timestamp", None)
    headers = {"X-Experience-API-Version": "2.0.0"}
    assert tenant.http.post("statements", json=[statement], headers=headers).status_code == 200
    assert institute.ledger() == (1, 0, 0, 1)
    stored = datetime.now(UTC)
    institute.command("subject", "release", tenant.id, "ada@example.org")
    by_id = {"statementId": statement["id"]}
    eventually(lambda: tenant.http.get("statements", params=by_id).status_code == 200)
    read = tenant.http.get("statements", params=by_id, headers=headers).json()
    assert read["version"] == "2.0.0"
    assert datetime.fromisoformat(read["timestamp"]) < stored < datetime.fromisoformat(read["stored"])
    assert institute.count("any(source)") == "lrs"
    # The platform sends it again: it has no timestamp of its own, and is the same statement all the same.
    again = tenant.http.put("statements", params=by_id, json=statement, headers=headers)
    assert again.status_code == 204
    assert institute.ledger()[3] == 1


def test_a_mapping_file_is_taken_as_a_whole_and_changes_nothing_twice(institute: Institute, tmp_path: Any) -> None:
    for name in ("a", "b", "c", "d"):
        institute.state(name)
    file = tmp_path / "mapping.csv"
    file.write_text("a@example.org,b@example.org\nc@example.org,nobody\nb@example.org,d@example.org\n")
    told = institute.command("subject", "link-file", institute.tenant.id, str(file), status=2)
    assert "line 2, column 2: names nobody" in told
    assert "line 3, column 1: names whom line 1 names" in told
    assert "a@example.org" not in told
    file.write_text("a@example.org,b@example.org\n\nc@example.org, d@example.org\n")
    institute.command("subject", "link-file", institute.tenant.id, str(file), "--dry-run")
    assert institute.count() == 4
    for _ in range(2):
        institute.command("subject", "link-file", institute.tenant.id, str(file))
        assert institute.count() == 2
    links = json.loads(institute.command("subject", "links", institute.tenant.id, "--json"))
    assert len(links) == 2
    (trail,) = {
        entry.event.action
        for entry in institute.stack.installation.audit.read(tenant=institute.tenant.id)
        if entry.event.action.startswith("pseudonyms")
    }
    assert trail == "pseudonyms-linked"


def test_no_pause_is_forgotten_when_the_identity_database_is_restored_to_before_it(institute: Institute) -> None:
    tenant, installation = institute.tenant, institute.stack.installation
    institute.state("ada")
    institute.command("subject", "restrict", tenant.id, "ada@example.org", "--why", "contested")
    with writing(installation.engine) as connection:
        for table in (RESTRICTIONS, PERSON_REVISIONS):
            connection.execute(delete(table).where(table.c.tenant == tenant.id))
    assert list_restrictions(installation.vault, tenant.id) == []
    installation.migrate()
    assert len(list_restrictions(installation.vault, tenant.id)) == 1
    assert institute.count() == 0
    institute.command("subject", "release", tenant.id, "ada@example.org")
    assert institute.count() == 1


def test_nothing_of_a_paused_person_shows_while_the_tenant_is_migrated(institute: Institute) -> None:
    tenant = institute.tenant
    institute.state("ada")
    institute.command("subject", "restrict", tenant.id, "ada@example.org", "--why", "contested")
    assert institute.count("count()") == 0
    database, owner = name_tenant_database(tenant.id), institute.stack.installation.owner
    shown = []

    class Watched:
        """The owner of the database, looked at by a reader after each command."""

        def query(self, *arguments: Any, **named: Any) -> Any:
            return owner.query(*arguments, **named)

        def command(self, *arguments: Any, **named: Any) -> Any:
            answer = owner.command(*arguments, **named)
            shown.append(tenant.reader.query("SELECT count() FROM current_statements").result_rows[0][0])
            return answer

    owner.command(f"TRUNCATE TABLE {database}.migrations")
    applied = apply_tenant(cast("Client", Watched()), tenant.id)
    assert [one.number for one in applied] == [one.number for one in load_migrations("tenant")]
    assert len(shown) > len(applied)
    assert not any(shown)
    institute.command("subject", "release", tenant.id, "ada@example.org")
    assert institute.count("count()") == 1
