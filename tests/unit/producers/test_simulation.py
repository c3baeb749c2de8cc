"""The simulated day against its own statements: what the producers make of its files must add up to its truth."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from producers.bigbluebutton import BigBlueButtonSource, Conventions, parse_event
from producers.gaia import GaiaSource
from producers.gaia.extracts import Reading
from producers.meetings import Meetings
from producers.naming import Naming
from producers.production import map_rows
from producers.rows import Place, Rejected, Source
from producers.simulation import (
    Day,
    Files,
    choose_shift,
    find_truth,
    live_events,
    present_at,
    simulate_day,
    write,
)
from producers.simulation.day import QUIET
from producers.simulation.files import BIGBLUEBUTTON_PREFIX, video_statements
from producers.zoom import ZoomSource
from xapi_profiles.profile import load_profiles
from xapi_profiles.templates import ConformanceChecker
from xapi_profiles.validation import check_statements
from xapi_profiles.vocabulary import Extension, Verb

PARIS = ZoneInfo("Europe/Paris")
NAMING = Naming("institut")
DAY = date(2026, 11, 20)
# The afternoon's slot at its own hours, across 13:00, and across midnight (which moves the morning's across 13:00).
SHIFTS = [timedelta(), timedelta(hours=-2), timedelta(hours=9, minutes=7), timedelta(hours=-9, minutes=-30)]

Span = tuple[datetime, datetime]


def sources(day: Day, files: Files) -> list[Source]:
    conventions = Conventions(NAMING.system("bigbluebutton"), BIGBLUEBUTTON_PREFIX)
    return [
        GaiaSource(files.gaia, Reading(day.zone)),
        BigBlueButtonSource(str(files.bigbluebutton), conventions),
        ZoomSource(files.zoom, Meetings(day.zone)),
    ]


def read_all(day: Day, files: Files) -> tuple[dict[str, dict[str, dict[str, Any]]], Counter[str]]:
    """Statements by source and id, as a store keeps them, and the rejected rows counted by source."""
    stored: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    rejected: Counter[str] = Counter()
    for source in sources(day, files):
        for one in map_rows(source, source.read(None), NAMING):
            if isinstance(one, Rejected):
                rejected[source.name] += 1
            else:
                stored[source.name].setdefault(one["id"], one)
    for name, path in (("room", files.tablets), ("video", files.videos)):
        stored[name] = {one["id"]: one for one in map(orjson.loads, path.read_bytes().splitlines())}
    return stored, rejected


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


class Store:
    """The rules of the boards' views, told again over plain lists."""

    def __init__(self, stored: dict[str, dict[str, dict[str, Any]]]) -> None:
        statements = [one for source in stored.values() for one in source.values()]
        self.statements = sorted(statements, key=lambda one: (moment(one["timestamp"]), one["id"]))

    def slots(self) -> dict[str, list[Span]]:
        planned: dict[tuple[str, datetime], timedelta | None] = {}
        for one in self.statements:
            if one["verb"]["id"] in (Verb.SCHEDULE, Verb.CANCEL):
                extensions = one["context"]["extensions"]
                length = extensions.get(Extension.PLANNED_DURATION)
                hours = None if length is None else parse_hours(length)
                planned[one["object"]["id"], moment(extensions[Extension.PLANNED_START_TIME])] = hours
        slots = defaultdict(list)
        for (session, start), length in sorted(planned.items()):
            if length is not None:
                slots[session].append((start, start + length))
        return slots

    def registrations(self) -> set[tuple[str, str]]:
        net = {}
        for one in self.statements:
            if one["verb"]["id"] in (Verb.REGISTERED, Verb.UNREGISTERED):
                net[one["object"]["id"], one["actor"]["mbox"]] = one["verb"]["id"] == Verb.REGISTERED
        return {key for key, registered in net.items() if registered}

    def stays(self) -> list[tuple[str, str, str, datetime, datetime]]:
        slots = self.slots()
        events = defaultdict(list)
        for one in self.statements:
            if one["verb"]["id"] in (Verb.JOIN, Verb.CHECKIN, Verb.LEAVE):
                context = one["context"]
                session = context["contextActivities"]["parent"][0]["id"]
                actor = one["actor"].get("mbox") or one["actor"]["account"]["name"]
                extensions = context["extensions"]
                key = (session, actor, extensions[Extension.MODALITY], extensions.get(Extension.CONNECTION, ""))
                events[key].append((moment(one["timestamp"]), one["verb"]["id"]))
        stays = []
        for (session, actor, modality, _), told in events.items():
            for (at, verb), following in zip(told, [*told[1:], None], strict=True):
                if verb == Verb.LEAVE:
                    continue
                ends = min((end for _, end in slots[session] if end > at), default=at)
                if following and following[1] == Verb.LEAVE:
                    ends = following[0]
                elif following:
                    ends = min(ends, following[0])
                stays.append((session, actor, modality, at, ends))
        return stays

    def seconds(self, now: datetime) -> dict[tuple[str, str, str, str], int]:
        covered: dict[tuple[str, str, str, str], set[int]] = defaultdict(set)
        slots = self.slots()
        for session, actor, modality, starts, ends in self.stays():
            for begin, end in slots[session]:
                half = begin.astimezone(PARIS)
                name = f"{half:%Y-%m-%d} {'am' if half.hour < 13 else 'pm'}"
                span = range(int(max(starts, begin).timestamp()), int(min(ends, end, now).timestamp()))
                if span:
                    covered[session, actor, name, modality].update(span)
        return {key: len(seconds) for key, seconds in covered.items()}


