"""GAIA: a folder of full extracts for each day, of the sessions that are planned or were held in the last week."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from producers.simulation.year.attendance import SessionDay
from producers.simulation.year.calendar import Calendar, Span
from producers.simulation.year.catalogue import Module
from producers.simulation.year.people import Speaker
from producers.simulation.year.planning import Registration, Session, Version
from producers.simulation.year.world import World
from xapi_profiles.vocabulary import Modality

SOURCE: Final = "gaia"
KEPT: Final = 7
"""Days for which a session stays in the extracts once it is over."""

_CODE: Final = "INST"
_GROUPS: Final = 100
_PLACE_TYPES: Final = {
    Modality.IN_PERSON: "PRESENTIEL",
    Modality.REMOTE: "DISTANCIEL",
    Modality.HYBRID: "HYBRIDE",
    Modality.ASYNCHRONOUS: "AUTOFORMATION",
}


class Gaia:
    """Writes extracts, and counts what changes from one to the next."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, world.tally.sources[SOURCE]
        self._lines: dict[int, tuple[int, bytes]] = {}
        self._learners: dict[tuple[int, int], bytes] = {}
        self._intervenants = "".join(
            _line("INTE", module.id, speaker.last.upper(), speaker.first, speaker.email) + "\r\n"
            for module, speaker in _find_speakers(world)
        ).encode("cp1252")

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:  # noqa: ARG002 - extracts know nothing of it
        """Write the extract of a day, and count what a reader of all extracts is told by it."""
        calendar = self._world.calendar
        formations: list[bytes] = []
        stagiaires: list[bytes] = []
        for session in self._world.plan.sessions:
            if session.is_known(day) and day <= calendar.day_of(session.final.rows[-1][1]) + KEPT:
                formations.append(self._tell_session(session, day))
                stagiaires += self._tell_learners(session, day)
            self._count_changes(session, day)
        # Rubbish: a date that is none, rows with columns missing; of sessions that no other row tells.
        formations.append(
            _rubbish(b"FORM|26NADM03|Encadrement|26NADM03-M9|Rien|990001|01|31/02/2026|09:00|31/02/2026|12:00")
        )
        stagiaires.append(b"STAG|990002|COUP\xc9\r\n")
        self._count.rejected += 2
        folder = self._world.directory / "gaia" / f"{calendar.date_of(day):%Y%m%d}"
        folder.mkdir(parents=True, exist_ok=True)
        for kind, content in (
            ("Formations", b"".join(formations)),
            ("Stagiaires", b"".join(stagiaires)),
            ("Intervenants", self._intervenants),
        ):
            (folder / f"{_CODE}_{kind}_{folder.name}.csv").write_bytes(content)
            self._count.rows += content.count(b"\n")

    def close(self) -> None:
        """Nothing is left."""

    def _tell_session(self, session: Session, day: int) -> bytes:
        version = session.version_at(day)
        known = self._lines.get(session.number)
        if known is None or known[0] != version.since:
            text = "".join(line + "\r\n" for line in _tell_rows(session, version, self._world.calendar))
            known = self._lines[session.number] = version.since, text.encode("cp1252")
        return known[1]

    def _tell_learners(self, session: Session, day: int) -> Iterator[bytes]:
        for number, one in enumerate(session.registrations):
            if one.since > day or (one.withdrawn is not None and one.withdrawn <= day):
                continue
            key = session.number, number
            line = self._learners.get(key)
            if line is None:
                line = self._learners[key] = _tell_learner(session, one)
            yield line
            self._count.rejected += one.spoiled
            self._count.lost += one.spoiled
            if number == 1 and session.number % 7 == 0:  # some are entered twice
                self._count.duplicates += 1
                yield line

    def _count_changes(self, session: Session, day: int) -> None:
        """Count the statements by which this extract differs from the last one, or from nothing."""
        fresh = day == 0
        calendar = self._world.calendar
        if calendar.day_of(session.final.rows[-1][1]) + KEPT < day:
            return
        now = _slots(session, day, calendar)
        before = {} if fresh else _slots(session, day - 1, calendar)
        gone = sum(key not in now for key in before)
        self._count.statements += gone + sum(before.get(key) != value for key, value in now.items())
        people = _registered(session, day)
        people_before = set() if fresh else _registered(session, day - 1)
        self._count.statements += len(people ^ people_before)


def _slots(session: Session, day: int, calendar: Calendar) -> dict[int, tuple[int, str]]:
    if not session.is_known(day):
        return {}
    version = session.version_at(day)
    room = version.room.name if version.room else ""
    return {begin: (end, room) for row in version.rows for begin, end in calendar.cut(row)}


def _registered(session: Session, day: int) -> set[int]:
    if not session.is_known(day):
        return set()
    return {one.person.number for one in session.registered_at(day) if not one.spoiled}


def _tell_rows(session: Session, version: Version, calendar: Calendar) -> Iterator[str]:
    module = session.module
    place = version.room.name if version.room else "Classe virtuelle"
    for group in ("01", "02") if session.places > _GROUPS else ("01",):
        for row in version.rows:
            yield _line(
                "FORM",
                module.pathway,
                module.pathway_name,
                module.id,
                module.name,
                session.id,
                group,
                _tell_times(row, calendar),
                _PLACE_TYPES[session.modality],
                place,
            )


def _tell_times(row: Span, calendar: Calendar) -> str:
    return "|".join(f"{calendar.local(moment):%d/%m/%Y|%H:%M}" for moment in row)


def _tell_learner(session: Session, one: Registration) -> bytes:
    person = one.person
    email = person.email.replace("@", " chez ") if one.spoiled else person.email
    return (_line("STAG", session.id, person.last.upper(), person.first, email) + "\r\n").encode("cp1252")


def _find_speakers(world: World) -> Iterator[tuple[Module, Speaker]]:
    """Yield who teaches which module, each once."""
    told = set()
    for session in world.plan.sessions:
        for number in session.speakers:
            if (session.module.id, number) not in told:
                told.add((session.module.id, number))
                yield session.module, world.institute.speakers[number]


def _rubbish(row: bytes) -> bytes:
    return row + b"|PRESENTIEL|Salle|\r\n"


def _line(*values: str) -> str:
    return "|".join(values) + "|"
