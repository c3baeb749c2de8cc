"""What a policy hid is found by what it was and by what stands for it, and is shown to whom it may be shown."""

from __future__ import annotations

import uuid
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from identity.audit import AuditTrail
from identity.hiding import HIDDEN
from tests.unit.lrs.world import World, make_statement

ACTIVITY = "https://example.org/users/camille.martin@example.org/notes"
VERB = "https://example.org/verbs/wrote-to-ada-lovelace"


def make_hidden() -> dict[str, Any]:
    return make_statement(
        id=str(uuid.uuid4()),
        actor={"name": "Ada Lovelace", "mbox": "mailto:ada@example.org"},
        verb={"id": VERB, "display": {"en": "wrote to Ada Lovelace"}},
        object={
            "id": ACTIVITY,
            "definition": {"name": {"en": "Notes"}, "description": {"en": "by camille.martin@example.org"}},
        },
    )


async def test_an_activity_and_a_verb_are_found_by_either_iri(world: World) -> None:
    sees, blind = world.client(sees=True), world.client()
    sent, other = make_hidden(), make_statement(id=str(uuid.uuid4()))
    assert (await sees.post("/xAPI/statements", json=[sent, other])).status_code == 200
    shown = (await blind.get("/xAPI/statements", params={"statementId": sent["id"]})).json()
    hidden = shown["object"]["id"], shown["verb"]["id"]
    assert all(iri.startswith(HIDDEN) for iri in hidden)
    for client in (sees, blind):
        for activity, verb in ((ACTIVITY, VERB), hidden):
            for asked in ({"activity": activity}, {"verb": verb}, {"activity": activity, "related_activities": "true"}):
                found = (await client.get("/xAPI/statements", params=asked)).json()["statements"]
                assert [one["id"] for one in found] == [sent["id"]], asked


async def test_who_may_see_people_gets_every_byte_and_nobody_else_a_trace(world: World) -> None:
    sees, blind = world.client(sees=True), world.client()
    sent = make_hidden()
    await sees.post("/xAPI/statements", json=[sent])
    got = (await sees.get("/xAPI/statements", params={"statementId": sent["id"]})).json()
    assert {name: got[name] for name in sent} == sent
    for shape in ("exact", "ids", "canonical"):
        text = (await blind.get("/xAPI/statements", params={"statementId": sent["id"], "format": shape})).text
        for trace in ("camille", "lovelace", "Lovelace"):
            assert trace not in text


@pytest.mark.parametrize("sees", [True, False])
async def test_a_definition_is_found_by_either_iri_and_whole_for_who_may_see_people(world: World, sees: bool) -> None:
    client = world.client(sees=sees)
    await client.post("/xAPI/statements", json=[sent := make_hidden()])
    hidden = (await world.client().get("/xAPI/statements", params={"statementId": sent["id"]})).json()["object"]["id"]
    definition = sent["object"]["definition"] if sees else {"name": {"en": "Notes"}, "description": {"en": "[sealed]"}}
    for asked in (ACTIVITY, hidden):
        activity = (await client.get("/xAPI/activities", params={"activityId": asked})).json()
        assert activity == {"objectType": "Activity", "id": asked, "definition": definition}
    got = (await client.get("/xAPI/statements", params={"statementId": sent["id"], "format": "canonical"})).json()
    assert got["object"] == {"id": ACTIVITY if sees else hidden, "definition": definition}
    trail = AuditTrail(world.identity.engine, world.identity.master).read(tenant=world.tenant, limit=1_000)
    told = [entry.event.details["resource"] for entry in trail if entry.event.action == "identities-read"]
    assert ("definitions" in told) is sees


async def test_a_more_link_holds_no_name(world: World) -> None:
    client = world.client(sees=True)
    await client.post("/xAPI/statements", json=[make_hidden(), make_hidden()])
    page = (await client.get("/xAPI/statements", params={"activity": ACTIVITY, "limit": "1"})).json()

    payload = page["more"].partition("cursor=")[2].partition(".")[0]
    assert b"camille" not in urlsafe_b64decode(payload + "==")
    rest = (await client.get(page["more"])).json()
    assert len(rest["statements"]) == 1
