"""A small Moodle in a SQLite file, for tests to read and to change."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from producers.moodle.conventions import Conventions
from producers.moodle.database import Database

SCRIPT = Path(__file__).parents[2] / "contract/producers/examples/moodle/moodle.sql"
SITE = "https://formation.example.org"


class SmallMoodle:
    """The example database at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.change(SCRIPT.read_text(encoding="utf-8"))

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    @property
    def database(self) -> Database:
        return Database(self.url)

    def change(self, script: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(script)

    @staticmethod
    def conventions(**different: object) -> Conventions:
        return Conventions(**{"name": "moodle", "site": SITE, **different})  # type: ignore[arg-type]
