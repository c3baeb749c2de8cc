"""What the tests of sources' formats have in common: an example read whole, and shapes to compare by eye."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from producers.checkpoint import Checkpoint
from producers.naming import Naming
from producers.production import Report, map_rows, produce
from producers.rows import Rejected, Source
from tests.unit.producers.doubles import MemorySink
from xapi_profiles.profile import load_profiles
from xapi_profiles.templates import ConformanceChecker
from xapi_profiles.validation import check_statements

EXAMPLES = Path(__file__).parent / "examples"
PARIS = ZoneInfo("Europe/Paris")
NAMING = Naming("institut", "https://institut.example.org/xapi")


def read(source: Source) -> tuple[list[dict[str, Any]], list[Rejected]]:
    """Return the statements of a source, each valid and keeping the rules of its profile, and its rejected rows."""
    outcome = list(map_rows(source, source.read(None), NAMING))
    statements = [one for one in outcome if not isinstance(one, Rejected)]
    for statement in statements:
        check_statements(statement, "1.0.3")
        assert_conformant(statement)
    return statements, [one for one in outcome if isinstance(one, Rejected)]


def assert_conformant(statement: dict[str, Any]) -> None:
    """Assert that a statement names a profile that comes with Jalon, and keeps its rules."""
    standing = make_checker().check(statement)
    assert standing.state == "conformant", standing


@cache
def make_checker() -> ConformanceChecker:
    return ConformanceChecker(load_profiles())


def outline(statements: Iterable[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Who did what to what and when; a drawn name is shown as `drawn`."""
    return [(one["timestamp"], _actor(one["actor"]), _word(one["verb"]["id"]), _thing(one)) for one in statements]


def reasons(rejected: Iterable[Rejected]) -> list[tuple[str, int, str]]:
    return [(*one.place, one.reason) for one in rejected]


def run_all(folder: Path, sources: Sequence[Source]) -> tuple[MemorySink, list[Report]]:
    """Run some sources of one name one after the other, with one checkpoint; return what came out of it."""
    sink, reports = MemorySink(), []
    for source in sources:
        with Checkpoint(folder / "checkpoints", NAMING.tenant, source.name) as checkpoint:
            reports.append(produce(source, NAMING, sink, checkpoint, folder / "rejected.jsonl"))
    return sink, reports


def _actor(actor: dict[str, Any]) -> str:
    if "mbox" in actor:
        return str(actor["mbox"]).removeprefix("mailto:").removesuffix("@academie.example.org")
    name = str(actor["account"]["name"])
    return "drawn" if len(name) == 36 and name.count("-") == 4 else name


def _word(iri: str) -> str:
    return iri.rsplit("/", 1)[1]


def _thing(statement: dict[str, Any]) -> str:
    return str(statement["object"]["id"]).removeprefix(NAMING.home)
