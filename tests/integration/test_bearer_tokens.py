"""A person signed in to an identity provider writes and reads through LRS, Kafka, processor and ClickHouse."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from jalon.ports import free_ports
from tests.oidc_provider import CLIENT, provide, sign_in
from tests.stack import Stack, TenantAccess
from tests.statements import make_statement
from tests.waiting import eventually

pytestmark = pytest.mark.integration

RUN = """
import sys
from pathlib import Path
from jalon.processes import run_lrs
from jalon.settings import Settings
run_lrs(Settings.restore(Path(sys.argv[1]).read_text()))
"""


@contextmanager
def run_lrs(stack: Stack, folder: Path, **changes: Any) -> Iterator[str]:
    """Run another LRS of the same installation, with other settings; gives its address."""
    (port,) = free_ports(1)
    settings = stack.settings.model_copy(update={"lrs_port": port, "lrs_public_url": "", **changes})
    file = folder / "settings.json"
    file.touch(mode=0o600)
    file.write_text(settings.dump())
    with subprocess.Popen([sys.executable, "-c", RUN, str(file)]) as process:
        try:
            eventually(lambda: _is_ready(settings.lrs_local_url))
            yield settings.lrs_local_url
        finally:
            process.terminate()
            process.wait(30)


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_each_user_of_an_application_reads_what_is_theirs(stack: Stack, tenant: TenantAccess, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    scopes = "statements/write statements/read/mine"
    users = [{"sub": sub, "tenant": tenant.id, "xapi": scopes, "azp": "moodle"} for sub in ("ada", "bob")]
    oidc = {"oidc_audience": CLIENT, "oidc_scope_claim": "xapi", "lrs_rate_per_second": 0.01, "lrs_rate_burst": 3}
    with provide(port, *users) as issuer, run_lrs(stack, tmp_path, oidc_issuer=issuer, **oidc) as address:
        clients = {user["sub"]: sign(address, sign_in(issuer, user["sub"])) for user in users}
        for name, client in clients.items():
            written = client.post("statements", json=make_statement(actor={"mbox": f"mailto:{name}@example.org"}))
            assert written.status_code == 200
        for client in clients.values():
            assert len(client.get("statements").json()["statements"]) == 1
            assert client.get("statements").status_code == 200
            assert client.get("statements").status_code == 429
            client.close()
    # A credential that sees identities finds both, with who vouches for them.
    statements = tenant.http.get("statements").json()["statements"]
    assert {each["authority"]["account"]["name"] for each in map(last_of_authority, statements)} == {"ada", "bob"}


def last_of_authority(statement: dict[str, Any]) -> dict[str, Any]:
    authority = statement["authority"]
    return {"authority": authority.get("member", [authority])[-1]}


def sign(address: str, token: str) -> httpx.Client:
    headers = {"X-Experience-API-Version": "1.0.3", "Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{address}/xAPI/", headers=headers, trust_env=False, timeout=30)
