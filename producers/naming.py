"""How an institution's things are named: IRIs of its activities, ids of statements, registrations.

All are computed, never drawn: the same input names the same things in every run. Ids and registrations are computed
from what identifies a learner, so they are keyed: without the secret nobody finds out whose one is by trying addresses.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
import uuid
from typing import Any, Final
from urllib.parse import quote

DEFAULT_HOME: Final = "https://w3id.org/jalon/tenants/{tenant}"

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://w3id.org/jalon/xapi/producers").bytes
_SEPARATOR = "\x1f"
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


class Naming:
    """The names of one tenant. `home` is the base of its activities' IRIs, without a slash at the end.

    Sources with the same `secret` give a learner the same registration to a session.
    """

    def __init__(self, tenant: str, home: str | None = None, secret: bytes = b"") -> None:
        self.tenant = tenant
        self._namespace = hmac.digest(secret, _NAMESPACE, "sha256")[:16] if secret else _NAMESPACE
        self.home = (home or DEFAULT_HOME.format(tenant=tenant)).rstrip("/")

    def session(self, identifier: str) -> str:
        """Return the IRI of a training session."""
        return f"{self.home}/sessions/{quote(identifier, safe='')}"

    def module(self, identifier: str) -> str:
        """Return the IRI of a module."""
        return f"{self.home}/modules/{quote(identifier, safe='')}"

    def pathway(self, identifier: str) -> str:
        """Return the IRI of a pathway (a GAIA dispositif)."""
        return f"{self.home}/pathways/{quote(identifier, safe='')}"

    def room(self, identifier: str) -> str:
        """Return the IRI of a room, by its identifier (of a room known by its name only: `slug(name)`)."""
        return f"{self.home}/rooms/{quote(identifier, safe='')}"

    def virtual_room(self, identifier: str) -> str:
        """Return the IRI of a virtual room."""
        return f"{self.home}/virtual-rooms/{quote(identifier, safe='')}"

    def system(self, source: str) -> str:
        """Return the IRI of a source system, the home page of the account that stands for it."""
        return f"{self.home}/systems/{quote(source, safe='')}"

    def statement_id(self, source: str, key: str) -> str:
        """Return the id of a statement: uuid5 of tenant, source and source key."""
        return self.derive("statement", source, key)

    def registration(self, session: str, ifi: dict[str, Any]) -> str:
        """Return the registration of a learner to a session, the same from every source.

        The pathway takes no part: a session belongs to one pathway, and sources of presence do not know it.
        """
        return self.derive("registration", session, identify(ifi))

    def derive(self, kind: str, *parts: str) -> str:
        """Return the uuid5 of some texts, which may identify a learner, of this tenant and under its secret."""
        return _uuid5(self._namespace, _SEPARATOR.join((kind, self.tenant, *parts)))


def derive_uuid(*parts: str) -> str:
    """Return the uuid5 of some texts that identify nobody; no two lists of texts share one by joining alike."""
    return _uuid5(_NAMESPACE, _SEPARATOR.join(parts))


def _uuid5(namespace: bytes, name: str) -> str:
    """Return what `str(uuid.uuid5(...))` does, in a quarter of its time."""
    number = bytearray(hashlib.sha1(namespace + name.encode(), usedforsecurity=False).digest()[:16])
    number[6] = number[6] & 0x0F | 0x50
    number[8] = number[8] & 0x3F | 0x80
    text = number.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def identify(ifi: dict[str, Any]) -> str:
    """Return the normal form of an agent's identifier: e-mail addresses do not differ by case."""
    if "mbox" in ifi:
        return "mbox:" + str(ifi["mbox"]).removeprefix("mailto:").lower()
    account = ifi["account"]
    return f"account:{account['homePage']}|{account['name']}"


def slug(text: str) -> str:
    """Return a name as an identifier: lower case, without accents, `-` for anything but letters and digits."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _NOT_SLUG.sub("-", plain).strip("-")
