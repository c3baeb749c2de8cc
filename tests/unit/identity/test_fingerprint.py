import json
import random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.fingerprint import fingerprint
from xapi_profiles.json_text import ExactNumber

KEY = b"f" * 32
ADA = {"objectType": "Agent", "name": "Ada", "mbox": "mailto:ada@example.org"}
BOB = {"objectType": "Agent", "account": {"homePage": "https://moodle.example.org", "name": "bob"}}


def statement(**properties: Any) -> dict[str, Any]:
    return {
        "actor": ADA,
        "verb": {"id": "http://adlnet.gov/expapi/verbs/attended", "display": {"en": "attended"}},
        "object": {
            "objectType": "Activity",
            "id": "https://example.org/sessions/1",
            "definition": {"name": {"fr": "Séance"}},
        },
        "result": {"score": {"raw": 1, "max": 2.5}, "duration": "PT60S"},
        "timestamp": "2026-11-22T10:00:00Z",
        **properties,
    }


def context(**properties: Any) -> dict[str, Any]:
    return statement(context=properties)


PARENT = {"id": "https://example.org/p"}
REFERENCE = {"objectType": "StatementRef", "id": "9dc99b37-e920-4a68-a066-917faca28949"}
UPPER = {"objectType": "StatementRef", "id": "9DC99B37-E920-4A68-A066-917FACA28949"}


