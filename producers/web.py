"""What another system answers over HTTP, read whole and bounded.

Addresses may hold secrets: errors name the host alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import httpx

from producers.errors import UnreadableInput

LARGEST: Final = 256 * 1024 * 1024
"""The longest answer that is read, in bytes."""
_SECONDS: Final = 120


def open_client(*, through_proxy: bool = False, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """Return a client; `through_proxy` follows the proxies of the environment, which only the command line should."""
    return httpx.Client(timeout=_SECONDS, follow_redirects=True, trust_env=through_proxy, transport=transport)


def fetch(client: httpx.Client, url: str, form: Mapping[str, str] | None = None, *, largest: int = LARGEST) -> bytes:
    """Return what an address answers, to a form posted if one is given. Raises UnreadableInput."""
    host = find_host(url)
    try:
        # A form that was redirected would come as a GET without its fields.
        with client.stream("GET" if form is None else "POST", url, data=form, follow_redirects=form is None) as answer:
            if not answer.is_success:
                raise UnreadableInput(f"{host} answered {answer.status_code}: check the address and what it may show.")
            body = bytearray()
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > largest:
                    raise UnreadableInput(f"{host} answered more than {largest // 1024 // 1024} MB: ask it for less.")
            return bytes(body)
    except httpx.HTTPError as error:
        raise UnreadableInput(
            f"{host} cannot be read ({type(error).__name__}): check the address, or try again."
        ) from error


def find_host(url: str) -> str:
    """Return the host of an address, which is all of it that is ever shown. Raises UnreadableInput."""
    try:
        host = httpx.URL(url).host
    except httpx.InvalidURL:
        host = ""
    if not host:
        raise UnreadableInput("The address is no URL, such as https://host/path.")
    return host
