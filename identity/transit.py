"""A master key that never leaves a key service: HashiCorp Vault, OpenBao, or what else speaks their transit API.

The service wraps and unwraps the vault's key (https://openbao.org/api-docs/secret/transit/); a process asks it once,
when it starts, and stores of it nothing but ciphertext (`vault:v1:…`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from identity.errors import MasterKeyUnusable, VaultUnavailable

_SECONDS = 5.0
_PASSING = {
    403: "refuses the token: give one that is valid and may update {path}",
    412: "is not yet as new as the token: try again",
    429: "is asked too often",
    472: "is a standby of another site: name the active one",
    473: "is a standby: name the active one",
    503: "is sealed or under maintenance: unseal it",
}


class Transit:
    """A transit key of a key service as the master key; `token` is asked for anew each time, so it may be renewed.

    `mount` is the path where the engine is mounted, `namespace` "" where there are none.
    """

    kind = "transit"

    def __init__(
        self,
        address: str,
        *,
        mount: str,
        key: str,
        token: Callable[[], str],
        namespace: str = "",
        seconds: float = _SECONDS,
    ) -> None:
        self._address = address.rstrip("/")
        self._mount = mount.strip("/")
        self._key = key
        self._token = token
        self._namespace = namespace
        self._seconds = seconds

    def __str__(self) -> str:
        return f"the transit key {self._key} of {self._address}"

    def wrap(self, key: bytes) -> bytes:
        """Return `key` encrypted under the newest version of the transit key.

        Raises VaultUnavailable while the service does not answer, is sealed or refuses the token, MasterKeyUnusable
        for what waiting does not mend.
        """
        answer = self._ask("encrypt", {"plaintext": base64.b64encode(key).decode()})
        ciphertext = answer.get("ciphertext")
        if not isinstance(ciphertext, str) or not ciphertext.isascii():
            raise self._not_understood()
        return ciphertext.encode()

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return what `wrap` was given. Raises as `wrap` does."""
        answer = self._ask("decrypt", {"ciphertext": wrapped.decode("ascii", "replace")})
        try:
            return base64.b64decode(answer["plaintext"], validate=True)
        except (KeyError, TypeError, ValueError, binascii.Error):
            raise self._not_understood() from None

    def _ask(self, verb: str, body: dict[str, str]) -> dict[str, Any]:
        path = f"/v1/{quote(self._mount)}/{verb}/{quote(self._key, safe='')}"
        headers = {"X-Vault-Token": self._token(), "X-Vault-Request": "true"}
        if self._namespace:
            headers["X-Vault-Namespace"] = self._namespace
        try:
            response = httpx.post(f"{self._address}{path}", json=body, headers=headers, timeout=self._seconds)
        except httpx.InvalidURL:
            raise MasterKeyUnusable(f"The address of the key service, {self._address}, cannot be used.") from None
        except httpx.HTTPError as error:
            raise VaultUnavailable(
                f"The key service at {self._address} does not answer ({type(error).__name__}): "
                "check that it runs and can be reached."
            ) from None
        if not response.is_success:
            raise self._refused(response, path)
        return self._read_data(response)

    def _refused(self, response: httpx.Response, path: str) -> MasterKeyUnusable | VaultUnavailable:
        status = response.status_code
        if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            problem = _PASSING.get(status, "has failed").format(path=path)
            return VaultUnavailable(f"The key service at {self._address} {problem} (it answers {status}).")
        if response.is_redirect:
            return MasterKeyUnusable(
                f"The key service at {self._address} sends on to another address: name that one (it answers {status})."
            )
        told = _quote_errors(response)
        return MasterKeyUnusable(
            f"The key service at {self._address} refuses {path} (it answers {status}{told}): check mount and key, "
            "and that it is the key with which this vault was made."
        )

    def _read_data(self, response: httpx.Response) -> dict[str, Any]:
        try:
            data = response.json()["data"]
        except (ValueError, KeyError, TypeError):
            data = None
        if not isinstance(data, dict):
            raise self._not_understood()
        return data

    def _not_understood(self) -> MasterKeyUnusable:
        return MasterKeyUnusable(f"What answers at {self._address} does not speak the transit API: check the address.")


def _quote_errors(response: httpx.Response) -> str:
    """Return what the service says is wrong, as the rest of a sentence; it quotes no secret."""
    try:
        errors = response.json()["errors"]
        text = " ".join(str(errors[0]).split())
    except (ValueError, KeyError, TypeError, IndexError):
        return ""
    return f": {text[:200]}" if text.isprintable() else ""
