"""The errors of this package, as one tree.

    IdentityError
    ├── InvalidValue           a name, scope, time zone or secret that cannot be used
    ├── AlreadyExists          the name is taken by something that differs
    ├── UnknownTenant          no tenant of that id
    ├── WrongCredential        the key (or name) and its secret do not belong together
    ├── UnidentifiedAgent      an agent position holds nothing that identifies: it cannot be pseudonymised
    ├── MasterKeyUnusable      the master key file is missing, malformed or readable by others
    └── IdentityUnavailable    the identity database does not answer: try again
        └── VaultUnavailable   keys are out of reach: wait, and write nothing

No error of this package holds a secret, a key, an identifier or a name of a person. A person gets `str(error)`:
one sentence that says what to do. A program gets `error.code`.
"""

from __future__ import annotations

from typing import ClassVar


class IdentityError(Exception):
    """Anything this package refuses. `code` is stable and safe to branch on or to count."""

    code: ClassVar[str] = "identity"


class InvalidValue(IdentityError):
    """A value given by an operator that cannot be used."""

    code = "invalid-value"


class AlreadyExists(IdentityError):
    """The name is taken by something that differs from what was asked for."""

    code = "already-exists"


class UnknownTenant(IdentityError):
    """There is no tenant of that id."""

    code = "unknown-tenant"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"There is no tenant {tenant!r}: add it with `jalon tenant add`.")


class WrongCredential(IdentityError):
    """The key (or name) is unknown or disabled, or the secret is not its own: which of these is not told."""

    code = "wrong-credential"

    def __init__(self) -> None:
        super().__init__("The key and the secret do not belong together: check both.")


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


class MasterKeyUnusable(IdentityError):
    """The master key cannot be read from its file."""

    code = "master-key-unusable"


class IdentityUnavailable(IdentityError):
    """The identity database cannot be reached, or refuses work for now."""

    code = "identity-unavailable"


class VaultUnavailable(IdentityUnavailable):
    """Keys cannot be had: the database does not answer, or the master key does not open it."""

    code = "vault-unavailable"
