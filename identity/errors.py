"""The errors of this package, as one tree.

    IdentityError
    ├── InvalidValue           a name, scope, time zone or secret that cannot be used
    │   └── InvalidPolicy      a policy that cannot be read, with the place of each problem
    ├── AlreadyExists          the name is taken by something that differs
    ├── UnknownTenant          no tenant of that id
    ├── TenantSuspended        the tenant is there, and nobody may use it for now
    ├── UnknownProfile         the tenant brought no xAPI profile of that id
    ├── UnknownAccount         nobody of that name signs in here
    ├── WrongCredential        the key (or name) and its secret do not belong together
    ├── LockedOut              too many failures: wait before the next attempt
    ├── NoRole                 the identity provider knows somebody who has no role here
    ├── UnidentifiedAgent      an agent position holds nothing that identifies: it cannot be pseudonymised
    ├── AuditBroken            the audit trail is not what was written
    ├── MasterKeyUnusable      the master key is missing, malformed, open to others, or another vault's
    └── IdentityUnavailable    the identity database does not answer: try again
        └── VaultUnavailable   keys are out of reach: wait, and write nothing
            └── KeyRotated     the tenant has a newer key: take its keys anew

No error of this package holds a secret, a key, an identifier or a name of a person. A person gets `str(error)`:
one sentence that says what to do. A program gets `error.code`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple


class IdentityError(Exception):
    """Anything this package refuses. `code` is stable and safe to branch on or to count."""

    code: ClassVar[str] = "identity"


class InvalidValue(IdentityError):
    """A value given by an operator that cannot be used."""

    code = "invalid-value"


class PolicyProblem(NamedTuple):
    """What is wrong with a policy: where (JSON pointer), what is expected there, and what was found."""

    pointer: str
    expected: str
    found: str


class InvalidPolicy(InvalidValue):
    """A policy that cannot be used; `problems` has all that is wrong with it."""

    code = "invalid-policy"

    def __init__(self, problems: Sequence[PolicyProblem]) -> None:
        told = "; ".join(
            f"at {each.pointer or '/'}: {each.expected}, found {each.found or 'none'}" for each in problems
        )
        super().__init__(f"The policy cannot be used: {told}.")
        self.problems = tuple(problems)


class AlreadyExists(IdentityError):
    """The name is taken by something that differs from what was asked for."""

    code = "already-exists"


class UnknownTenant(IdentityError):
    """There is no tenant of that id."""

    code = "unknown-tenant"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"There is no tenant {tenant!r}: add it with `jalon tenant add`.")


class UnknownProfile(IdentityError):
    """The tenant brought no xAPI profile of that id."""

    code = "unknown-profile"

    def __init__(self, tenant: str, profile: str) -> None:
        super().__init__(f"{tenant!r} has no profile {profile!r}: `jalon profile list {tenant}` shows those it has.")


class TenantSuspended(IdentityError):
    """The tenant is suspended: nothing of it is lost, and nobody may use it until it is resumed."""

    code = "tenant-suspended"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"The tenant {tenant!r} is suspended: `jalon tenant resume` ends that.")


class WrongCredential(IdentityError):
    """The key (or name) is unknown or disabled, or the secret is not its own: which of these is not told."""

    code = "wrong-credential"

    def __init__(self) -> None:
        super().__init__("The key and the secret do not belong together: check both.")


class UnknownAccount(IdentityError):
    """Nobody of that name signs in here."""

    code = "unknown-account"

    def __init__(self) -> None:
        super().__init__("There is no account of that name: `jalon account list` shows them.")


class LockedOut(IdentityError):
    """There were too many failures for this name or from this address. `seconds` is how long to wait."""

    code = "locked-out"

    def __init__(self, seconds: float) -> None:
        super().__init__("There were too many failures to sign in: wait, then try again.")
        self.seconds = seconds


class NoRole(IdentityError):
    """Whom the identity provider named has no account here, and none of the roles it gave is one of ours."""

    code = "no-role"

    def __init__(self) -> None:
        super().__init__("This person has no role here: grant one, or have the identity provider name one.")


class UnidentifiedAgent(IdentityError):
    """An agent position holds no agent or group that can be replaced by a pseudonym.

    `index` is the statement's place in the batch, `pointer` the JSON pointer inside the statement.
    """

    code = "unidentified-agent"

    def __init__(self, index: int, pointer: str) -> None:
        super().__init__(
            f"/{index}{pointer}: expected an agent or group with mbox, mbox_sha1sum, openid or account, "
            "or a group with members."
        )
        self.index = index
        self.pointer = pointer


class AuditBroken(IdentityError):
    """The audit trail is not what was written. `number` is the first entry that is not."""

    code = "audit-broken"

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(
            f"The audit trail is not whole at entry {number}: {problem}. "
            "Keep the database as it is, and compare it with its backups."
        )
        self.number = number


class MasterKeyUnusable(IdentityError):
    """The master key cannot be had from where it should be, or does not open this vault: waiting will not help."""

    code = "master-key-unusable"


class IdentityUnavailable(IdentityError):
    """The identity database cannot be reached, or refuses work for now."""

    code = "identity-unavailable"


class VaultUnavailable(IdentityUnavailable):
    """Keys cannot be had: the database or the key service does not answer, or a key in the database does not open."""

    code = "vault-unavailable"


class KeyRotated(VaultUnavailable):
    """No learner's key is made under a key of the tenant that is not its newest."""

    code = "key-rotated"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"The key of tenant {tenant!r} was rotated meanwhile: take its keys anew and try again.")
