"""How long a tenant keeps what: a period of whole days for each purpose, or none.

A purpose is a kind of thing that is held (PURPOSES), or a part of the statements that a tenant gave a name of its own,
told by source, verb or type of activity. Of the named ones the first that covers a statement counts, and `statements`
is about the rest. What has no period is kept: nothing is deleted that nobody asked to have deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, Row, Select, delete, insert, select

from identity.database import reading, writing
from identity.errors import InvalidValue
from identity.tables import RETENTION_RULES
from identity.tenants import get_tenant
from xapi_profiles.vocabulary import canonical_type, canonical_verb

STATEMENTS: Final = "statements"
ATTACHMENTS: Final = "attachments"
DOCUMENTS: Final = ("state", "agent-profile", "activity-profile")
DEAD_LETTERS: Final = "dead-letters"
LEDGER: Final = "ledger"
PURPOSES: Final = (STATEMENTS, ATTACHMENTS, *DOCUMENTS, DEAD_LETTERS, LEDGER)
"""What every tenant holds. The audit trail is not among them: it is never deleted."""

LONGEST_DAYS: Final = 36_500
DAY_MILLISECONDS: Final = 86_400_000

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f'\"\\]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """The period of one purpose, in days; None: kept, whatever the purposes after it say.

    A named purpose covers the statements that come from one of `sources`, have one of `verbs` and are about one of
    `activity_types`; what is empty covers all.
    """

    purpose: str
    days: int | None
    sources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    activity_types: tuple[str, ...] = ()

    @property
    def is_named(self) -> bool:
        """Whether this is a part of the statements that the tenant named."""
        return self.purpose not in PURPOSES

    def covers(self, source: str, verb: str, activity_type: str) -> bool:
        """Whether a statement belongs to this named purpose."""
        sources, verbs, activity_types = self._conditions
        return (
            (not sources or source in sources)
            and (not verbs or canonical_verb(verb) in verbs)
            and (not activity_types or canonical_type(activity_type) in activity_types)
        )

    def covers_all_of(self, other: Rule) -> bool:
        """Whether no statement is left for a named purpose that comes after this one."""
        return all(
            not mine or (theirs and theirs <= mine)
            for mine, theirs in zip(self._conditions, other._conditions, strict=True)
        )

    @property
    def _conditions(self) -> tuple[frozenset[str], ...]:
        types = frozenset(map(canonical_type, self.activity_types))
        return frozenset(self.sources), frozenset(map(canonical_verb, self.verbs)), types


@dataclass(frozen=True, slots=True)
class Periods:
    """The rules of one tenant: the named purposes in their order, then those that every tenant has."""

    rules: tuple[Rule, ...] = ()

    @property
    def named(self) -> tuple[Rule, ...]:
        """The named purposes, the first that covers a statement counts."""
        return tuple(rule for rule in self.rules if rule.is_named)

    def days_of(self, purpose: str) -> int | None:
        """Return the period of a purpose, None when it is kept."""
        return next((rule.days for rule in self.rules if rule.purpose == purpose), None)

    def days_of_statement(self, source: str, verb: str, activity_type: str) -> int | None:
        """Return for how long a statement is kept, None when for good."""
        for rule in self.named:
            if rule.covers(source, verb, activity_type):
                return rule.days
        return self.days_of(STATEMENTS)

    @property
    def delete_statements(self) -> bool:
        """Whether any statement has a period."""
        return any(rule.days is not None for rule in self.rules if rule.is_named or rule.purpose == STATEMENTS)


Tell = Callable[[Connection], object]
"""Called last in the transaction of a change, to tell the audit trail of it: both are committed, or neither is."""


def _tell_nobody(_connection: Connection) -> None:
    return


def set_period(engine: Engine, tenant: str, rule: Rule, *, first: bool = False, tell: Tell = _tell_nobody) -> Periods:
    """Give a purpose its period and return all of the tenant's; again with the same values changes nothing.

    A new named purpose comes after those that are there, or before them if it is to be `first`; one that is there
    keeps its place. Raises InvalidValue, UnknownTenant, IdentityUnavailable.
    """
    _check(rule)
    get_tenant(engine, tenant)
    columns = RETENTION_RULES.c
    with writing(engine) as connection:
        rows = connection.execute(_select(tenant)).all()
        old = next((row for row in rows if row.purpose == rule.purpose), None)
        places = [row.place for row in rows] or [0]
        place = old.place if old is not None else min(places) - 1 if first else max(places) + 1
        rules = _put(rows, rule, first=first)
        _refuse_unreached(rules)
        connection.execute(delete(RETENTION_RULES).where(columns.tenant == tenant, columns.purpose == rule.purpose))
        connection.execute(
            insert(RETENTION_RULES).values(
                tenant=tenant,
                purpose=rule.purpose,
                place=place,
                days=rule.days,
                covers=orjson.dumps([rule.sources, rule.verbs, rule.activity_types]).decode(),
            )
        )
        tell(connection)
    return _order(rules)


def unset_period(engine: Engine, tenant: str, purpose: str, *, tell: Tell = _tell_nobody) -> bool:
    """Take a purpose's period away, or the named purpose itself; returns whether something changed.

    Raises UnknownTenant, IdentityUnavailable.
    """
    get_tenant(engine, tenant)
    columns = RETENTION_RULES.c
    with writing(engine) as connection:
        done = connection.execute(delete(RETENTION_RULES).where(columns.tenant == tenant, columns.purpose == purpose))
        if done.rowcount:
            tell(connection)
    return done.rowcount > 0


def read_periods(engine: Engine, tenant: str) -> Periods:
    """Return the tenant's periods; one of whom nothing is known has none. Raises IdentityUnavailable."""
    with reading(engine) as connection:
        return _order([_to_rule(row) for row in connection.execute(_select(tenant))])


