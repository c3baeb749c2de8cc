"""What the running product's receivers take is what its LRS gives back."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from identity.codes import Holder, make_codes
from identity.tablets import add_tablet
from identity.webhooks import add_webhook
from tests.contract.test_secured_kafka import post
from tests.stack import Stack, TenantAccess
from tests.waiting import eventually

pytestmark = pytest.mark.integration

BY = {"who": "process:tests", "why": ""}


@pytest.fixture
def http() -> Any:
    with httpx.Client(trust_env=False, timeout=30) as client:
        yield client


def read_verbs(tenant: TenantAccess) -> list[str]:
    answer = tenant.http.get("statements", params={"ascending": "true"})
    answer.raise_for_status()
    return [one["verb"]["id"] for one in answer.json()["statements"]]


def test_an_event_of_bigbluebutton_is_read_back_once_however_often_it_came(
    stack: Stack, tenant: TenantAccess, http: httpx.Client
) -> None:
    installation, secret = stack.installation, secrets.token_hex(16)
    token = add_webhook(
        installation.engine, installation.master, installation.audit, tenant.id, "bigbluebutton", secret, {}, **BY
    )
    address = f"{stack.settings.webhooks_local_url}/hooks/{token}"
    eventually(lambda: post(http, address, secret).status_code == 200)
    for _ in range(3):
        assert post(http, address, secret).status_code == 200
    assert read_verbs(tenant) == ["http://activitystrea.ms/join"]
    assert post(http, address, "another").status_code == 403


def test_who_signs_in_at_a_tablet_is_read_back_at_once(stack: Stack, tenant: TenantAccess, http: httpx.Client) -> None:
    installation, now = stack.installation, datetime.now(UTC)
    holder = Holder({"mbox": "mailto:zoe@example.org"}, "Zoé")
    (code,) = make_codes(
        installation.vault,
        installation.master,
        installation.audit,
        tenant.id,
        "S1",
        [holder],
        since=now - timedelta(days=1),
        until=now + timedelta(days=1),
        **BY,
    )
    token = add_tablet(
        installation.engine, installation.master, installation.audit, tenant.id, "Salle 12", [], emails=False, **BY
    )
    address = f"{stack.settings.webhooks_local_url}/rooms/{token}"
    eventually(lambda: http.get(address).status_code == 200)
    answer = http.post(address, data={"code": code or ""})
    assert answer.status_code == 200
    assert 'data-page="arrival"' in answer.text
    assert read_verbs(tenant) == ["http://activitystrea.ms/checkin"]
