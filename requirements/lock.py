# ruff: noqa: INP001 (a script beside what it writes, not a package)
"""Locks the requirements with their hashes (`make requirements`), and checks that the locks still fit (`--check`).

Locking asks a package index, through uv; checking asks nobody, so it also works where pip alone knows an index.
No index's address gets into the files: they are installed from wherever pip is told to look.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent
PROJECT = HERE.parent / "pyproject.toml"
LOWEST_PYTHON = "3.11"
# What each file locks beside the project's own dependencies.
LOCKS = {
    "run.txt": {"extras": ("postgres",), "groups": ("build",)},
    "dev.txt": {"extras": ("postgres",), "groups": ("build", "dev")},
}
HEADER = "# Locked by `make requirements` from pyproject.toml; not to be edited.\n"
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)", re.MULTILINE)
_HASH = re.compile(r"^ {4}--hash=sha256:[0-9a-f]{64}(?: \\)?$")


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock's pins: the versions of each name (several where they depend on the Python), and every other line."""

    versions: dict[str, set[str]]
    strange_lines: tuple[str, ...]
    without_hash: tuple[str, ...]


def list_requirements(project: dict[str, Any], name: str) -> list[Requirement]:
    """Return what pyproject.toml asks for in the lock `name`."""
    wanted = list(project["project"]["dependencies"])
    for extra in LOCKS[name]["extras"]:
        wanted += project["project"]["optional-dependencies"][extra]
    for group in LOCKS[name]["groups"]:
        wanted += project["dependency-groups"][group]
    return [Requirement(one) for one in wanted]


def read_lock(text: str) -> Lock:
    """Read a lock's text."""
    versions: dict[str, set[str]] = {}
    strange, bare = [], []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if pin := _PIN.match(line):
            versions.setdefault(canonicalize_name(pin["name"]), set()).add(pin["version"])
            if not _HASH.match(lines[number + 1] if number + 1 < len(lines) else ""):
                bare.append(pin["name"])
        elif line and not line.startswith("#") and not _HASH.match(line):
            strange.append(line)
    return Lock(versions, tuple(strange), tuple(bare))


def find_problems(project: dict[str, Any], texts: dict[str, str]) -> list[str]:
    """Return what is wrong with the locks, one sentence each; nothing when they fit."""
    problems = []
    locks = {name: read_lock(text) for name, text in texts.items()}
    for name, lock in locks.items():
        problems += [f"{name}: only pins and hashes belong here, not {line!r}." for line in lock.strange_lines]
        problems += [f"{name}: {pin} has no hash." for pin in lock.without_hash]
        for requirement in list_requirements(project, name):
            pinned = lock.versions.get(canonicalize_name(requirement.name))
            if not pinned:
                problems.append(f"{name}: {requirement.name} is missing.")
            elif not all(requirement.specifier.contains(version, prereleases=True) for version in pinned):
                problems.append(f"{name}: {requirement.name} is pinned outside {requirement.specifier}.")
    for package, versions in locks["run.txt"].versions.items():
        if locks["dev.txt"].versions.get(package) != versions:
            problems.append(f"dev.txt: {package} is not pinned as in run.txt.")
    return problems


def lock_all() -> None:
    """Write the locks anew, keeping the versions that still fit; options (`--upgrade`) are passed on to uv."""
    for name, parts in LOCKS.items():
        command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", LOWEST_PYTHON]
        command += ["--generate-hashes", "--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links"]
        for extra in parts["extras"]:
            command += ["--extra", extra]
        for group in parts["groups"]:
            command += ["--group", group]
        if name != "run.txt":
            command += ["--constraint", str(HERE / "run.txt")]
        if index := _ask_pip("global.index-url"):
            command += ["--default-index", index]
        path = HERE / name
        subprocess.run(  # noqa: S603 (our own command)
            [sys.executable, "-m", *command, *sys.argv[1:], str(PROJECT), "--output-file", str(path)],
            check=True,
            cwd=HERE.parent,
        )
        path.write_text(HEADER + path.read_text(encoding="utf-8").removeprefix(HEADER), encoding="utf-8")


def _ask_pip(key: str) -> str:
    """Return a setting of pip's, which uv does not read."""
    command = [sys.executable, "-m", "pip", "config", "get", key]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()  # noqa: S603


def main() -> None:
    """Lock, or check the locks and exit with 1 when they do not fit."""
    if "--check" not in sys.argv[1:]:
        lock_all()
        return
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))
    problems = find_problems(project, {name: (HERE / name).read_text(encoding="utf-8") for name in LOCKS})
    for problem in problems:
        sys.stderr.write(f"requirements/{problem}\n")
    if problems:
        sys.exit("Lock them again: make requirements")


if __name__ == "__main__":
    main()
