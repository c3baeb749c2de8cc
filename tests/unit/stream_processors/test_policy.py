"""What a tenant's policy does not keep is in no column, term, definition or agent form, and a change counts at once."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import orjson
import pytest

from identity.hiding import HIDDEN
from identity.policy import Policy
from identity.sealing import list_owners, open_definition
from identity.vault import Vault
from stream_processors.processing import Processor
from stream_processors.reading import IncomingRecord
from tests.unit.stream_processors.conftest import TENANT
from tests.unit.stream_processors.doubles import MemoryStore
from xapi_profiles.record import TOPIC, build_headers

NAME = "Camille Martin"
_offsets = itertools.count()


def make_record(**changes: Any) -> IncomingRecord:
    session = {"id": f"https://example.org/users/{NAME.replace(' ', '.')}/s", "definition": {"name": {"fr": NAME}}}
    session["definition"]["type"] = "http://activitystrea.ms/event"
    statement = {
        "id": str(uuid.uuid4()),
        "actor": {"mbox": "mailto:camille.martin@example.org", "name": NAME},
        "verb": {"id": "http://activitystrea.ms/checkin"},
        "object": session,
        "context": {
            "extensions": {
                "https://w3id.org/jalon/xapi/extensions/room": f"Bureau de {NAME}",
                "https://w3id.org/jalon/xapi/extensions/connection": "camille.martin@example.org",
                "https://w3id.org/jalon/xapi/extensions/modality": "in-person",
            }
        },
        "result": {"response": "moi", "duration": "PT1H"},
        **changes,
    }
    offset = next(_offsets)
    headers = tuple(build_headers(TENANT, "lrs"))
    return IncomingRecord(TOPIC, 0, offset, 1_795_000_000_000 + offset, headers, orjson.dumps(statement))


async def test_no_column_and_no_definition_holds_what_the_policy_hides(
    processor: Processor, store: MemoryStore, vault: Vault
) -> None:
    await processor.process([make_record()])
    (row,) = store.statements[TENANT].values()
    (activity,) = store.activities[TENANT].values()
    for text in (repr(row).lower(), repr(activity).lower(), repr(store.agents[TENANT]).lower()):
        assert "camille" not in text
        assert "martin" not in text
    assert row.activity == row.session == activity.id
    assert activity.id.startswith(HIDDEN)
    assert (row.activity_name, row.session_name, row.place, row.connection) == ("[sealed]",) * 4
    assert (row.modality, row.duration_ms) == ("in-person", 3_600_000)
    keys = vault.find_learner_keys(TENANT, list_owners(activity.sealed))
    opened = open_definition(activity.id, activity.sealed, keys)
    assert opened == {"name": {"fr": NAME}, "type": "http://activitystrea.ms/event"}


async def test_a_definition_of_which_nothing_is_hidden_is_stored_once_and_not_sealed(
    processor: Processor, store: MemoryStore
) -> None:
    plain = {"id": "https://example.org/s", "definition": {"name": {"fr": "Séance"}}}
    await processor.process([make_record(object=plain), make_record(object=plain)])
    (activity,) = store.activities[TENANT].values()
    assert (activity.id, activity.sealed) == ("https://example.org/s", "")


@pytest.mark.parametrize("detected", ["keep", "hash", "drop"])
async def test_the_policy_of_the_tenant_decides(
    processor: Processor, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, detected: Any
) -> None:
    policy = Policy(detected=detected)
    monkeypatch.setattr(processor, "_find_policy", lambda tenant: {TENANT: policy}[tenant])
    await processor.process([make_record()])
    (row,) = store.statements[TENANT].values()
    assert (NAME in row.statement) is (detected == "keep")
    assert row.session_name == {"keep": NAME, "drop": "[dropped]"}.get(detected, row.session_name)
    assert row.session_name.startswith({"keep": "C", "hash": "[hash ", "drop": "[d"}[detected])
