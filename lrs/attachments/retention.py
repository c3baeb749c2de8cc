"""Attachments that nothing is left of: set aside, and removed for good two days later.

An attachment is in place before the statement that came with it is accepted, and a content that is there already is not
put again. So one that is removed at the very moment in which it is sent anew would be lost. Set aside, it is read as
before; when it turns out later that a statement names it after all, it is put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import BaseError

from lrs.errors import AttachmentsUnavailable

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

T = TypeVar("T")

_UNSETTLED = timedelta(days=1)
_ASIDE_DAYS = 2


@dataclass(frozen=True, slots=True)
class Removable:
    """What `find` found: how many contents, and their size in the store."""

    names: tuple[str, ...]
    bytes: int


class TenantObjects:
    """The attachments of one tenant, at the instant `now`. Everything raises AttachmentsUnavailable."""

    def __init__(self, store: ObjectStore, tenant: str, now: datetime) -> None:
        self._store = store
        self._tenant = tenant
        self._now = now

    def find(self, stays: Callable[[str], bool]) -> Removable:
        """Return the hashes of the contents that do not stay; those of the last day are not looked at yet."""
        names, size = [], 0
        for one in self._list("content"):
            sha2 = one["path"].rpartition("/")[2]
            if one["last_modified"] < self._now - _UNSETTLED and not stays(sha2):
                names.append(sha2)
                size += one["size"]
        return Removable(tuple(names), size)

    def set_aside(self, removable: Removable) -> None:
        """Have the contents aside from today."""
        day = self._now.date().isoformat()
        for sha2 in removable.names:
            self._move(f"content/{sha2}", f"set-aside/{sha2}/{day}")

    def settle(self, stays: Callable[[str], bool]) -> int:
        """Put back what stays after all, remove what was set aside two days ago; return how many were removed."""
        removed = 0
        for one in list(self._list("set-aside")):
            name = one["path"].removeprefix(f"{self._tenant}/")
            _, sha2, day = name.split("/")
            if stays(sha2):
                self._move(name, f"content/{sha2}")
            elif date.fromisoformat(day) <= self._now.date() - timedelta(days=_ASIDE_DAYS):
                self._remove(name)
                removed += 1
        return removed

    def list_marks(self) -> Iterator[tuple[str, str]]:
        """Yield the statements that came with a content although they name a URL too, with its hash (`sent`)."""
        for one in self._list("sent"):
            if one["last_modified"] < self._now - _UNSETTLED:
                _, _, statement_id, sha2 = one["path"].split("/")
                yield statement_id, sha2

    def remove_mark(self, statement_id: str, sha2: str) -> None:
        """Forget that a statement came with a content."""
        self._remove(f"sent/{statement_id}/{sha2}")

    def _list(self, folder: str) -> Iterator[ObjectMeta]:
        pages = iter(obstore.list(self._store, f"{self._tenant}/{folder}"))
        while page := _answer(lambda: next(pages, None)):
            yield from page

    def _move(self, source: str, target: str) -> None:
        _answer(lambda: obstore.rename(self._store, f"{self._tenant}/{source}", f"{self._tenant}/{target}"))

    def _remove(self, name: str) -> None:
        _answer(lambda: obstore.delete(self._store, f"{self._tenant}/{name}"))


def _answer(call: Callable[[], T]) -> T | None:
    """Return what a call to the object store gives, None for what is not there (any more)."""
    try:
        return call()
    except FileNotFoundError:
        return None
    except (BaseError, OSError) as error:
        raise AttachmentsUnavailable("The object store of the attachments does not answer.") from error
