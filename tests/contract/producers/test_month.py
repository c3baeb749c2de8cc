"""A month of the simulated institute through every producer at once: its figures are the simulation's own truth."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from producers.attendance import name_half_day
from producers.naming import Naming
from producers.simulation.year import Size, write_year
from tests.contract.producers.month import TABLET, Month, read_month
from tests.contract.producers.reading import PARIS, assert_conformant
from xapi_profiles.validation import check_statements
from xapi_profiles.vocabulary import ActivityType, Extension, Modality, Verb

NAMING = Naming("institut")
MONTH = Size(trainees=300, days=30)
PRESENCE = (Verb.JOIN, Verb.CHECKIN, Verb.LEAVE)

Span = tuple[datetime, datetime]


class Known(NamedTuple):
    """A directory of the simulation, its truth, and what the producers made of it."""

    truth: dict[str, Any]
    month: Month


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    directory = tmp_path_factory.mktemp("month") / "institute"
    truth = write_year(MONTH, directory, NAMING)
    return Known(orjson.loads(truth.read_bytes()), read_month(directory, NAMING))


def name(iri: str) -> str:
    return iri.rsplit("/", 1)[1]


def who(statement: dict[str, Any]) -> str:
    actor = statement["actor"]
    return str(actor.get("mbox") or actor["account"])


@cache
def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@cache
def length(text: str) -> timedelta:
    hours, minutes, seconds = 0, 0, 0
    rest = text.removeprefix("PT")
    if "H" in rest:
        part, rest = rest.split("H")
        hours = int(part)
    if "M" in rest:
        part, rest = rest.split("M")
        minutes = int(part)
    if rest:
        seconds = int(rest.removesuffix("S"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


class Store:
    """The rules of the boards' views (slots, registrations, attendance), told again over plain lists."""

    def __init__(self, month: Month) -> None:
        statements = list(month.everything)
        self.voided = {one["object"]["id"] for one in statements if one["verb"]["id"] == Verb.VOIDED}
        current = [one for one in statements if one["id"] not in self.voided]
        self.statements = sorted(current, key=lambda one: one["timestamp"])

    def told(self, *verbs: str) -> Iterator[dict[str, Any]]:
        return (one for one in self.statements if one["verb"]["id"] in verbs)

    def slots(self) -> dict[str, list[Span]]:
        planned: dict[tuple[str, datetime], dict[str, Any]] = {}
        for one in self.told(Verb.SCHEDULE, Verb.CANCEL):
            if one["object"]["definition"]["type"] == ActivityType.SESSION:
                extensions = one["context"]["extensions"]
                start = instant(extensions[Extension.PLANNED_START_TIME])
                planned[name(one["object"]["id"]), start] = extensions
        slots = defaultdict(list)
        for (session, start), extensions in planned.items():
            if Extension.PLANNED_DURATION in extensions:
                slots[session].append((start, start + length(extensions[Extension.PLANNED_DURATION])))
        return slots

    def registrations(self) -> set[tuple[str, str]]:
        """Registrations to sessions, net of withdrawals."""
        net = {}
        for one in self.told(Verb.REGISTERED, Verb.UNREGISTERED):
            if one["object"]["definition"]["type"] == ActivityType.SESSION:
                net[name(one["object"]["id"]), who(one)] = one["verb"]["id"] == Verb.REGISTERED
        return {key for key, registered in net.items() if registered}

    def stays(self) -> Iterator[tuple[str, str, str, datetime, datetime]]:
        slots = self.slots()
        events = defaultdict(list)
        for one in self.told(*PRESENCE):
            extensions = one["context"]["extensions"]
            session = name(one["context"]["contextActivities"]["parent"][0]["id"])
            key = (session, who(one), extensions[Extension.MODALITY], extensions.get(Extension.CONNECTION, ""))
            events[key].append((instant(one["timestamp"]), one["verb"]["id"]))
        for (session, actor, modality, _), told in events.items():
            for (at, verb), following in zip(told, [*told[1:], None], strict=True):
                if verb == Verb.LEAVE:
                    continue
                ends = min((end for _, end in slots[session] if end > at), default=at)
                if following and following[1] == Verb.LEAVE:
                    ends = following[0]
                elif following:
                    ends = min(ends, following[0])
                yield session, actor, modality, at, ends

    def seconds(self) -> dict[tuple[str, str, datetime, str], int]:
        """Attended seconds by session, learner, start of the slot and modality, from stays."""
        spans = defaultdict(list)
        slots = self.slots()
        for session, actor, modality, starts, ends in self.stays():
            for begin, end in slots[session]:
                if max(starts, begin) < min(ends, end):
                    spans[session, actor, begin, modality].append((max(starts, begin), min(ends, end)))
        return {key: measure(some) for key, some in spans.items()}