def parse_hours(text: str) -> timedelta:
    hours, _, minutes = text.removeprefix("PT").partition("H") if "H" in text else ("0", "", text.removeprefix("PT"))
    return timedelta(hours=int(hours), minutes=int(minutes.removesuffix("M") or 0))


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
@pytest.mark.parametrize("share", [None, 0.75])
def test_the_statements_of_a_day_add_up_to_its_truth(tmp_path: Path, shift: timedelta, share: float | None) -> None:
    day = simulate_day(DAY, shift=shift)
    begin, end = day.sessions[0].rows[0][0], day.sessions[0].rows[-1][1]
    until = None if share is None else begin + (end - begin) * share
    stored, rejected = read_all(day, write(day, tmp_path, NAMING, until))
    truth = find_truth(day, until)
    store = Store(stored)

    assert {name: len(of_source) for name, of_source in stored.items()} == truth.statements
    assert {**dict.fromkeys(truth.rejected, 0), **rejected} == truth.rejected
    assert {(session.rsplit("/", 1)[1], *span) for session, spans in store.slots().items() for span in spans} == set(
        truth.slots
    )
    assert {(session.rsplit("/", 1)[1], mbox.removeprefix("mailto:")) for session, mbox in store.registrations()} == (
        set(truth.registrations)
    )
    told = store.seconds(truth.until)
    attended = {(one.session, one.half_day, one.modality, one.learner): one.seconds for one in truth.attendance}
    named = {
        (session.rsplit("/", 1)[1], half, modality, actor.removeprefix("mailto:")): seconds
        for (session, actor, half, modality), seconds in told.items()
    }
    by_address = {key: seconds for key, seconds in attended.items() if "@" in key[3]}
    assert {key: seconds for key, seconds in named.items() if "@" in key[3]} == by_address
    # Guests have other names in statements: their number and their time must agree.
    assert sorted(seconds for key, seconds in named.items() if "@" not in key[3]) == sorted(
        seconds for key, seconds in attended.items() if "@" not in key[3]
    )
    hours: Counter[str] = Counter()
    for key, seconds in named.items():
        hours[key[2]] += seconds
    assert {modality: seconds / 3600 for modality, seconds in hours.items()} == pytest.approx(truth.hours)


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_those_present_at_an_instant_are_those_of_the_statements(tmp_path: Path, shift: timedelta) -> None:
    day = simulate_day(DAY, shift=shift)
    begin, end = day.sessions[0].rows[-1]
    now = begin + (end - begin) / 2
    store = Store(read_all(day, write(day, tmp_path, NAMING, now))[0])
    present = {(stay[0], stay[1], stay[2]) for stay in store.stays() if stay[3] <= now < stay[4]}
    assert Counter(modality for _, _, modality in present) == present_at(day, now, now)
    # Those who came before a border of half-days, and whose leave is not told yet, are held to have left there.
    borders = [start for start, _ in day.sessions[0].slots if begin < start <= now]
    assert (sum(present_at(day, now, now).values()) > 100) == (not borders)


def test_all_statements_are_valid_and_conform_to_their_profiles(tmp_path: Path) -> None:
    day = simulate_day(DAY)
    stored, _ = read_all(day, write(day, tmp_path, NAMING))
    verbs = {statement["verb"]["id"] for of_source in stored.values() for statement in of_source.values()}
    assert {Verb.PLAYED, Verb.PAUSED, Verb.JOIN, Verb.CHECKIN, Verb.REGISTERED, Verb.SCHEDULE} <= verbs
    checker = ConformanceChecker(load_profiles())
    for of_source in stored.values():
        check_statements(list(of_source.values()), "1.0.3")
        for statement in of_source.values():
            standing = checker.check(statement)
            assert standing.state == "conformant", standing


def test_nobody_watches_more_of_a_video_than_there_is() -> None:
    videos = [one for _, one in video_statements(simulate_day(DAY).viewings, NAMING)]
    paused = [one["result"]["extensions"] for one in videos if one["verb"]["id"] == Verb.PAUSED]
    assert all(0 < extensions[Extension.VIDEO_PROGRESS] <= 1 for extensions in paused)


