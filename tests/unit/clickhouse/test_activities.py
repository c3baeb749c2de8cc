from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clickhouse.activities import gather_ids


@given(st.lists(st.text(max_size=20)), st.integers(1, 40))
def test_every_id_is_asked_for_once_and_no_query_holds_more_than_it_may(ids: list[str], most: int) -> None:
    gathered = list(gather_ids(ids, most))
    assert [one for some in gathered for one in some] == [one for one in ids if len(one.encode()) <= most]
    assert all(some and sum(len(one.encode()) for one in some) <= most for some in gathered)
    # None could have been spared: what begins the next did not fit into the one before.
    for some, following in pairwise(gathered):
        assert sum(len(one.encode()) for one in [*some, following[0]]) > most
