"""Reading the log of the public conformance suite: a run counts only if all of it ran and passed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from tests.conformance.__main__ import Failure, find_node, read_result


def entry(title: str, status: str = "passed", *tests: dict[str, Any], error: str | None = None) -> dict[str, Any]:
    return {"title": title, "status": status, "tests": list(tests), "error": error}


def log(root: dict[str, Any], passed: int, failed: int, *, total: int, state: str = "finished") -> dict[str, Any]:
    return {"summary": {"total": total, "passed": passed, "failed": failed}, "state": state, "log": root}


def test_a_run_whose_tests_all_passed_is_sound() -> None:
    result = read_result(log(entry("", "passed", entry("Data", "passed", entry("one"), entry("two"))), 2, 0, total=2))
    assert result.sound
    assert result.failures == ()


def test_a_failed_test_is_named_with_the_suites_above_it_and_its_error() -> None:
    failed = entry("should be\n refused", "failed", error="Error: expected 400\ngot 200")
    result = read_result(log(entry("", "failed", entry("Data 2.2", "failed", failed, entry("two"))), 1, 1, total=2))
    assert not result.sound
    assert result.failures == (Failure("Data 2.2 > should be refused", "Error: expected 400 got 200"),)


def test_a_suite_whose_preparation_failed_is_named() -> None:
    result = read_result(log(entry("", "failed", entry("Void", "failed", entry("one"), error="hook")), 1, 1, total=2))
    assert result.failures == (Failure("Void", "hook"),)


@pytest.mark.parametrize(
    ("passed", "total", "state"), [(2, 3, "finished"), (2, 2, "cancelled"), (0, 0, "finished"), (0, 0, "error")]
)
def test_a_run_that_did_not_reach_its_end_is_not_sound(passed: int, total: int, state: str) -> None:
    result = read_result(log(entry("", "passed", entry("one"), entry("two")), passed, 0, total=total, state=state))
    assert not result.sound


def test_a_test_that_never_ended_is_named() -> None:
    result = read_result(log(entry("", "", entry("hangs", "cancelled")), 0, 0, total=1, state="cancelled"))
    assert result.failures == (Failure("hangs", "it did not come to an end"),)


def test_a_suite_without_its_packages_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match=r"bin/console_runner\.js"):
        find_node(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "console_runner.js").touch()
    with pytest.raises(typer.BadParameter, match="npm install"):
        find_node(tmp_path)
