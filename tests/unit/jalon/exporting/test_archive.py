from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from jalon.errors import WrongInput
from jalon.exporting.archive import MANIFEST, writing_archive


def test_an_archive_is_private_whole_and_tells_the_digest_of_each_file(tmp_path: Path) -> None:
    path = tmp_path / "ada.zip"
    with writing_archive(path) as archive:
        with archive.open("one.txt", "text/plain") as one, archive.open("two.txt", "text/plain") as two:
            for number in range(100):
                one.write_text(f"{number}\n")
                two.write_text("é")
        archive.add_json("three.json", {"three": 3})
        digest = archive.complete({"form": "test/1"})
        assert not path.exists()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    with zipfile.ZipFile(path) as found:
        assert found.testzip() is None
        manifest = json.loads(found.read(MANIFEST))
        assert manifest["form"] == "test/1"
        assert set(found.namelist()) == {MANIFEST, *manifest["files"]} == {MANIFEST, "one.txt", "two.txt", "three.json"}
        for name, told in manifest["files"].items():
            content = found.read(name)
            assert told["bytes"] == len(content)
            assert told["sha256"] == hashlib.sha256(content).hexdigest()
        assert found.read("two.txt").decode() == 100 * "é"
    assert list(tmp_path.iterdir()) == [path]


def write_and_fail(path: Path) -> None:
    with writing_archive(path) as archive:
        archive.add("one.txt", b"1")
        archive.complete({})
        raise ZeroDivisionError


def fail_in_a_member(path: Path) -> None:
    with writing_archive(path) as archive, archive.open("one.txt") as one:
        one.write(b"1")
        raise ZeroDivisionError


def write_while_another_does(path: Path) -> None:
    with writing_archive(path) as archive:
        archive.complete({})
        path.write_bytes(b"yours")


@pytest.mark.parametrize("fail", [write_and_fail, fail_in_a_member])
def test_nothing_is_left_of_an_archive_that_fails(tmp_path: Path, fail: Callable[[Path], None]) -> None:
    with pytest.raises(ZeroDivisionError):
        fail(tmp_path / "ada.zip")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_was_not_completed_is_not_there(tmp_path: Path) -> None:
    with writing_archive(tmp_path / "ada.zip") as archive:
        archive.add("one.txt", b"1")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "ada.zip"
    path.write_bytes(b"mine")
    with pytest.raises(WrongInput), writing_archive(path):
        pass
    path.unlink()
    with pytest.raises(WrongInput):
        write_while_another_does(path)
    assert path.read_bytes() == b"yours"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(WrongInput, match="cannot be written"), writing_archive(tmp_path / "nowhere" / "ada.zip"):
        pass
