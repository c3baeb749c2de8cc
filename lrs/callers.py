"""Who calls, as the handling of a request needs to know it: for which tenant, and what the credential allows."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Literal

from identity.credentials import SCOPES, Credential
from identity.erasures import NOBODY, Erased
from identity.keys import TenantKeys
from lrs.errors import Forbidden

DocumentScope = Literal["state", "profile"]


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified credential with what the request's handling needs of its tenant."""

    credential: Credential
    keys: TenantKeys = field(repr=False)
    authority: dict[str, Any]
    """The agent, or application with its user, set as the authority of what this credential writes."""
    authority_pseudonyms: tuple[str, ...]
    """How that agent is called in the store: under each key that the tenant has had, the newest first."""
    bearer: bool = False
    """Whether the credential is a bearer token."""
    erased: Erased = NOBODY
    """Who was erased of its tenant, when the request began."""

    @property
    def tenant(self) -> str:
        """The tenant that the credential belongs to, and the only one it can reach."""
        return self.credential.tenant

    def may_write(self) -> None:
        """Raise Forbidden unless statements may be written."""
        self._need("statements/write", {"all", "statements/write"})

    def may_read(self) -> bool:
        """Raise Forbidden unless statements may be read; return whether only the credential's own may be."""
        self._need("statements/read", {"all", "all/read", "statements/read", "statements/read/mine"})
        return self.credential.scopes.isdisjoint({"all", "all/read", "statements/read"})

    def may_read_documents(self, scope: DocumentScope) -> None:
        """Raise Forbidden unless documents of this kind may be read."""
        self._need(scope, {"all", "all/read", scope})

    def may_write_documents(self, scope: DocumentScope) -> None:
        """Raise Forbidden unless documents of this kind may be written and deleted."""
        self._need(scope, {"all", scope})

    def may_define(self) -> bool:
        """Return whether what is written (re)defines activities; without it they are only used."""
        return not self.credential.scopes.isdisjoint({"all", "define"})

    def may_read_definitions(self) -> None:
        """Raise Forbidden unless the activities and agents resources may be read: whoever has any scope but one to
        write statements needs to know what they are about.
        """
        self._need("all/read", SCOPES - {"statements/write"})

    def _need(self, scope: str, one_of: AbstractSet[str]) -> None:
        if self.credential.scopes.isdisjoint(one_of):
            raise Forbidden(
                f"This credential lacks the scope {scope}: ask your administrator for one that has it.",
                details={"scope": scope},
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'}
                if self.bearer
                else None,
            )
