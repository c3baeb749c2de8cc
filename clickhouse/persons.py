"""How pseudonyms stand, in a tenant's database: copied there from the vault, and joined when statements are read.

A statement keeps the pseudonym of its own identifier. Whom that counts as, and whether it may be shown, can change
later, so the views join it (docs/decisions/0011). A tenant whose persons were never linked or restricted, and whose
key was never rotated, keeps the view that joins nothing: it pays nothing for what it does not use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from clickhouse.connection import AsyncClient, Client, translate_errors
from clickhouse.databases import name_tenant_database
from clickhouse.terms import name_term
from identity.links import History
from identity.person_changes import PersonChanges

_NAMES_PER_QUERY = 5_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# As in migrations/tenant/0001_statements.sql, and besides: who is one person is given as one, and whom processing is
# paused for is left out.
_CURRENT_STATEMENTS = """
CREATE OR REPLACE VIEW {database}.current_statements AS
SELECT
    statements.* REPLACE (
        if(persons.pseudonym = '', actor, if(stored < persons.since, persons.before, persons.person)) AS actor
    )
FROM {database}.statements FINAL
ANY LEFT JOIN
(
    SELECT pseudonym, before, since, person FROM {database}.persons FINAL WHERE person != pseudonym
) AS persons ON statements.actor = persons.pseudonym
WHERE (
    verb = 'http://adlnet.gov/expapi/verbs/voided'
    OR id NOT IN (SELECT target FROM {database}.voidings)
) AND id NOT IN (SELECT id FROM {database}.withheld_statements)
"""


class PersonRow(NamedTuple):
    """The columns of `persons`."""

    pseudonym: str
    before: str
    since: datetime
    person: str
    restricted: bool
    term: int
    revision: int


def to_person_rows(changes: PersonChanges) -> list[PersonRow]:
    """Return what has changed in the vault as rows."""
    return [
        PersonRow(
            standing.pseudonym,
            standing.history.before,
            _EPOCH + timedelta(milliseconds=standing.history.since),
            standing.history.person,
            standing.restricted,
            name_term("agent", standing.pseudonym),
            changes.revision,
        )
        for standing in changes.standings
    ]


def join_persons(client: Client, tenant: str) -> None:
    """Have the tenant's views join how pseudonyms stand. Before anything is linked, restricted or rotated."""
    with translate_errors():
        client.command(define_joined_view(name_tenant_database(tenant)))


def define_joined_view(database: str) -> str:
    """Return the statement that has the views of a tenant's database join how pseudonyms stand."""
    # A name comes from a tenant's slug and needs no quoting; a parameter would make a view that takes parameters.
    return _CURRENT_STATEMENTS.format(database=database)


def joins_persons(client: Client, database: str) -> bool:
    """Tell whether the views of a database join how pseudonyms stand; those that are not there do not."""
    found = client.query(
        "SELECT count() FROM system.tables WHERE database = {database:String} AND name = 'current_statements' "
        "AND position(create_table_query, 'withheld_statements') > 0",
        parameters={"database": database},
    ).result_rows
    return bool(found[0][0])


def copy_persons(client: Client, tenant: str, changes: PersonChanges) -> None:
    """Bring the tenant's database up to the changes, all at once."""
    rows = to_person_rows(changes)
    if rows:
        with translate_errors():
            client.insert("persons", rows, column_names=list(PersonRow._fields), database=name_tenant_database(tenant))


def read_copied_revision(client: Client, tenant: str) -> int:
    """Return the revision up to which the tenant's database knows how pseudonyms stand."""
    with translate_errors():
        result = client.query(_REVISION, parameters={"database": name_tenant_database(tenant)})
    return int(result.result_rows[0][0])


def read_restricted(client: Client, tenant: str) -> list[str]:
    """Return the pseudonyms for which processing is paused, as the tenant's database knows it."""
    with translate_errors():
        result = client.query(
            "SELECT pseudonym FROM {database:Identifier}.persons FINAL WHERE restricted",
            parameters={"database": name_tenant_database(tenant)},
        )
    return [row[0] for row in result.result_rows]


async def read_copied_revision_async(client: AsyncClient, database: str) -> int:
    """Do as read_copied_revision."""
    with translate_errors():
        result = await client.query(_REVISION, parameters={"database": database})
    return int(result.result_rows[0][0])


async def find_histories(client: AsyncClient, database: str, pseudonyms: Iterable[str]) -> dict[str, History]:
    """Return whom those of the pseudonyms count as that count as another one."""
    asked: Sequence[str] = sorted(pseudonyms)
    found: dict[str, History] = {}
    for start in range(0, len(asked), _NAMES_PER_QUERY):
        # In one string, because as literals ClickHouse takes long to read them; they are hexadecimal.
        names = f"(SELECT arrayJoin(splitByChar(',', '{','.join(asked[start : start + _NAMES_PER_QUERY])}')))"
        with translate_errors():
            result = await client.query(
                "SELECT pseudonym, before, toUnixTimestamp64Milli(since), person "
                "FROM {database:Identifier}.persons FINAL "
                f"WHERE pseudonym IN {names} AND person != pseudonym",
                parameters={"database": database},
            )
        found |= {row[0]: History(*row[1:]) for row in result.result_rows}
    return found


_REVISION = "SELECT max(revision) FROM {database:Identifier}.persons"
