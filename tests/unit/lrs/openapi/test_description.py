"""The description of the LRS says what the code does: a resource, parameter, error or code that it lacks fails here."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from schemathesis.specs.openapi.definitions import OPENAPI_30, OPENAPI_31
from starlette.routing import Route

import lrs
from lrs import errors
from lrs.errors import BadRequest, LrsError
from lrs.limits import Limits
from lrs.negotiation import SUPPORTED, VERSION_FORM, negotiate_version
from lrs.openapi.description import describe
from lrs.openapi.refusals import BAD_REQUESTS
from tests.unit.lrs.world import URL, World, make_statement, open_world
from tests.unit.lrs.world import Identity as IdentityOfTests
from xapi_profiles import errors as statement_errors

DESCRIPTION = describe(Limits(), public_url=URL, bearer=False)
OPERATIONS = [(method, path) for path, item in DESCRIPTION["paths"].items() for method in item]
WITH_QUERY = [(method, path) for method, path in OPERATIONS if path.startswith("/xAPI")]

# A fault found while an answer is on its way breaks it off: nobody is answered this code.
NEVER_ANSWERED = {"attachment-damaged"}


@pytest.mark.parametrize(("label", "schema"), [("3.1.0", OPENAPI_31), ("3.0.3", OPENAPI_30)])
def test_description_is_valid_openapi_3_1_and_3_0_alike(label: str, schema: dict[str, Any]) -> None:
    jsonschema.validate({**DESCRIPTION, "openapi": label}, schema)


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    parts = {
        f"#/components/{kind}/{name}"
        for kind, named in DESCRIPTION["components"].items()
        for name in named
        if kind != "securitySchemes"
    }
    assert set(_references(DESCRIPTION)) == parts


async def test_every_route_and_method_is_described_and_nothing_else(world: World) -> None:
    app: Any = world.transport.app
    served = {
        (method.lower(), route.path)
        for route in app.routes
        if isinstance(route, Route) and route.include_in_schema
        for method in route.methods or ()
    }
    assert served == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), [each for each in WITH_QUERY if each[0] != "head"])
async def test_parameters_described_are_those_that_the_resource_knows(world: World, method: str, path: str) -> None:
    # What it needs is looked for after what it does not know.
    answer = await world.client().request(method, path, params={"nonsense": "1"}, json={})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown-parameter")
    known = answer.json()["message"].partition("known are ")[2].rstrip(".")
    described = {parameter["name"] for parameter in _parameters(method, path) if parameter["in"] == "query"}
    assert described == set() if known == "none" else described == set(known.split(", "))


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_what_needs_a_credential_is_described_so(world: World, method: str, path: str) -> None:
    async with httpx.AsyncClient(transport=world.transport, base_url=URL) as client:
        answer = await client.request(method, path, headers={"X-Experience-API-Version": SUPPORTED[-1]})
    operation = DESCRIPTION["paths"][path][method]
    assert (answer.status_code == 401) == ("security" not in operation)
    assert ("401" in operation["responses"]) == ("security" not in operation)


def test_every_error_and_its_code_is_described() -> None:
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, LrsError)]
    described = _codes()
    for kind in kinds:
        if kind not in (LrsError, errors.DocumentExists):
            assert kind.code in described[str(kind.status)], kind


def test_every_code_of_a_bad_request_is_described() -> None:
    found = {BadRequest.code}
    for kind in (statement_errors.MalformedJson, statement_errors.RepeatedKey, statement_errors.InvalidStatement):
        found.add(kind.code)
    for file in Path(inspect.getfile(lrs)).parent.rglob("*.py"):
        found |= set(_codes_in(ast.parse(file.read_text())))
    assert found - NEVER_ANSWERED == set(BAD_REQUESTS)


def test_the_table_of_errors_in_the_documentation_has_the_same_codes() -> None:
    text = (Path(__file__).parents[4] / "docs" / "lrs.md").read_text().partition("## Errors")[2]
    listed: dict[str, set[str]] = {}
    for status, cell in re.findall(r"^\| (\d{3}) \| ([^|]*) \|", text, re.MULTILINE):
        listed.setdefault(status, set()).update(re.findall(r"`([a-z-]+)`", cell))
    described = {status: codes - {"unavailable", "bad-request"} for status, codes in _codes().items()}
    assert listed == {**described, "409": described["409"] | {errors.DocumentExists.code}, "401": {"unauthenticated"}}


@given(st.one_of(st.text(max_size=8), st.from_regex(r"[12]\.0(\.[0-9]{1,2})?", fullmatch=True)))
@example("2.0.17")
@example("1.0")
def test_the_form_of_a_version_is_what_is_negotiated(text: str) -> None:
    try:
        negotiate_version(text)
        spoken = True
    except BadRequest:
        spoken = False
    assert spoken == bool(re.fullmatch(VERSION_FORM, text))


def test_examples_are_valid_by_their_own_schemas() -> None:
    for path in ("/xAPI/statements",):
        for method in ("put", "post"):
            media = DESCRIPTION["paths"][path][method]["requestBody"]["content"]["application/json"]
            schema = {**media["schema"], "components": DESCRIPTION["components"]}
            for shown in media["examples"].values():
                jsonschema.validate(shown["value"], schema)


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
async def test_examples_are_accepted_as_they_stand(world: World, version: str) -> None:
    client = world.client(version=version)
    body = DESCRIPTION["paths"]["/xAPI/statements"]["post"]["requestBody"]["content"]
    for shown in body["application/json"]["examples"].values():
        answer = await client.post("/xAPI/statements", json=shown["value"])
        assert answer.status_code == 200, answer.text
    answer = await client.post(
        "/xAPI/statements",
        content=body["multipart/mixed"]["example"],
        headers={"Content-Type": "multipart/mixed; boundary=boundary"},
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "broken",
    [
        {"verb": {"id": 7}},
        {"object": {"objectType": "Activity"}},
        {"surprise": 1},
        {"result": {"score": {"scaled": 2}}},
        {"attachments": [{"usageType": "https://example.org/u"}]},
    ],
)
def test_schema_of_a_statement_refuses_what_is_none(broken: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/Statement", "components": DESCRIPTION["components"]}
    jsonschema.validate(make_statement(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(make_statement(**broken), schema)


async def test_description_is_served_to_everybody_with_the_address_and_limits_of_this_lrs(
    identity: IdentityOfTests,
) -> None:
    async with (
        open_world(identity, Limits(batch_statements=77)) as world,
        httpx.AsyncClient(transport=world.transport, base_url=URL) as client,
    ):
        answer = await client.get("/openapi.json")
        head = await client.head("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == describe(Limits(batch_statements=77), public_url=URL, bearer=False)
    assert "at most 77" in answer.json()["info"]["description"]
    assert answer.json()["servers"] == [{"url": URL}]
    assert (head.status_code, head.content) == (200, b"")


def test_bearer_tokens_are_described_where_they_are_taken() -> None:
    with_tokens = describe(Limits(), public_url=URL, bearer=True)
    assert with_tokens["security"] == [{"Basic": []}, {"Bearer": []}]
    assert with_tokens["components"]["securitySchemes"]["Bearer"]["scheme"] == "bearer"
    assert DESCRIPTION["security"] == [{"Basic": []}]


def _parameters(method: str, path: str) -> list[dict[str, Any]]:
    listed = DESCRIPTION["paths"][path][method]["parameters"]
    return [DESCRIPTION["components"]["parameters"][each["$ref"].rpartition("/")[2]] for each in listed]


def _codes() -> dict[str, set[str]]:
    """Return the codes that the operations' answers name, by status."""
    codes: dict[str, set[str]] = {}
    for item in DESCRIPTION["paths"].values():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if "$ref" in answer:
                    described = DESCRIPTION["components"]["responses"][answer["$ref"].rpartition("/")[2]]
                    schema = described["content"].get("application/json", {}).get("schema", {})
                    codes.setdefault(status, set()).update(schema.get("properties", {}).get("code", {}).get("enum", ()))
    return codes


def _codes_in(tree: ast.AST) -> list[str]:
    """Return the codes that a module's refusals are made with, constants of the name CODE included."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            values = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            if isinstance(node.func, ast.Name) and node.func.id == "refuse":
                values.append(node.args[0])
            found += [value.value for value in values if isinstance(value, ast.Constant)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "CODE":
            found.append(ast.literal_eval(node.value or ast.Constant("")))
    return found


def _references(part: object) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [each for value in part.values() for each in _references(value)]
    if isinstance(part, list):
        return [each for value in part for each in _references(value)]
    return []
