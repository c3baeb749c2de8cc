from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.errors import RowRejected, UnreadableInput
from producers.openedx.learners import read_learners
from producers.openedx.tracking import parse_line, read_lines, read_number, read_user
from producers.openedx.viewings import Viewing, Viewings
from xapi_profiles.vocabulary import Verb

times = st.floats(0, 100).map(lambda time: round(time, 1))
steps = st.tuples(st.sampled_from([Verb.PLAYED, Verb.PAUSED, Verb.SEEKED, Verb.TERMINATED]), times, times)


@given(st.lists(steps, max_size=30))
def test_progress_is_a_share_that_never_falls(events: list[tuple[str, float, float]]) -> None:
    viewing, before = Viewing(length=100), 0.0
    for verb, time, other in events:
        viewing.take(verb, time, other if verb == Verb.SEEKED else None)
        assert viewing.progress is not None
        assert before <= viewing.progress <= 1
        before = viewing.progress


@given(st.lists(times, min_size=2, max_size=10, unique=True))
def test_a_video_watched_in_pieces_is_watched_whole(cuts: list[float]) -> None:
    viewing = Viewing(length=max(cuts) - min(cuts))
    cuts = sorted(cuts)
    for begin, end in pairwise(cuts):
        viewing.take(Verb.PLAYED, begin)
        viewing.take(Verb.PAUSED, end)
    assert viewing.progress == pytest.approx(1, abs=0.001)


def test_a_jump_while_playing_ends_one_segment_and_begins_another() -> None:
    viewing = Viewing(length=100)
    viewing.take(Verb.PLAYED, 0)
    viewing.take(Verb.SEEKED, 50, 10)
    viewing.take(Verb.PAUSED, 60)
    viewing.take(Verb.SEEKED, 0, 60)
    viewing.take(Verb.PAUSED, 30)
    assert viewing.text == "0[.]10[,]50[.]60"
    assert viewing.progress == 0.2


def test_a_video_loaded_again_is_a_viewing_of_its_own() -> None:
    viewings = Viewings()
    first = viewings.find("a")
    assert viewings.find("a") is first
    assert viewings.find("b") is not first
    assert viewings.find("a", anew=True) is not first


def test_a_line_may_stand_behind_what_a_log_server_wrote() -> None:
    tracked = parse_line(b'Nov 24 lms1 [tracking] {"name": "play_video", "event_source": "browser"}')
    assert (tracked.kind, tracked.source) == ("play_video", "browser")


@given(st.binary(max_size=60))
def test_any_line_is_read_or_rejected(line: bytes) -> None:
    try:
        tracked = parse_line(line)
    except RowRejected:
        return
    assert tracked.kind


@pytest.mark.parametrize("value", [True, "many", -1, [1], {}, "nan"])
def test_what_is_no_number_is_rejected(value: object) -> None:
    with pytest.raises(RowRejected):
        read_number({"grade": value}, "grade")


@pytest.mark.parametrize("value", [True, "seven", -1, 1.5, "\u0667"])
def test_what_is_no_user_is_rejected(value: object) -> None:
    with pytest.raises(RowRejected):
        read_user({"user_id": value})


@pytest.mark.parametrize(("value", "user"), [(7, "7"), ("7", "7"), (None, ""), ("", "")])
def test_users_are_numbers_or_their_text(value: object, user: str) -> None:
    assert read_user({"user_id": value}) == user


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="cannot be read"):
        list(read_lines(tmp_path / "absent.log"))


def test_a_table_of_users_is_found_by_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("username;email;id\nada;ada@example.org;7\nbroken\n")
    assert read_learners(path) == {"7": "ada@example.org"}
    path.write_text("7,ada@example.org\n")
    with pytest.raises(UnreadableInput, match="id and email"):
        read_learners(path)
