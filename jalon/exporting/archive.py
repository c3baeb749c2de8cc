"""A ZIP archive that is there whole or not at all, and that only its owner may read.

Its members may be written side by side and in pieces of any size: they lie in files without a name until they are
closed. The last member is the manifest, which names every other with its size and digest.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import IO, Any, Final

import orjson

from jalon.errors import WrongInput

MANIFEST: Final = "manifest.json"
_PIECE_BYTES: Final = 1024 * 1024


class Member:
    """One file of an archive while it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        """Take the file that holds it until it is closed."""
        self.file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Take more of the content."""
        self.file.write(data)
        self.digest.update(data)
        self.size += len(data)

    def write_text(self, text: str) -> None:
        """Take more of a text, as UTF-8."""
        self.write(text.encode("utf-8", "surrogatepass"))


class Archive:
    """An archive that is being written; made by `writing_archive`."""

    def __init__(self, draft: BufferedRandom, folder: Path) -> None:
        """Take the file that becomes the archive, and the folder in which there is room for its members."""
        self._draft = draft
        self._folder = folder
        self._zip = zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, allowZip64=True)
        self._files: dict[str, dict[str, Any]] = {}
        self.digest = ""
        """The SHA-256 of the whole archive, once it is complete."""

    @contextmanager
    def open(self, name: str, content_type: str = "application/octet-stream") -> Iterator[Member]:
        """Give a member to write; it is in the archive when the block ends without an exception."""
        with tempfile.TemporaryFile(dir=self._folder) as file:
            member = Member(file)
            yield member
            file.seek(0)
            with self._zip.open(name, "w", force_zip64=True) as place:
                shutil.copyfileobj(file, place, _PIECE_BYTES)
        self._files[name] = {"contentType": content_type, "bytes": member.size, "sha256": member.digest.hexdigest()}

    def add(self, name: str, content: bytes, content_type: str = "application/octet-stream") -> None:
        """Write a member at once."""
        with self.open(name, content_type) as member:
            member.write(content)

    def add_json(self, name: str, value: object) -> None:
        """Write a member of JSON, for people too."""
        self.add(name, orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n", "application/json")

    def complete(self, told: Mapping[str, Any]) -> str:
        """Write the manifest with what is `told` of the whole, and return the digest of the archive (SHA-256).

        It is on the disk then, and not yet where it is to be.
        """
        manifest = {**told, "files": dict(self._files)}
        self.add_json(MANIFEST, manifest)
        self._zip.close()
        self._draft.flush()
        os.fsync(self._draft.fileno())
        self._draft.seek(0)
        self.digest = hashlib.file_digest(self._draft, "sha256").hexdigest()
        return self.digest

    def close(self) -> None:
        """End the writing, complete or not."""
        self._zip.close()


@contextmanager
def writing_archive(path: Path) -> Iterator[Archive]:
    """Give an archive to write and complete; at the end of the block it is at `path`, with mode 0600.

    It is not there when the block raises or has not completed it. Raises WrongInput when there is a file already, or
    none can be made.
    """
    with ExitStack() as stack:
        if path.exists():
            raise _refuse(path)
        try:
            descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600 from the start
        except OSError as error:
            raise WrongInput(f"{path} cannot be written: {error.strerror}.") from None
        draft = Path(name)
        stack.callback(draft.unlink)
        file = stack.enter_context(os.fdopen(descriptor, "w+b"))
        archive = Archive(file, path.parent)
        stack.callback(archive.close)
        yield archive
        if not archive.digest:
            return
        try:
            path.hardlink_to(draft)  # unlike a rename, it never replaces a file
        except FileExistsError:
            raise _refuse(path) from None


def _refuse(path: Path) -> WrongInput:
    return WrongInput(f"There is a file {path} already: choose another name, or remove it.")
