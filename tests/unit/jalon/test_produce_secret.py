from __future__ import annotations

from pathlib import Path

import pytest

from jalon.commands.produce.secret import read_secret
from jalon.errors import WrongInput


def test_a_secret_is_the_text_or_the_first_line_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("abc \nmore\n", encoding="utf-8")
    assert read_secret("--token", "abc") == "abc"
    assert read_secret("--token", f"@{file}") == "abc"
    file.write_text("", encoding="utf-8")
    assert read_secret("--token", f"@{file}") == ""


def test_a_file_that_is_not_there_is_told_with_its_option(tmp_path: Path) -> None:
    with pytest.raises(WrongInput, match="--token"):
        read_secret("--token", f"@{tmp_path / 'none'}")
