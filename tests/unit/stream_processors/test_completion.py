from __future__ import annotations

import copy
import uuid
from typing import Any

from hypothesis import given

from stream_processors.completion import complete
from tests.statements import make_statement, statements
from xapi_profiles.record import RecordOrigin

ORIGIN = RecordOrigin("acme", "gaia", "1.0.3")
ID = uuid.UUID(int=5)
ONE = {"id": "https://example.org/p"}


def test_what_is_missing_is_added_and_what_is_there_stays() -> None:
    bare = complete(make_statement(), ID, ORIGIN, 1_795_000_000_123)
    assert bare["id"] == str(ID)
    assert bare["stored"] == bare["timestamp"] == "2026-11-18T11:06:40.123Z"
    assert bare["version"] == "1.0.0"
    assert bare["authority"]["account"]["name"] == "gaia"
    told = complete(make_statement(timestamp="2026-01-01T00:00:00Z", version="1.0.2"), ID, ORIGIN, 0)
    assert (told["timestamp"], told["version"]) == ("2026-01-01T00:00:00Z", "1.0.2")


def test_a_single_context_activity_becomes_an_array_also_in_a_sub_statement() -> None:
    context = {"contextActivities": {"parent": ONE, "other": [ONE]}, "platform": "LMS"}
    listed = {"contextActivities": {"parent": [ONE], "other": [ONE]}, "platform": "LMS"}
    sub = {**make_statement(context=context), "objectType": "SubStatement"}
    completed = complete(make_statement(object=sub, context=context), ID, ORIGIN, 0)
    assert completed["context"] == listed
    assert completed["object"]["context"] == listed


@given(statements())
def test_completing_never_changes_what_it_was_given(statement: dict[str, Any]) -> None:
    before = copy.deepcopy(statement)
    complete(statement, ID, ORIGIN, 0)
    assert statement == before
