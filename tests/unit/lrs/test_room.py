from __future__ import annotations

import pytest

from lrs.errors import Overloaded
from lrs.room import Room


def test_a_share_is_given_back_also_after_a_failure() -> None:
    room = Room(10)

    def overfill() -> None:
        with room.share() as share, room.share() as other:
            share.take(4)
            assert room.held == 4
            other.take(7)

    with pytest.raises(Overloaded):
        overfill()
    assert room.held == 0


def test_more_than_there_is_room_for_is_refused() -> None:
    room = Room(10)
    with room.share() as one, room.share() as other:
        one.take(6)
        other.take(4)
        with pytest.raises(Overloaded):
            one.take(1)
        assert (one.taken, room.held) == (6, 10)


def test_the_only_one_may_exceed_the_room() -> None:
    room = Room(10)
    with room.share() as one, room.share() as other:
        one.take(25)
        with pytest.raises(Overloaded):
            other.take(1)