def measure(spans: list[Span]) -> int:
    total, reached = timedelta(), None
    for begin, end in sorted(spans):
        start = begin if reached is None else max(begin, reached)
        if end > start:
            total += end - start
            reached = end
    return round(total.total_seconds())


@pytest.fixture(scope="module")
def store(known: Known) -> Store:
    return Store(known.month)


def test_each_source_gives_the_statements_and_the_rejected_rows_that_it_should(known: Known) -> None:
    month = known.month
    read = {
        source: (len(month.statements[source]), len(month.rejected[source]))
        for source in month.statements.keys() | month.rejected.keys()
    }
    assert read == {
        source: (count["statements"], count["rejected"]) for source, count in known.truth["sources"].items()
    }
    assert all(count["rejected"] for source, count in known.truth["sources"].items() if source != TABLET)


def test_every_statement_is_valid_and_conforms_to_its_profile(known: Known) -> None:
    for statement in known.month.everything:
        check_statements(statement, "1.0.3")
        if statement["verb"]["id"] != Verb.VOIDED:
            assert_conformant(statement)


def test_sessions_and_their_slots_are_those_that_were_planned(known: Known, store: Store) -> None:
    slots = {session: len(spans) for session, spans in store.slots().items()}
    assert slots == {session: one["slots"] for session, one in known.truth["by_session"].items()}
    assert len(slots) == known.truth["sessions"]["planned"]
    assert sum(slots.values()) == known.truth["sessions"]["slots"]


def test_registrations_are_those_that_hold_but_for_malformed_addresses(known: Known, store: Store) -> None:
    sessions = known.truth["by_session"]
    registered = Counter(session for session, _ in store.registrations() if session in sessions)
    assert registered == Counter({session: one["registered_told"] for session, one in sessions.items()})
    truth = known.truth["registrations"]
    assert registered.total() == truth["told"]
    assert sum(one["registered"] for one in sessions.values()) == truth["happened"] > truth["told"]
    elsewhere = Counter(session for session, _ in store.registrations() if session not in sessions)
    assert elsewhere.total() == truth["elsewhere"]["openedx"]
    assert all(session.startswith("course-v1") for session in elsewhere)


def test_attended_time_is_what_the_systems_can_tell(known: Known, store: Store) -> None:
    by_modality: Counter[str] = Counter()
    by_session: dict[str, Counter[str]] = defaultdict(Counter)
    stayed = set()
    for (session, actor, begin, modality), seconds in store.seconds().items():
        by_modality[modality] += seconds
        by_session[session][modality] += seconds
        stayed.add((session, actor, name_half_day(begin, PARIS), modality))
    told: dict[tuple[str, str, str, str], int] = {}
    for one in store.told(Verb.ATTENDED):
        extensions = one["context"]["extensions"]
        session, modality = name(one["object"]["id"]), extensions[Extension.MODALITY]
        key = session, who(one), extensions[Extension.HALF_DAY], modality
        # What a sheet says is there as a check-in too, and is counted from it.
        if key not in stayed:
            told[key] = max(told.get(key, 0), round(length(one["result"]["duration"]).total_seconds()))
    for (session, _, _, modality), seconds in told.items():
        by_modality[modality] += seconds
        by_session[session][modality] += seconds
    half_days = len(stayed) + len(told)
    assert by_modality == known.truth["hours"]["told"]["by_modality"]
    assert half_days == known.truth["hours"]["half_days"]
    assert by_session == {
        session: one["seconds_told"] for session, one in known.truth["by_session"].items() if one["seconds_told"]
    }


def test_sheets_say_the_same_in_both_of_their_forms(known: Known, store: Store) -> None:
    signed = [
        one for one in store.told(Verb.ATTENDED) if one["context"]["extensions"][Extension.EVIDENCE] == "sign-in-sheet"
    ]
    seconds = sum(round(length(one["result"]["duration"]).total_seconds()) for one in signed)
    assert seconds == known.truth["hours"]["told"]["by_evidence"]["sign-in-sheet in-person"]


