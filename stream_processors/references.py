"""Statements that refer to others: what they inherit of these, so that a filter finds them through what they refer to.

The specification has a statement whose object is a StatementRef match wherever its target does (Communication 2.1.4).
A target that is stored already, or comes in the same batch, is followed here; one that comes later is followed when
read, by the reference that is left open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from clickhouse.statements import Links, Row

LONGEST_CHAIN = 20
"""How many references in a row are followed: none of any use is longer, and each costs a row more."""


def find_targets(rows: Sequence[Row]) -> set[UUID]:
    """Return the ids that rows refer to and that are not among the rows themselves."""
    return {row.refers_to for row in rows if row.refers_to is not None} - {row.id for row in rows}


def link(rows: Sequence[Row], stored: Mapping[UUID, Links]) -> list[Row]:
    """Return the rows with what they inherit; `stored` has the links of those `find_targets` that are stored."""
    by_id = {row.id: row for row in rows}
    return [row if row.refers_to is None else _link(row, by_id, stored) for row in rows]


def _link(row: Row, by_id: Mapping[UUID, Row], stored: Mapping[UUID, Links]) -> Row:
    generations: list[Sequence[int]] = []
    passed = {row.id}
    target = row.refers_to
    while target is not None and target in by_id and target not in passed and len(generations) < LONGEST_CHAIN:
        generations.append(by_id[target].terms)
        passed.add(target)
        target = by_id[target].refers_to
    if target is not None and target not in by_id:
        links = stored.get(target)
        if links is None:
            return row._replace(inherited=generations, open_reference=target)
        generations += links.generations[: LONGEST_CHAIN - len(generations)]
        target = links.open_reference
        return row._replace(inherited=generations, open_reference=target)
    return row._replace(inherited=generations, open_reference=None)
