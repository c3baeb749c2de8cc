"""What a person is shown of statements: all that is about them, and nothing that identifies somebody else."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from identity.keys import TenantKeys
from identity.pseudonyms import identify, pseudonym
from identity.sealing import pseudonymise
from jalon.exporting.presenting import OTHERS_HOME, Shown, make_alias, names_one_of, show
from tests.statements import make_statement
from xapi_profiles.json_text import dump_json

KEYS = TenantKeys("institut", 1, b"p" * 32, b"f" * 32, b"d" * 32, b"c" * 32)
ADA = {"objectType": "Agent", "name": "Ada", "mbox": "mailto:ada@example.org"}
GRACE = {"objectType": "Agent", "name": "Grace", "mbox": "mailto:grace@example.org"}
LMS = {"objectType": "Agent", "name": "lms", "account": {"homePage": "https://lms.example.org", "name": "lms"}}
RESULT = {"score": {"scaled": 0.5}, "response": "forty-two"}


def name_of(agent: dict[str, Any]) -> str:
    identifier = identify(agent)
    assert identifier is not None
    return pseudonym(KEYS, identifier)


OWN = frozenset({name_of(ADA)})


def present(lost: bool = False, **changes: Any) -> Shown | None:
    made: dict[str, bytes] = {}

    def make_keys(names: Any) -> dict[str, bytes]:
        made.update({name: name.encode() for name in names})
        return made

    statement = make_statement(id=str(uuid.uuid4()), authority=LMS, **changes)
    [sealed] = pseudonymise([statement], KEYS, make_keys)
    keys = {} if lost else {name: key for name, key in made.items() if name in OWN}
    return show(dump_json(sealed.statement).decode(), sealed.sealed, keys, OWN, make_alias(b"k" * 32))


def shown(**changes: Any) -> Shown:
    found = present(**changes)
    assert found is not None
    return found


def test_what_a_person_did_is_shown_whole_with_others_under_made_up_names() -> None:
    found = shown(actor=ADA, result=RESULT, context={"instructor": GRACE, "extensions": {"https://e.org/x": 1}})
    assert found.is_theirs
    assert not found.alone
    assert found.statement["actor"] == ADA
    assert found.statement["result"] == RESULT
    assert found.statement["context"]["extensions"] == {"https://e.org/x": 1}
    assert found.statement["context"]["instructor"]["account"]["homePage"] == OTHERS_HOME
    assert "grace" not in str(found).lower()
    assert name_of(GRACE) not in str(found)


def test_of_what_somebody_else_did_their_results_are_left_out() -> None:
    found = shown(actor=GRACE, result=RESULT, context={"instructor": ADA, "extensions": {"https://e.org/x": 1}})
    assert not found.is_theirs
    assert found.statement["context"] == {"instructor": ADA}
    assert "result" not in found.statement
    assert "grace" not in str(found).lower()


def test_what_was_done_to_a_person_is_theirs() -> None:
    result = shown(actor=GRACE, object=ADA, result=RESULT).statement["result"]
    assert result["score"] == RESULT["score"]
    assert "forty-two" not in str(result)  # the other's own words, sealed under their key by the tenant's policy


def test_what_a_person_did_as_one_of_a_group_is_theirs() -> None:
    group = {"objectType": "Group", "name": "Ada and Grace", "member": [ADA, GRACE]}
    found = shown(actor=group, result=RESULT)
    assert found.is_theirs
    assert found.statement["actor"]["member"][0] == ADA
    assert "grace" not in str(found).lower()


@pytest.mark.parametrize(("actor", "theirs"), [(ADA, True), (GRACE, False)])
def test_a_sub_statement_counts_like_a_statement(actor: dict[str, Any], theirs: bool) -> None:
    inner = {
        "objectType": "SubStatement",
        "actor": actor,
        "verb": {"id": "https://e.org/plan"},
        "object": {"id": "https://e.org/a"},
        "result": RESULT,
        "context": {"instructor": ADA},
    }
    found = shown(actor=GRACE, object=inner)
    assert found.is_theirs is theirs
    assert ("result" in found.statement["object"]) is theirs


def test_one_who_is_named_with_nobody_but_who_recorded_it_is_alone() -> None:
    assert shown(actor=ADA).alone


def test_others_go_by_another_name_in_every_export() -> None:
    assert make_alias(b"a" * 32)("0" * 32) != make_alias(b"b" * 32)("0" * 32)
    assert make_alias(b"a" * 32)("0" * 32) == make_alias(b"a" * 32)("0" * 32)


def test_what_can_no_longer_be_opened_is_nobodys() -> None:
    assert present(lost=True, actor=ADA) is None


def test_a_person_is_found_wherever_a_broken_statement_names_them() -> None:
    def name(agent: dict[str, Any]) -> list[str]:
        return [name_of(agent)]

    broken = {"actor": 7, "context": [{"team": {"member": [{"mbox": "mailto:ADA@example.org"}]}}]}
    assert names_one_of(broken, OWN, name)
    assert not names_one_of({"actor": GRACE}, OWN, name)
    assert not names_one_of("ada@example.org", OWN, name)