def test_what_is_told_differs_from_what_happened_by_the_known_differences_alone(known: Known) -> None:
    hours, differences = known.truth["hours"], known.truth["differences"]
    explained: Counter[str] = Counter()
    for cause, counts in differences.items():
        assert cause != "unexplained"
        explained.update({modality: change for modality, change in counts.items() if modality != "half_days"})
    happened, told = Counter(hours["happened"]["by_modality"]), Counter(hours["told"]["by_modality"])
    told.subtract(happened)
    assert {key: change for key, change in told.items() if change} == {
        key: change for key, change in explained.items() if change
    }
    assert {"missing leave", "clock skew", "spoiled row"} <= differences.keys()


def test_where_nothing_was_corrupted_what_is_told_is_what_happened(known: Known, store: Store) -> None:
    """Sessions without a fault are the greater part of those that are marked."""
    sessions = known.truth["by_session"]
    sound = {session for session, one in sessions.items() if one["seconds"] and one["seconds"] == one["seconds_told"]}
    assert len(sound) > 5
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for (session, _, _, modality), seconds in store.seconds().items():
        told[session][modality] += seconds
    assert {session: told[session] for session in sound if session in told} == {
        session: sessions[session]["seconds"] for session in sound if session in told
    }


def test_the_month_has_all_that_makes_an_institute_hard(known: Known) -> None:
    truth = known.truth
    assert {one["modality"] for one in truth["by_session"].values()} == {one.value for one in Modality}
    assert truth["sessions"]["cancelled"]
    assert truth["registrations"]["withdrawn"]
    assert {source for source, count in truth["sources"].items() if count["duplicates"]} >= {
        "gaia",
        "bigbluebutton",
        "zoom",
        "sign-in-sheet",
        "payroll",
    }
    names = " ".join(one["actor"].get("name", "") for one in known.month.everything)
    assert not names.isascii()


def test_analyses_agree_with_the_statements(known: Known, store: Store) -> None:
    analyses, indicators = known.truth["analyses"], known.truth["indicators"]
    rated = defaultdict(list)
    for one in store.told(Verb.RATED):
        rated[name(one["object"]["id"])].append(one["result"]["score"]["raw"])
    for module, quality in analyses["4_quality"].items():
        assert len(rated[module]) == quality["responses"]
        if quality["responses"]:
            assert sum(rated[module]) / len(rated[module]) == pytest.approx(quality["mean_rating"], abs=1e-6)
    taught = sum(length(one["result"]["duration"]).total_seconds() for one in store.told(Verb.TAUGHT))
    assert taught == indicators["taught_seconds"]
    certifiable = [one for one in store.told(Verb.EARNED) if one["object"]["id"].endswith("/badges/pix-certifiable")]
    assert len(certifiable) == indicators["pix_certifiable_speakers"]
    library = known.month.statements["digital-library"].values()
    verbs = Counter(one["verb"]["id"] for one in library)
    assert verbs[Verb.LOGGED_IN] == indicators["library"]["connections"]
    assert verbs[Verb.REGISTERED] == indicators["library"]["subscribers"]
    consulted = (Verb.VIEWED, Verb.DOWNLOADED)
    assert sum(verbs[verb] for verb in consulted) == indicators["consultations"]["digital-library"]
    for platform in ("magistere", "mentor"):
        viewed = [one for one in known.month.statements[platform].values() if one["verb"]["id"] in consulted]
        assert len(viewed) == indicators["consultations"][platform]
    kinds: Counter[str] = Counter()
    for one in store.told(Verb.SCHEDULE):
        if one["object"]["definition"]["type"] == ActivityType.SESSION:
            kinds[one["context"]["extensions"][Extension.MODALITY]] += 1
    assert kinds.keys() == known.truth["sessions"]["slots_by_modality"].keys()


def test_provenance_stands_on_what_learners_do_on_the_platforms(known: Known) -> None:
    """Académies and corps come with Moodle's statements, as they stand in its profile fields."""
    provenance = known.truth["analyses"]["2_provenance"]
    told = [one["context"].get("extensions", {}) for one in known.month.statements["magistere"].values()]
    assert {one[Extension.ORG_UNIT] for one in told} <= provenance["académie"].keys()
    assert {one[Extension.CORPS] for one in told} <= provenance["corps"].keys()


def test_the_same_size_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    def write(folder: str, seed: int) -> dict[str, bytes]:
        root = tmp_path / folder
        write_year(Size(trainees=60, days=15, seed=seed), root, NAMING)
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    first = write("first", 1)
    assert first == write("second", 1)
    other = write("third", 2)
    assert all(first[name] != other[name] for name in ("truth.json", "tablets.jsonl", "magistere.sqlite"))
