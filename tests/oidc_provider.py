"""An OpenID Connect provider as a process of its own, for tests that sign in to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.waiting import eventually

CLIENT = "moodle"
BACK = "https://moodle.example/back"


@contextmanager
def provide(port: int, *users: dict[str, str]) -> Iterator[str]:
    """Run the provider with these users; its key is a new one every time."""
    claims = [argument for user in users for argument in ("--user-claims", json.dumps(user))]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *claims]
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"NO_COLOR": "1"}) as process:
        try:
            eventually(lambda: _answers(address))
            yield address
        finally:
            process.terminate()
            process.wait(10)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/jwks", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def sign_in(address: str, user: str) -> str:
    """Go the way of a browser (authorization code flow); return the token that the provider signed."""
    with httpx.Client(base_url=address, trust_env=False) as browser:
        asked = {"client_id": CLIENT, "redirect_uri": BACK, "response_type": "code", "scope": "openid"}
        back = browser.post("/oauth2/authorize", params=asked, data={"sub": user}).headers["location"]
        code = parse_qs(urlsplit(back).query)["code"][0]
        sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        answer = browser.post("/oauth2/token", data=sent, auth=(CLIENT, "any"))
        token: str = answer.raise_for_status().json()["id_token"]
        return token
