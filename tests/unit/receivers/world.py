"""The receivers with everything real but Kafka, and clients that sign as BigBlueButton and Zoom do."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from identity.audit import AuditTrail
from identity.database import open_database
from identity.keys import MasterKey, draw_key
from identity.tenants import add_tenant
from identity.webhooks import add_webhook
from producers.naming import Naming
from receivers.app import LIMITS, Parts, create_app
from tests.unit.lrs.doubles import MemoryLog

URL = "https://jalon.example.org/in"
SECRET = "a shared secret of the tests"


def name_tenant(tenant: str, home: str) -> Naming:
    return Naming(tenant, home or None, b"of " + tenant.encode())


@dataclass
class World:
    engine: Any
    master: MasterKey
    trail: AuditTrail
    log: MemoryLog
    http: httpx.AsyncClient
    folder: Path

    def add_tenant(self, name: str = "Institut") -> str:
        tenant = f"t-{secrets.token_hex(4)}"
        add_tenant(self.engine, self.master, tenant, name)
        return tenant

    def add_webhook(self, source: str, tenant: str | None = None, **options: Any) -> str:
        """Add a webhook, of a tenant of its own unless told, and return the path of its address."""
        by = {"who": "process:tests", "why": ""}
        token = add_webhook(
            self.engine, self.master, self.trail, tenant or self.add_tenant(), source, SECRET, options, **by
        )
        return f"/hooks/{token}"

    async def post_bigbluebutton(self, path: str, *events: Any, secret: str = SECRET, **more: Any) -> httpx.Response:
        body = urlencode(
            {
                "domain": "bbb.example.org",
                "event": json.dumps(events, ensure_ascii=False, separators=(",", ":")),
                "timestamp": 1_795_507_200_123,
            }
        )
        checksum = hashlib.sha256(f"{URL}{path}{body}{secret}".encode()).hexdigest()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return await self.http.post(f"{path}?checksum={checksum}", content=body, headers=headers, **more)

    async def post_zoom(self, path: str, event: Any, *, secret: str = SECRET, sent: float | None = None) -> Any:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        timestamp = str(int(time.time() if sent is None else sent))
        digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {"x-zm-signature": f"v0={digest}", "x-zm-request-timestamp": timestamp}
        return await self.http.post(path, content=body, headers=headers)

    def read_rejected(self, tenant: str, source: str) -> list[dict[str, Any]]:
        path = self.folder / tenant / f"{source}-rejected.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


@asynccontextmanager
async def open_world(database: str, folder: Path, like: World | None = None, **parts: Any) -> AsyncIterator[World]:
    """Open the receivers; as another process of the same installation as `like`, if given."""
    engine = open_database(database)
    master, log = (MasterKey(draw_key()), MemoryLog()) if like is None else (like.master, like.log)
    app = create_app(
        Parts(
            log=log,
            engine=engine,
            master=master,
            name_tenant=name_tenant,
            folder=folder,
            public_url=URL,
            **{"limits": LIMITS, **parts},
        )
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=f"http://{urlsplit(URL).hostname}") as http,
    ):
        try:
            yield World(engine, master, AuditTrail(engine, master), log, http, folder)
        finally:
            log.acknowledges.set()
    engine.dispose()


def bbb_event(kind: str, at: int = 1_795_507_200_123, **user: Any) -> dict[str, Any]:
    return {
        "data": {
            "type": "event",
            "id": kind,
            "attributes": {
                "meeting": {"internal-meeting-id": "m-1", "external-meeting-id": "ih-S200"},
                "user": {"internal-user-id": "w_one", "external-user-id": "zoe@example.org", "name": "Zoé", **user},
            },
            "event": {"ts": at},
        }
    }


def zoom_event(kind: str, at: str, told: float | None = None, **participant: Any) -> dict[str, Any]:
    return {
        "event": f"meeting.participant_{kind}",
        "event_ts": int((time.time() if told is None else told) * 1000),
        "payload": {
            "account_id": "A",
            "object": {
                "uuid": "4444AAA==",
                "id": "82000000001",
                "host_id": "h1",
                "topic": "Négocier [S200]",
                "participant": {
                    "user_id": "7",
                    "user_name": "Zoé",
                    "email": "zoe@example.org",
                    ("join_time" if kind == "joined" else "leave_time"): at,
                    **participant,
                },
            },
        },
    }
