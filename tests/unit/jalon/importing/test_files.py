from __future__ import annotations

import gzip
import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from jalon.errors import WrongInput
from jalon.importing.files import read_statements


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    ("content", "places"),
    [
        (b'{"n": 1}\n{"n": 2}\n', ["f:1", "f:2"]),
        (b'\n\n{"n": 1}\n\n{"n": 2}', ["f:3", "f:5"]),
        (b'[{"n": 1}, {"n": 2}]', ["f[0]", "f[1]"]),
        (b'  \n[\n {"n": 1},\n {"n": 2}\n]\n', ["f[0]", "f[1]"]),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_json_and_json_lines_are_read_plain_or_gzipped(
    tmp_path: Path, content: bytes, places: list[str], zipped: bool
) -> None:
    path = write(tmp_path / "f", gzip.compress(content) if zipped else content)
    found = list(read_statements([path]))
    assert [one.statement["n"] for one in found] == [1, 2]
    assert [one.place for one in found] == places


def test_one_object_over_several_lines_is_one_statement(tmp_path: Path) -> None:
    assert [one.statement for one in read_statements([write(tmp_path / "f", b'{\n "n": 1\n}\n')])] == [{"n": 1}]


def test_a_broken_line_is_told_by_its_number_and_the_rest_is_read(tmp_path: Path) -> None:
    found = list(read_statements([write(tmp_path / "f", b'{"n": 1}\n{broken\n{"n": 3}\n')]))
    assert [one.place for one in found] == ["f:1", "f:2", "f:3"]
    assert found[1].problem
    assert found[1].raw == "{broken"
    assert found[2].statement == {"n": 3}


def test_a_broken_first_line_is_no_reason_to_lose_the_others(tmp_path: Path) -> None:
    found = list(read_statements([write(tmp_path / "f", b'{broken\n{"n": 2}\n')]))
    assert [bool(one.problem) for one in found] == [True, False]


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_file_holds_nothing(tmp_path: Path, content: bytes) -> None:
    assert list(read_statements([write(tmp_path / "f", content)])) == []


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(b'{"n": 1}\n'))))
    assert [one.place for one in read_statements(["-"])] == ["standard input:1"]


def test_what_cannot_be_opened_or_unzipped_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WrongInput, match="missing cannot be read"):
        list(read_statements([str(tmp_path / "missing")]))
    cut = write(tmp_path / "cut.gz", gzip.compress(b'{"n": 1}\n' * 1000)[:40])
    with pytest.raises(WrongInput, match=r"cut\.gz cannot be read"):
        list(read_statements([cut]))
    with pytest.raises(WrongInput, match="begins as a JSON array"):
        list(read_statements([write(tmp_path / "f", b'[{"n": 1},')]))