def sub(**properties: Any) -> dict[str, Any]:
    return statement(object={"objectType": "SubStatement", **statement(**properties)})


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param(
            statement(),
            statement(id="x", stored="2026-11-22T10:00:00Z", version="1.0.3", authority=BOB),
            id="what the store sets",
        ),
        pytest.param(statement(), statement(verb={"id": "http://adlnet.gov/expapi/verbs/attended"}), id="verb.display"),
        pytest.param(
            statement(), statement(object={"id": "https://example.org/sessions/1"}), id="definition, default type"
        ),
        pytest.param(statement(), statement(actor={**ADA, "mbox": "mailto:Ada@EXAMPLE.org"}), id="case of mbox"),
        pytest.param(statement(), statement(actor={"name": "Ada", "mbox": ADA["mbox"]}), id="default type of an agent"),
        pytest.param(
            statement(actor={"mbox_sha1sum": "AB" * 20}),
            statement(actor={"mbox_sha1sum": "ab" * 20}),
            id="case of SHA-1",
        ),
        pytest.param(statement(), statement(timestamp="2026-11-22T11:00:00.000+01:00"), id="zone of the timestamp"),
        pytest.param(
            statement(result={"score": {"raw": 1, "max": 2.5}}),
            statement(result={"score": {"raw": 1.0, "max": 2.5}}),
            id="1.0",
        ),
        pytest.param(statement(result={"score": {"raw": 0}}), statement(result={"score": {"raw": -0.0}}), id="-0.0"),
        pytest.param(
            statement(result={"score": {"raw": 10**17}}), statement(result={"score": {"raw": 1e17}}), id="large number"
        ),
        pytest.param(
            statement(result={"extensions": {"http://x": [1, {"y": 2}]}}),
            statement(result={"extensions": {"http://x": [1.0, {"y": 2.0}]}}),
            id="numbers in extensions",
        ),
        pytest.param(
            statement(result={"extensions": {"http://x": ExactNumber("10e400")}}),
            statement(result={"extensions": {"http://x": ExactNumber("1.0E401")}}),
            id="numbers beyond a double",
        ),
        pytest.param(
            statement(result={"duration": "P1DT12H36M0.12S"}),
            statement(result={"duration": "P1DT12H36M0,1299S"}),
            id="a duration beyond hundredths of a second",
        ),
        pytest.param(sub(result={"duration": "PT5S"}), sub(result={"duration": "PT5.009S"}), id="a duration inside"),
        pytest.param(
            statement(actor={"objectType": "Group", "member": [ADA, BOB]}),
            statement(actor={"member": [BOB, {**ADA, "mbox": "mailto:ADA@example.org"}], "objectType": "Group"}),
            id="order of members",
        ),
        pytest.param(
            context(contextActivities={"parent": PARENT}),
            context(contextActivities={"parent": [{**PARENT, "definition": {"type": "http://t"}}]}),
            id="single context activity",
        ),
        pytest.param(
            context(registration=REFERENCE["id"]), context(registration=UPPER["id"]), id="case of registration"
        ),
        pytest.param(context(statement=REFERENCE), context(statement=UPPER), id="case of a reference in context"),
        pytest.param(statement(object=REFERENCE), statement(object=UPPER), id="case of a reference"),
        pytest.param(
            context(team={"objectType": "Group", "member": [ADA, BOB]}),
            context(team={"objectType": "Group", "member": [BOB, ADA]}),
            id="team",
        ),
        pytest.param(
            context(contextAgents=[{"objectType": "contextAgent", "agent": ADA}]),
            context(contextAgents=[{"objectType": "contextAgent", "agent": {**ADA, "mbox": "mailto:ADA@example.org"}}]),
            id="context agents",
        ),
        pytest.param(
            sub(), sub(actor={**ADA, "mbox": "mailto:ADA@example.org"}, timestamp="2026-11-22T10:00:00+00:00"), id="sub"
        ),
    ],
)
def test_differences_that_the_specification_ignores(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert fingerprint(left, KEY) == fingerprint(right, KEY)


@pytest.mark.parametrize(
    "right",
    [
        pytest.param(statement(actor=BOB), id="actor"),
        pytest.param(statement(actor={**ADA, "name": "Ada L."}), id="an agent's name"),
        pytest.param(statement(verb={"id": "http://adlnet.gov/expapi/verbs/passed"}), id="verb"),
        pytest.param(statement(object={"id": "https://example.org/sessions/2"}), id="object"),
        pytest.param(statement(object={"objectType": "Agent", **BOB}), id="kind of object"),
        pytest.param(statement(result={"score": {"raw": 1, "max": 2.5}, "duration": "PT1M"}), id="text of a duration"),
        pytest.param(statement(result={"score": {"raw": 1.01, "max": 2.5}, "duration": "PT60S"}), id="score"),
        pytest.param(statement(result={"score": {"raw": 1, "max": 2.5}, "duration": "PT60.01S"}), id="hundredths"),
        pytest.param(
            statement(result={"score": {"raw": 1, "max": ExactNumber("2.50000000000000000001")}, "duration": "PT60S"}),
            id="the twentieth digit",
        ),
        pytest.param(statement(result={"score": {"raw": True, "max": 2.5}, "duration": "PT60S"}), id="true is not 1"),
        pytest.param(statement(timestamp="2026-11-22T10:00:00.001Z"), id="timestamp"),
        pytest.param({name: value for name, value in statement().items() if name != "timestamp"}, id="no timestamp"),
        pytest.param(context(registration=REFERENCE["id"]), id="context"),
        pytest.param(sub(), id="sub-statement"),
        pytest.param(statement(attachments=[{"sha2": "00"}]), id="attachments"),
    ],
)
def test_differences_that_count(right: dict[str, Any]) -> None:
    assert fingerprint(statement(), KEY) != fingerprint(right, KEY)


def test_text_that_looks_like_a_number_is_left_alone() -> None:
    def with_text(text: str) -> str:
        return fingerprint(statement(result={"response": text, "score": {"raw": 1.0}}), KEY)

    assert with_text("a:1.0,b") != with_text("a:1,b")
    assert with_text("[1.0]") != with_text("[1]")


def test_another_key_gives_another_fingerprint() -> None:
    assert fingerprint(statement(), KEY) != fingerprint(statement(), b"g" * 32)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def shuffled(value: Any, generator: random.Random) -> Any:
    """The same JSON with other orders of keys and floats for integers where they are equal."""
    if isinstance(value, dict):
        names = list(value)
        generator.shuffle(names)
        return {name: shuffled(value[name], generator) for name in names}
    if isinstance(value, list):
        return [shuffled(item, generator) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and float(value) == value and abs(value) < 2**53:
        return float(value)
    return value


@given(json_values, st.randoms(use_true_random=False))
def test_order_of_keys_and_form_of_numbers_do_not_count(extension: Any, generator: random.Random) -> None:
    original = statement(result={"extensions": {"http://x": extension}})
    other = orjson.loads(json.dumps(shuffled(original, generator)))
    assert fingerprint(original, KEY) == fingerprint(other, KEY)


@given(json_values, json_values)
def test_extensions_that_differ_give_another_fingerprint(left: Any, right: Any) -> None:
    def canonical(value: Any) -> Any:
        return json.dumps(shuffled(value, random.Random(0)), sort_keys=True)

    one, two = (fingerprint(statement(result={"extensions": {"http://x": value}}), KEY) for value in (left, right))
    assert (one == two) == (canonical(left) == canonical(right))


@given(json_values)
def test_the_statement_is_not_touched(extension: Any) -> None:
    original = context(
        extensions={"http://x": extension}, contextActivities={"parent": PARENT}, team={"member": [BOB, ADA]}
    )
    before = orjson.dumps(original)
    fingerprint(original, KEY)
    assert orjson.dumps(original) == before
