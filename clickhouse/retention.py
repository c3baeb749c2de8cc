"""What of a tenant's tables has passed its period: counted, and deleted for good.

A deletion is a mutation: ClickHouse writes the parts that hold such rows anew without them, while inserts and reads go
on. What statements are found by goes before them, so that a deletion that was cut short is found again and completed by
the next one. Deleting the same again deletes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from clickhouse.connection import Client, translate_errors
from clickhouse.databases import SHARED
from clickhouse.errors import StoreUnavailable
from clickhouse.statements import list_ids
from clickhouse.terms import Kind, name_term
from identity.retention import DAY_MILLISECONDS, DEAD_LETTERS, LEDGER, STATEMENTS, Periods, Rule, find_cutoff
from xapi_profiles.vocabulary import TYPE_ALIASES, VERB_ALIASES, list_spellings

AT_ONCE = 5_000
"""How many terms or ids are asked for in one query."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DERIVED = ("postings", "open_references", "voidings")
_LONGEST_QUERY = 256 * 1024 * 1024
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 1.0


@dataclass(frozen=True, slots=True)
class Share:
    """What has passed its period: of one purpose, in one place. `bytes` are about those on the disk.

    `oldest_left` is when the oldest of what stays was stored, None when nothing does or it has no time.
    """

    purpose: str
    place: str
    count: int
    bytes: int
    oldest_left: datetime | None = None


