"""How the statements of each registration stand to the patterns of profiles, read from what is stored.

A stream of statements cannot be judged one by one: what is partial today succeeds tomorrow. So it is judged when asked,
and nothing is written. What a policy hides cannot be recognised, and breaks the order in which it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from clickhouse.connection import Client
from clickhouse.databases import name_tenant_database
from xapi_profiles.json_text import parse_json
from xapi_profiles.patterns import Outcome, PatternMatcher
from xapi_profiles.profile import Profile
from xapi_profiles.templates import ConformanceChecker
from xapi_profiles.vocabulary import Extension

_AT_ONCE = 20_000
_READ = """
SELECT registration, statement FROM {database:Identifier}.current_statements
WHERE registration IS NOT NULL AND cityHash64(registration) % {parts:UInt32} = {part:UInt32}
ORDER BY registration, timestamp, stored, partition, offset, position
"""
_COUNT = "SELECT count() FROM {database:Identifier}.current_statements WHERE registration IS NOT NULL"


class Judge(NamedTuple):
    """A primary pattern of a version of a profile."""

    version: str
    pattern: str
    matcher: PatternMatcher


def list_judges(profiles: Iterable[Profile]) -> list[Judge]:
    """Return the primary patterns of profiles."""
    return [
        Judge(pattern.in_scheme or profile.versions[-1].id, pattern.id, PatternMatcher(profile, pattern.id))
        for profile in profiles
        for pattern in profile.patterns
        if pattern.primary
    ]


def judge_stored(client: Client, tenant: str, profiles: Sequence[Profile]) -> dict[str, Counter[Outcome]]:
    """Return, by primary pattern, how many registrations succeed in it, fail, or are on the way.

    A registration counts where one statement of it at least claims the profile; each subregistration counts for itself.
    Raises StoreUnavailable.
    """
    checker, judges = ConformanceChecker(profiles), list_judges(profiles)
    counts: dict[str, Counter[Outcome]] = {judge.pattern: Counter() for judge in judges}
    for statements in _read_registrations(client, name_tenant_database(tenant)):
        for pattern, outcome in follow_registration(statements, checker, judges):
            counts[pattern][outcome] += 1
    return counts


def follow_registration(
    statements: Iterable[dict[str, Any]], checker: ConformanceChecker, judges: Sequence[Judge]
) -> Iterator[tuple[str, Outcome]]:
    """Yield how the statements of one registration, in their order, stand to each pattern whose profile they claim."""
    followed: dict[tuple[int, str], frozenset[int]] = {}
    for statement in statements:
        kept = checker.list_kept(statement)
        for number, judge in enumerate(judges):
            if judge.version in kept:
                place = number, _find_subregistration(statement, judge.version)
                states = followed.get(place, judge.matcher.start)
                followed[place] = judge.matcher.follow(states, kept[judge.version])
    for (number, _), states in followed.items():
        yield judges[number].pattern, judges[number].matcher.judge(states)


def _find_subregistration(statement: dict[str, Any], version: str) -> str:
    told = ((statement.get("context") or {}).get("extensions") or {}).get(Extension.SUBREGISTRATION)
    for each in told if isinstance(told, list) else ():
        if isinstance(each, dict) and each.get("profile") == version:
            return str(each.get("subregistration", ""))
    return ""


def _read_registrations(client: Client, database: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the statements of each registration, in their order; a part of all registrations is in memory at a time."""
    ((statements,),) = client.query(_COUNT, parameters={"database": database}).result_rows
    parts = statements // _AT_ONCE + 1
    for part in range(parts):
        parameters = {"database": database, "parts": parts, "part": part}
        rows = client.query(_READ, parameters=parameters).result_rows
        for _, found in groupby(rows, key=itemgetter(0)):
            yield [parse_json(text.encode()) for _, text in found]
