"""Documents on the running product: at once, sealed on the disk, apart by tenant, and one winner among writers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.documents import NEW, RESOURCES, STATE, make_document, make_parameters
from tests.stack import Stack, TenantAccess

pytestmark = pytest.mark.integration


@pytest.fixture
def tenant(stack: Stack) -> Iterator[TenantAccess]:
    """A tenant whose credential may do all, documents too."""
    with stack.add_tenant(scopes=("all",)) as access:
        yield access


def test_two_tenants_keep_documents_of_one_name_apart(stack: Stack, tenant: TenantAccess) -> None:
    with stack.add_tenant(scopes=("state", "profile"), sees_identities=False) as other:
        for resource in RESOURCES:
            path, parameters = resource.removeprefix("/xAPI/"), make_parameters(resource)
            for access in (tenant, other):
                document = make_document(tenant=access.id)
                stored = access.http.put(path, params=parameters, json=document, headers=NEW)
                assert stored.status_code == 204, stored.text
                assert access.http.get(path, params=parameters).json() == document
            assert other.http.delete(path, params=parameters).status_code == 204
            assert other.http.get(path, params=parameters).status_code == 404
            assert tenant.http.get(path, params=parameters).json()["tenant"] == tenant.id


def test_of_writers_at_once_one_wins_and_no_merge_is_lost(tenant: TenantAccess) -> None:
    path, parameters = STATE.removeprefix("/xAPI/"), make_parameters(STATE)
    tag = tenant.http.put(path, params=parameters, json={}).headers["etag"]

    def replace(number: int) -> httpx.Response:
        return tenant.http.put(path, params=parameters, json={"winner": number}, headers={"If-Match": tag})

    def merge(number: int) -> httpx.Response:
        return tenant.http.post(path, params=parameters, json={f"writer {number}": True})

    with ThreadPoolExecutor(8) as threads:
        replaced = list(threads.map(replace, range(8)))
        assert sorted(answer.status_code for answer in replaced) == [204] + [412] * 7
        assert {answer.status_code for answer in threads.map(merge, range(8))} == {204}
    winner = next(number for number, answer in enumerate(replaced) if answer.status_code == 204)
    merged = tenant.http.get(path, params=parameters).json()
    assert merged == {"winner": winner, **{f"writer {number}": True for number in range(8)}}


def test_nothing_of_a_document_lies_in_clear_on_the_disk(stack: Stack, tenant: TenantAccess) -> None:
    if stack.installation.engine.dialect.name != "sqlite":
        pytest.skip("looks into SQLite's files")
    marker = uuid.uuid4().hex
    agent = json.dumps({"name": marker, "mbox": f"mailto:{marker}@example.org"})
    for resource in RESOURCES:
        changes = {"agent": agent} if "agent" in make_parameters(resource) else {}
        parameters = make_parameters(resource, **changes)
        parameters = {name: f"of {marker}" if name.endswith("eId") else value for name, value in parameters.items()}
        stored = tenant.http.post(resource.removeprefix("/xAPI/"), params=parameters, json={"who": marker})
        assert stored.status_code == 204
    database = Path(str(stack.installation.engine.url.database))
    written = b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))
    assert tenant.id.encode() in written
    assert marker.encode() not in written
