from __future__ import annotations

import uuid
from typing import Any

from clickhouse.statements import Links, Row
from stream_processors.references import LONGEST_CHAIN, find_targets, link

A, B, C, D = (uuid.UUID(int=number) for number in range(1, 5))


def make_row(statement_id: uuid.UUID, term: int, refers_to: uuid.UUID | None = None) -> Row:
    values: dict[str, Any] = dict.fromkeys(Row._fields)
    return Row(**values | {"id": statement_id, "terms": [term], "inherited": (), "refers_to": refers_to})


def test_a_reference_inherits_from_what_came_in_the_same_batch_before_or_after_it() -> None:
    first, second, third = link([make_row(A, 1, B), make_row(B, 2), make_row(C, 3, A)], {})
    assert first.inherited == [[2]]
    assert second.inherited == ()
    assert third.inherited == [[1], [2]]
    assert {row.open_reference for row in (first, second, third)} == {None}


def test_a_reference_inherits_from_what_is_stored_all_that_it_hands_on() -> None:
    rows = [make_row(A, 1, B)]
    assert find_targets(rows) == {B}
    (row,) = link(rows, {B: Links([[2], [3]], D)})
    assert row.inherited == [[2], [3]]
    assert row.open_reference == D


def test_a_reference_to_what_has_not_come_is_left_open() -> None:
    (row,) = link([make_row(A, 1, B)], {})
    assert row.inherited == []
    assert row.open_reference == B


def test_a_chain_through_the_batch_ends_where_the_store_knows_nothing() -> None:
    first, _ = link([make_row(A, 1, B), make_row(B, 2, C)], {})
    assert first.inherited == [[2]]
    assert first.open_reference == C


def test_references_in_a_circle_end() -> None:
    first, second = link([make_row(A, 1, B), make_row(B, 2, A)], {})
    assert first.inherited == [[2]]
    assert second.inherited == [[1]]
    (itself,) = link([make_row(A, 1, A)], {})
    assert itself.inherited == []
    assert itself.open_reference is None


def test_a_long_chain_is_followed_so_far_and_no_further() -> None:
    ids = [uuid.UUID(int=number) for number in range(1, 2 * LONGEST_CHAIN)]
    rows = [make_row(one, place, following) for place, (one, following) in enumerate(zip(ids, [*ids[1:], None]))]  # noqa: B905 (same length)
    assert len(link(rows, {})[0].inherited) == LONGEST_CHAIN
    (row,) = link([make_row(A, 1, B)], {B: Links([[number] for number in range(2 * LONGEST_CHAIN)], None)})
    assert len(row.inherited) == LONGEST_CHAIN
