"""2,000 real statements of FUN-MOOC (openfun/ralph, MIT), imported, read back and imported again."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from jalon.cli import main
from tests.stack import Stack, TenantAccess

STATEMENTS = Path(__file__).parents[3] / "shared" / "data" / "fun-mooc-statements.jsonl.gz"
ADDED_BY_THE_STORE = {"stored", "authority", "version"}

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def originals() -> dict[str, Any]:
    if not STATEMENTS.is_file():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{STATEMENTS.name} is not in shared/data/, and CI may not do without it")
        pytest.skip("the real statements of shared/data/ are not on this machine")
    with gzip.open(STATEMENTS, "rb") as lines:
        statements = [json.loads(line) for line in lines]
    return {statement["id"]: statement for statement in statements}


def run_import(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> dict[str, Any]:
    monkeypatch.setenv("JALON_DATA_DIR", str(stack.settings.data_dir))
    with pytest.raises(SystemExit) as ended:
        main(["import", *arguments])
    printed = capsys.readouterr()
    assert ended.value.code == 0, printed.err
    report: dict[str, Any] = json.loads(printed.out.splitlines()[-1])
    return report


@pytest.mark.parametrize("via", ["lrs", "kafka"])
def test_real_statements_are_stored_once_and_read_back_equal(
    stack: Stack,
    tenant: TenantAccess,
    originals: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    via: str,
) -> None:
    arguments = (str(STATEMENTS), "--tenant", tenant.id, "--via", via)
    first = run_import(stack, capsys, monkeypatch, *arguments)
    assert first.pop("seconds") > 0
    assert first == {"read": 2000, "accepted": 2000, "duplicate": 0, "rejected": 0, "stored": 2000}

    stored = read_all(tenant)
    assert stored.keys() == originals.keys()
    for statement_id, statement in stored.items():
        assert statement.keys() - originals[statement_id].keys() <= ADDED_BY_THE_STORE
        assert {key: statement[key] for key in originals[statement_id]} == originals[statement_id]

    again = run_import(stack, capsys, monkeypatch, *arguments)
    del again["seconds"]
    assert again == {"read": 2000, "accepted": 0, "duplicate": 2000, "rejected": 0, "stored": 2000}


def read_all(tenant: TenantAccess) -> dict[str, Any]:
    """Page through everything by the `more` links."""
    found: dict[str, Any] = {}
    target = "statements?limit=500"
    while target:
        answer = tenant.http.get(urljoin(str(tenant.http.base_url), target))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found |= {statement["id"]: statement for statement in page["statements"]}
        target = page["more"]
    return found
