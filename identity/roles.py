"""Roles: what a person may do, and for which tenant. The table here is the only place that says which role allows what.

A right appears in it when a page asks for it, not before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from identity.errors import InvalidValue

OPERATOR = "operator"
"""The one role that is not for a tenant: it holds for all of them."""


class Right(StrEnum):
    """What a page may ask for."""

    SEE_BOARDS = "see-boards"


RIGHTS: Mapping[str, frozenset[Right]] = {
    OPERATOR: frozenset({Right.SEE_BOARDS}),
    "administrator": frozenset({Right.SEE_BOARDS}),
    "analyst": frozenset({Right.SEE_BOARDS}),
    "viewer": frozenset({Right.SEE_BOARDS}),
    "dpo": frozenset({Right.SEE_BOARDS}),
}
"""What each role allows. A data protection officer sees the boards, to judge what they show (docs/decisions/0023)."""


@dataclass(frozen=True, slots=True, order=True)
class Role:
    """A role for one tenant, written `TENANT:NAME`, or the operator's, for all of them, written `operator`."""

    tenant: str
    name: str

    def __str__(self) -> str:
        return f"{self.tenant}:{self.name}" if self.tenant else self.name

    @classmethod
    def parse(cls, text: str) -> Role:
        """Return the role that `str` wrote. Raises InvalidValue."""
        tenant, _, name = text.rpartition(":")
        if name not in RIGHTS or (name == OPERATOR) == bool(tenant):
            names = ", ".join(sorted(set(RIGHTS) - {OPERATOR}))
            raise InvalidValue(f"A role is written TENANT:ROLE, with one of {names}, or `{OPERATOR}` for all tenants.")
        return cls(tenant, name)


def may(roles: Iterable[Role], right: Right, tenant: str) -> bool:
    """Tell whether somebody with these roles has a right at a tenant."""
    return any(right in RIGHTS[role.name] and role.tenant in {"", tenant} for role in roles)


def read_claim(value: object, known: Mapping[str, Iterable[Role]]) -> frozenset[Role]:
    """Return the roles that a claim of an identity provider gives: a list of words, or words parted by spaces.

    With `known`, a word is what it says there (a group's name, say); without, a role as `Role` writes it. Words that
    are neither are the provider's own affair and give nothing.
    """
    words = value.split() if isinstance(value, str) and not known else [value] if isinstance(value, str) else value
    roles: set[Role] = set()
    for word in words if isinstance(words, list) else ():
        if not isinstance(word, str):
            continue
        if known:
            roles.update(known.get(word, ()))
            continue
        try:
            roles.add(Role.parse(word))
        except InvalidValue:
            continue
    return frozenset(roles)