def test_the_same_arguments_give_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    def written(name: str, seed: int) -> dict[str, bytes]:
        write(simulate_day(DAY, seed=seed), tmp_path / name, NAMING)
        root = tmp_path / name
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    first, again, other = written("a", 1), written("b", 1), written("c", 2)
    assert first == again
    assert first != other


def test_a_day_has_all_that_makes_attendance_hard() -> None:
    day = simulate_day(DAY)
    registered = {(session.id, person.key) for session, person in day.registered}
    came = {(stay.session.id, stay.person.key) for stay in day.stays}
    by_learner = defaultdict(set)
    for stay in day.stays:
        by_learner[stay.session.id, stay.person.key].add((stay.row, stay.modality))
    connections = Counter((stay.session.id, stay.person.key, stay.row) for stay in day.stays if stay.channel != "room")
    slots = {session.id: session.slots for session in day.sessions}
    assert 12 <= len(day.sessions) <= 20
    assert 250 <= len({person.key for _, person in day.registered}) <= 400
    assert {session.modality.value for session in day.sessions} == {"in-person", "remote", "hybrid"}
    assert {session.channel for session in day.sessions} == {"room", "bigbluebutton", "zoom"}
    assert registered - came, "no-shows"
    assert came - registered, "walk-ins"
    assert max(connections.values()) > 1, "reconnections"
    assert any(not stay.leaves for stay in day.stays), "leaves never told"
    assert any({(0, "remote"), (1, "in-person")} <= rows for rows in by_learner.values()), "a change of modality"
    assert any(stay.starts < slots[stay.session.id][0][0] for stay in day.stays), "early arrivals"
    assert any(not person.email for _, person in [(0, stay.person) for stay in day.stays]), "guests"


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_nobody_comes_or_goes_around_the_middle_of_a_half_day(shift: timedelta) -> None:
    now = datetime(2026, 11, 20, 10, 3, tzinfo=UTC)
    day = simulate_day(DAY, shift=shift, quiet_at=now)
    rows = day.sessions[0].rows
    middles = [now, *(begin + (end - begin) / 2 for begin, end in rows)]
    moments = [one for stay in day.stays for one in (stay.starts, stay.ends)]
    assert not [one for one in moments for middle in middles if abs(one - middle) < QUIET]


@pytest.mark.parametrize("minutes", range(0, 24 * 60, 35))
def test_now_falls_into_an_afternoon_that_is_one_half_day(minutes: int) -> None:
    now = datetime(2026, 11, 22, 23, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    chosen, shift = choose_shift(now, PARIS)
    day = simulate_day(chosen, shift=shift, quiet_at=now)
    begin, end = day.sessions[0].rows[-1]
    assert begin <= now <= end
    assert len(day.sessions[0].slots) - 1 <= 2
    assert day.sessions[0].slots[-1] == (begin, end)
    assert present_at(day, now, now)


def test_live_events_go_on_in_order_at_a_bounded_rate_and_conform_to_their_profiles() -> None:
    now = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
    day = simulate_day(DAY)
    events = list(
        takewhile(lambda event: event.at < now + timedelta(minutes=20), live_events(day, NAMING, since=now, rate=0.5))
    )
    assert all(first.at <= second.at for first, second in pairwise(events))
    assert all(event.at >= now for event in events)
    assert {event.channel for event in events} == {"bigbluebutton", "room", "video"}
    # 600 by the rate; the rest is what these bring about later, and the day's own.
    assert 500 < len(events) < 1600
    source = BigBlueButtonSource("-", Conventions(NAMING.system("bigbluebutton"), BIGBLUEBUTTON_PREFIX))
    ids, checker = set(), ConformanceChecker(load_profiles())
    for event in events:
        if event.channel == "bigbluebutton":
            (statement,) = map_rows(source, parse_event(event.body, Place("live", 1), ""), NAMING)
        else:
            statement = event.body
        check_statements(statement, "1.0.3")
        assert checker.check(statement).state == "conformant", statement
        ids.add(statement["id"])
    assert len(ids) == len(events)


def test_live_events_keep_who_is_where_straight() -> None:
    now = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
    day = simulate_day(DAY)
    until = now + timedelta(hours=3)
    present: Counter[Any] = Counter()
    for event in takewhile(lambda event: event.at < until, live_events(day, NAMING, since=now)):
        if event.channel == "bigbluebutton":
            attributes = event.body["data"]["attributes"]
            key = (attributes["meeting"]["external-meeting-id"], attributes["user"]["internal-user-id"])
            arrives = event.body["data"]["id"] == "user-joined"
        elif event.channel == "room":
            key = (event.body["object"]["id"], event.body["actor"]["mbox"])
            arrives = event.body["verb"]["id"] == Verb.CHECKIN
        else:
            continue
        present[key] += 1 if arrives else -1
        # Those already there at the start leave without an arrival of this stream.
        assert present[key] in (-1, 0, 1)
