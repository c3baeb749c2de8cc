"""Attachments of a person who was erased: which contents go with them, and taking them out of the object store.

    TENANT/erased/PSEUDONYM    a mark: this one was erased, in a form that the installation has signed
    TENANT/erasing/SHA2        a content that goes unless a statement which is under way turns out to have it

A content belongs to the actor of its statement and to whom that is about. It goes when they were all erased, in every
statement that has it. A signature holds its whole statement with all names in it: it goes with any of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError

from identity.sealing import PSEUDONYM_HOME
from lrs.attachments.descriptions import describe
from lrs.errors import AttachmentsUnavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore


def choose_contents(statements: Iterable[dict[str, Any]], erased: AbstractSet[str]) -> dict[str, bool]:
    """Return the hashes of the contents that pseudonymised statements have, and whether each one goes."""
    chosen: dict[str, bool] = {}
    for statement in statements:
        owners, named = _owners_of(statement), set(_names_in(statement))
        for description in describe(statement, 0):
            goes = not named.isdisjoint(erased) if description.is_signature else bool(owners) and owners <= erased
            chosen[description.sha2] = chosen.get(description.sha2, True) and goes
    return chosen


class AttachmentRemoval:
    """Takes contents out of a tenant's part of the object store. Everything raises AttachmentsUnavailable."""

    def __init__(self, store: ObjectStore, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    def set_aside(self, sha2: str) -> None:
        """Have nobody find a content any more, whether or not there is one."""
        self._move(f"content/{sha2}", f"erasing/{sha2}")

    def put_back(self, sha2: str) -> None:
        """Have a content found again that was set aside."""
        self._move(f"erasing/{sha2}", f"content/{sha2}")

    def list_aside(self) -> list[str]:
        """Return the hashes of what is set aside."""
        return [path.rpartition("/")[2] for path in self._list("erasing")]

    def remove(self, sha2: str, statements: Iterable[str]) -> None:
        """Remove what was set aside, and the notes that these statements came with it."""
        for name in (f"erasing/{sha2}", *(f"sent/{statement}/{sha2}" for statement in statements)):
            with _answering(), contextlib.suppress(FileNotFoundError):
                obstore.delete(self._store, f"{self._tenant}/{name}")

    def mark_erased(self, pseudonym: str, signed: str) -> None:
        """Keep the mark of an erasure."""
        with _answering():
            obstore.put(self._store, f"{self._tenant}/erased/{pseudonym}", signed.encode())

    def list_marks(self) -> set[str]:
        """Return the pseudonyms that have a mark."""
        return {path.rpartition("/")[2] for path in self._list("erased")}

    def read_mark(self, pseudonym: str) -> str:
        """Return a mark."""
        with _answering():
            return bytes(obstore.get(self._store, f"{self._tenant}/erased/{pseudonym}").bytes()).decode()

    def _move(self, start: str, end: str) -> None:
        with _answering(), contextlib.suppress(FileNotFoundError):
            obstore.rename(self._store, f"{self._tenant}/{start}", f"{self._tenant}/{end}")

    def _list(self, folder: str) -> list[str]:
        with _answering():
            return [found["path"] for page in obstore.list(self._store, f"{self._tenant}/{folder}") for found in page]


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        raise AttachmentsUnavailable(
            "The object store of attachments does not answer: run the command again later."
        ) from error


def _owners_of(statement: Mapping[str, Any]) -> set[str]:
    target = statement["object"]
    about = [target] if target.get("objectType") in ("Agent", "Group") else []
    return {name for agent in (statement["actor"], *about) for name in _names_in(agent)}


def _names_in(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        if value.get("homePage") == PSEUDONYM_HOME and isinstance(value.get("name"), str):
            yield value["name"]
        for item in value.values():
            yield from _names_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names_in(item)
