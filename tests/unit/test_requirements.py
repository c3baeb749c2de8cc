"""The check of the locks finds what is wrong with them (requirements/lock.py)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from requirements import lock

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture
def texts() -> dict[str, str]:
    return {name: (ROOT / "requirements" / name).read_text(encoding="utf-8") for name in ("run.txt", "dev.txt")}


def test_locks_fit_the_project(project: dict[str, Any], texts: dict[str, str]) -> None:
    assert lock.find_problems(project, texts) == []


def test_new_dependency_is_missed(project: dict[str, Any], texts: dict[str, str]) -> None:
    project["project"]["dependencies"].append("left-pad>=1")
    assert lock.find_problems(project, texts) == ["run.txt: left-pad is missing.", "dev.txt: left-pad is missing."]


def test_raised_bound_is_noticed(project: dict[str, Any], texts: dict[str, str]) -> None:
    project["dependency-groups"]["dev"].append("pytest>=999")
    assert lock.find_problems(project, texts) == ["dev.txt: pytest is pinned outside >=999."]


@pytest.mark.parametrize(
    "line", ["--index-url https://index.example/simple", "--find-links /wheels", "x @ file:///x.whl", "-e ."]
)
def test_place_in_a_lock_is_refused(project: dict[str, Any], texts: dict[str, str], line: str) -> None:
    texts["run.txt"] = f"{line}\n{texts['run.txt']}"
    assert any("only pins and hashes" in problem for problem in lock.find_problems(project, texts))


def test_pin_without_hash_is_refused(project: dict[str, Any], texts: dict[str, str]) -> None:
    texts["dev.txt"] += "left-pad==1.0\n"
    assert lock.find_problems(project, texts) == ["dev.txt: left-pad has no hash."]


def test_two_locks_do_not_differ(project: dict[str, Any], texts: dict[str, str]) -> None:
    texts["dev.txt"] = texts["dev.txt"].replace("\nhttpx==", "\nhttpx==9")
    assert "dev.txt: httpx is not pinned as in run.txt." in lock.find_problems(project, texts)