def find_cutoff(now: int, days: int) -> int:
    """Return the instant (milliseconds since 1970 UTC) such that what was stored before it has passed its period."""
    return now - days * DAY_MILLISECONDS


def _check(rule: Rule) -> None:
    if not _NAME.fullmatch(rule.purpose):
        raise InvalidValue("A purpose's name has 1 to 63 lower-case letters, digits and hyphens.")
    if rule.days is not None and not 1 <= rule.days <= LONGEST_DAYS:
        raise InvalidValue(f"A period has 1 to {LONGEST_DAYS} days.")
    conditioned = bool(rule.sources or rule.verbs or rule.activity_types)
    if not rule.is_named and conditioned:
        raise InvalidValue(f"{rule.purpose} is about all that is left: give a part of the statements another name.")
    if rule.is_named and not conditioned:
        raise InvalidValue(
            f"{rule.purpose} is none of {', '.join(PURPOSES)}. To name a part of the statements, say which by source, "
            "verb or type of activity."
        )
    if any(not _NAME.fullmatch(source) for source in rule.sources):
        raise InvalidValue("A source's name has lower-case letters, digits and hyphens, as in the ledger: `lrs`.")
    if any(not _IRI.fullmatch(iri) for iri in (*rule.verbs, *rule.activity_types)):
        raise InvalidValue("Verbs and types of activities are whole IRIs: http://adlnet.gov/expapi/verbs/attended.")


def _refuse_unreached(rules: Sequence[Rule]) -> None:
    named = [rule for rule in rules if rule.is_named]
    for place, rule in enumerate(named):
        wider = next((earlier for earlier in named[:place] if earlier.covers_all_of(rule)), None)
        if wider is not None:
            raise InvalidValue(
                f"{rule.purpose} would never count: {wider.purpose} comes before it and covers all of it. "
                "Unset that one and set it again after the other, or set the other with --first."
            )


def _select(tenant: str) -> Select[Any]:
    columns = RETENTION_RULES.c
    return select(RETENTION_RULES).where(columns.tenant == tenant).order_by(columns.place, columns.purpose)


def _put(rows: Sequence[Row[Any]], rule: Rule, *, first: bool) -> list[Rule]:
    rules = [_to_rule(row) for row in rows]
    if any(known.purpose == rule.purpose for known in rules):
        return [rule if known.purpose == rule.purpose else known for known in rules]
    return [rule, *rules] if first else [*rules, rule]


def _order(rules: Sequence[Rule]) -> Periods:
    named = [rule for rule in rules if rule.is_named]
    fixed = sorted((rule for rule in rules if not rule.is_named), key=lambda rule: PURPOSES.index(rule.purpose))
    return Periods((*named, *fixed))


def _to_rule(row: Row[Any]) -> Rule:
    sources, verbs, activity_types = orjson.loads(row.covers)
    return Rule(row.purpose, row.days, tuple(sources), tuple(verbs), tuple(activity_types))
