"""What the object store holds for a tenant: listed, and removed as a whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from lrs.errors import AttachmentsUnavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore


def list_contents(store: ObjectStore, tenant: str) -> Iterator[tuple[str, int]]:
    """Yield hash and sealed size of every content that the tenant has. Raises AttachmentsUnavailable."""
    with _translated():
        for batch in obstore.list(store, f"{tenant}/content"):
            for found in batch:
                yield found["path"].rpartition("/")[2], int(found["size"])


def remove_all(store: ObjectStore, tenant: str) -> int:
    """Remove everything that lies under the tenant's name, and return how many objects it was.

    A content on its way in is nobody's yet; it goes with the next sweep. Raises AttachmentsUnavailable.
    """
    removed = 0
    with _translated():
        for batch in obstore.list(store, tenant, chunk_size=1_000):
            paths = [found["path"] for found in batch]
            obstore.delete(store, paths)
            removed += len(paths)
        if isinstance(store, LocalStore):
            # Folders are no objects: without this, the tenant's name would stay.
            shutil.rmtree(Path(str(store.prefix)) / tenant, ignore_errors=True)
    return removed


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise AttachmentsUnavailable(
            f"The object store of attachments does not answer ({type(error).__name__}): check its address, then go on."
        ) from error