class Deletion:
    """Asks one database, and deletes from it: `{db}` in a text stands for its name. Raises StoreUnavailable."""

    def __init__(self, client: Client, database: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._database = database
        self._pause = pause

    def query(self, text: str) -> Sequence[Sequence[Any]]:
        """Return the rows that ClickHouse answers."""
        with translate_errors():
            result = self._client.query(self._place(text), settings={"max_query_size": _LONGEST_QUERY})
        rows: Sequence[Sequence[Any]] = result.result_rows
        return rows

    def holds(self, table: str, condition: str) -> bool:
        """Whether any row of a table meets the condition."""
        return bool(self.query(f"SELECT 1 FROM {{db}}.{table} WHERE {condition} LIMIT 1"))

    def delete(self, table: str, condition: str) -> None:
        """Delete the rows that meet the condition, and return when that is done."""
        if not self.holds(table, condition):
            return
        with translate_errors():
            self._client.command(
                self._place(f"ALTER TABLE {{db}}.{table} DELETE WHERE {condition}"),
                settings={"mutations_sync": 0, "max_query_size": _LONGEST_QUERY},
            )
        # Asked for again and again, as one answer could take too long.
        pause = _FIRST_PAUSE_SECONDS
        while rows := self.query(
            "SELECT latest_fail_reason != '' FROM system.mutations "
            f"WHERE NOT is_done AND database = {_quote(self._database)} AND table = {_quote(table)}"
        ):
            if any(failed for [failed] in rows):
                raise StoreUnavailable(
                    f"ClickHouse cannot delete from {self._database}.{table}: see system.mutations. It goes on trying."
                )
            self._pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def measure(self) -> dict[str, float]:
        """Return what a row takes on the disk, by table, in bytes."""
        rows = self.query(
            "SELECT table, sum(bytes_on_disk) / sum(rows) FROM system.parts "
            f"WHERE active AND rows > 0 AND database = {_quote(self._database)} GROUP BY table"
        )
        return {row[0]: row[1] for row in rows}

    def _place(self, text: str) -> str:
        return text.replace("{db}", self._database)


def count_strays(client: Client, cutoff: int) -> int:
    """Return how many records of no known tenant were accepted before an instant. Raises StoreUnavailable."""
    [[count]] = Deletion(client, SHARED).query(f"SELECT count() FROM {{db}}.dead_letters WHERE at < {_instant(cutoff)}")
    return int(count)


def delete_strays(client: Client, cutoff: int) -> None:
    """Delete the records of no known tenant that were accepted before an instant. Raises StoreUnavailable."""
    Deletion(client, SHARED).delete("dead_letters", f"at < {_instant(cutoff)}")


class TenantTables:
    """The tables of one tenant, seen at the instant `now` (milliseconds since 1970 UTC).

    What names those that are `held` (pseudonyms) stays, whatever its period.
    Everything raises StoreUnavailable.
    """

    def __init__(
        self,
        client: Client,
        database: str,
        periods: Periods,
        now: int,
        *,
        held: Collection[str] = (),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._deletion = Deletion(client, database, pause)
        self._periods = periods
        self._now = now
        self._held = _name_one_of(held) if held else ""
        self._expired = write_condition(periods, now) + (f" AND NOT {self._held}" if held else "")
        # What of activities and agents is told by nobody any more; not while a worker may still be telling it.
        self._settled = _instant(now - DAY_MILLISECONDS)

    def count(self) -> list[Share]:
        """Tell what has passed its period, changing nothing. Tables that have no period are left out."""
        sizes = self._deletion.measure()
        shares = self._count_statements(sizes) if self._periods.delete_statements else []
        for purpose, table in ((DEAD_LETTERS, "dead_letters"), (LEDGER, "ledger")):
            days = self._periods.days_of(purpose)
            if days is not None:
                old = self._old(table, days)
                [row] = self._deletion.query(f"SELECT countIf({old}), minIf(at, NOT ({old})) FROM {{db}}.{table}")
                shares.append(Share(purpose, table, row[0], _scale(sizes, table, row[0]), _or_none(row[1])))
        return shares

    def delete(self) -> None:
        """Delete what `count` tells, and wait until that is done."""
        if self._periods.delete_statements and self._deletion.holds("statements", self._expired):
            for table in ("postings", "open_references"):
                self._deletion.delete(table, self._condition(table))
            # Last of all, or what is voided would be shown in between. What a crash leaves of them is pairs of UUIDs.
            voidings = self._deletion.query(
                f"SELECT target, id FROM {{db}}.voidings WHERE {self._condition('voidings')}"
            )
            self._deletion.delete("statements", self._expired)
            if voidings:
                pairs = ",".join(f"('{target}','{voiding}')" for target, voiding in voidings)
                self._deletion.delete("voidings", f"(target, id) IN ({pairs})")
        for purpose, table in ((DEAD_LETTERS, "dead_letters"), (LEDGER, "ledger")):
            days = self._periods.days_of(purpose)
            if days is not None:
                self._deletion.delete(table, self._old(table, days))

    def _old(self, table: str, days: int) -> str:
        old = f"at < {_instant(find_cutoff(self._now, days))}"
        # What was put aside of who is held waits there until they are released.
        return f"{old} AND code != 'restricted'" if self._held and table == "dead_letters" else old

    def list_named(self) -> list[str]:
        """Return the pseudonyms of whom the expired statements name."""
        owners = (
            "SELECT DISTINCT arrayJoin(arrayMap(entry -> JSONExtractString(entry, 2), JSONExtractArrayRaw(sealed))) "
            f"AS owner FROM {{db}}.statements WHERE {self._expired}"
        )
        return [row[0] for row in self._deletion.query(f"SELECT owner FROM ({owners}) WHERE length(owner) = 32")]

    def find_named(self, kind: Kind, values: Sequence[str]) -> set[str]:
        """Return those of the values that a statement which stays is found by (see clickhouse.terms)."""
        left: set[str] = set()
        for start in range(0, len(values), AT_ONCE):
            terms = {name_term(kind, value): value for value in values[start : start + AT_ONCE]}
            rows = self._deletion.query(
                f"SELECT DISTINCT term FROM {{db}}.postings WHERE term IN ({','.join(map(str, terms))}) "
                # What only refers to such a statement does not name anybody by that.
                "AND generation = 0 "
                f"AND id NOT IN (SELECT id FROM {{db}}.statements WHERE {self._expired})"
            )
            left.update(terms[row[0]] for row in rows)
        return left

    def find_stored(self, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the ids whose statement stays."""
        left: set[UUID] = set()
        for start in range(0, len(ids), AT_ONCE):
            asked = list_ids(ids[start : start + AT_ONCE])
            rows = self._deletion.query(
                f"SELECT DISTINCT id FROM {{db}}.statements WHERE id IN {asked} AND NOT ({self._expired})"
            )
            left.update(row[0] for row in rows)
        return left

    def list_references(self) -> dict[str, int]:
        """Return, by the hash of every content that statements which stay name, when the latest of them was stored.

        One that names somebody who is held counts as stored now.
        """
        stored = f"if({self._held}, {_instant(self._now)}, stored)" if self._held else "stored"
        rows = self._deletion.query(
            f"SELECT lower(sha2), toUnixTimestamp64Milli(max(latest)) FROM (SELECT {stored} AS latest, "
            'arrayJoin(extractAll(statement, \'"sha2":"([0-9A-Fa-f]{64})"\')) AS sha2 FROM {db}.statements '
            f"WHERE position(statement, '\"sha2\":') > 0 AND NOT ({self._expired})) GROUP BY 1"
        )
        return {row[0]: row[1] for row in rows}

    def list_forgotten_activities(self) -> list[str]:
        """Return the activities that have a definition, and that no statement which stays is about or names."""
        rows = self._deletion.query(
            f"SELECT id FROM {{db}}.activities GROUP BY id HAVING max(stored) < {self._settled}"
        )
        known = [row[0] for row in rows]
        named = self.find_named("related-activity", known)
        return [activity for activity in known if activity not in named]

    def delete_activities(self, activities: Sequence[str]) -> None:
        """Delete the definitions of these activities, but for those just told."""
        self._delete_listed("activities", "id", activities)

    def delete_forms(self, pseudonyms: Sequence[str]) -> None:
        """Delete the forms in which these agents were named, but for those just told."""
        self._delete_listed("agents", "pseudonym", pseudonyms)

    def _delete_listed(self, table: str, column: str, values: Sequence[str]) -> None:
        if values:
            listed = ",".join(map(_quote, values))
            self._deletion.delete(table, f"{column} IN ({listed}) AND stored < {self._settled}")

    def _count_statements(self, sizes: dict[str, float]) -> list[Share]:
        named = ", ".join(f"{_covers(rule)}, {_quote(rule.purpose)}" for rule in self._periods.named)
        purpose = f"multiIf({named}, {_quote(STATEMENTS)})" if named else _quote(STATEMENTS)
        rows = self._deletion.query(
            f"SELECT {purpose} AS purpose, countIf({self._expired}), minIf(stored, NOT ({self._expired})) "
            "FROM {db}.statements GROUP BY purpose"
        )
        found = {row[0]: row[1:] for row in rows}
        shares = []
        for rule in self._periods.rules:
            if rule.days is not None and (rule.is_named or rule.purpose == STATEMENTS):
                count, oldest = found.get(rule.purpose, (0, None))
                size = _scale(sizes, "statements", count)
                shares.append(Share(rule.purpose, "statements", count, size, _or_none(oldest)))
        if any(share.count for share in shares):
            for table in _DERIVED:
                [[count]] = self._deletion.query(f"SELECT count() FROM {{db}}.{table} WHERE {self._condition(table)}")
                shares.append(Share(STATEMENTS, table, count, _scale(sizes, table, count)))
        return shares

    def _condition(self, table: str) -> str:
        expired = f"(SELECT id FROM {{db}}.statements WHERE {self._expired})"
        if table != "voidings":
            return f"id IN {expired}"
        # A voiding is remembered as long as what it voids is there: else that would be shown again.
        stays = [
            f"SELECT id FROM {{db}}.statements WHERE id IN (SELECT {column} FROM {{db}}.voidings) "
            f"AND NOT ({self._expired})"
            for column in ("id", "target")
        ]
        return f"(id IN {expired} OR target IN {expired}) AND id NOT IN ({stays[0]}) AND target NOT IN ({stays[1]})"


def write_condition(periods: Periods, now: int) -> str:
    """Return the condition of those statements that have passed their period."""
    default = periods.days_of(STATEMENTS)
    cutoffs = [f"{_covers(rule)}, {_cutoff(rule.days, now)}" for rule in periods.named]
    cutoff = _cutoff(default, now)
    return f"stored < multiIf({', '.join(cutoffs)}, {cutoff})" if cutoffs else f"stored < {cutoff}"


def _name_one_of(pseudonyms: Collection[str]) -> str:
    terms = ",".join(str(name_term("related-agent", each)) for each in sorted(pseudonyms))
    return f"arrayExists(term -> term IN ({terms}), terms)"


def _cutoff(days: int | None, now: int) -> str:
    return _instant(0 if days is None else max(0, find_cutoff(now, days)))


def _covers(rule: Rule) -> str:
    conditions = [
        f"{column} IN ({', '.join(map(_quote, values))})"
        for column, values in (
            ("source", rule.sources),
            ("verb", list_spellings(rule.verbs, VERB_ALIASES)),
            ("activity_type", list_spellings(rule.activity_types, TYPE_ALIASES)),
        )
        if values
    ]
    return " AND ".join(conditions)


def _instant(milliseconds: int) -> str:
    return f"fromUnixTimestamp64Milli({milliseconds:d}, 'UTC')"


def _quote(text: str) -> str:
    # A brace would begin a parameter, or the name that stands for the database's.
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("{", "\\x7b")
    return f"'{escaped}'"


def _scale(sizes: dict[str, float], table: str, count: int) -> int:
    return round(sizes.get(table, 0) * count)


def _or_none(instant: datetime | None) -> datetime | None:
    """Return an instant, None for the one that ClickHouse gives where there is none."""
    if instant is None:
        return None
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return None if aware - _EPOCH <= timedelta(0) else aware
