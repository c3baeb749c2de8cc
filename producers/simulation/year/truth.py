"""The figures that boards must show of the simulated year: each analysis and each indicator that its data can tell.

They are computed from the plan and the counts of the simulation, from no statement and no file. docs/simulation.md says
what each key means.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

import orjson

from producers.simulation.year.catalogue import MODULES, Kind, RoomKind
from producers.simulation.year.people import Role
from producers.simulation.year.planning import Registration, Session
from producers.simulation.year.systems.bookings import OPENING
from producers.simulation.year.world import World
from xapi_profiles.vocabulary import Modality


def tell_truth(world: World, trainees: int, days: int, seed: int) -> Path:
    """Write the truth into the world's directory; returns its file."""
    told = _Figures(world)
    document = {
        "institute": {
            "trainees": trainees,
            "speakers": len(world.institute.speakers),
            "rooms": len(world.institute.rooms),
            "first_day": world.calendar.first.isoformat(),
            "days": days,
            "seed": seed,
        },
        "sources": {
            name: {field: getattr(count, field) for field in count.__slots__}
            for name, count in sorted(world.tally.sources.items())
        },
        "sessions": told.count_sessions(),
        "registrations": told.count_registrations(),
        "hours": told.add_hours(),
        "differences": {
            cause: dict(sorted(counts.items())) for cause, counts in sorted(world.tally.differences.items())
        },
        "analyses": told.analyse(),
        "indicators": told.indicate(),
        "by_session": told.list_sessions(),
    }
    path = world.directory / "truth.json"
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS
    path.write_bytes(orjson.dumps(document, option=options))
    return path


class _Figures:
    """The plan as it stands on the last day, and what came of it."""

    def __init__(self, world: World) -> None:
        self._world, self._tally = world, world.tally
        self._last = world.calendar.days - 1
        self._known = [one for one in world.plan.sessions if one.is_known(self._last)]
        self._held = [one for one in self._known if one.number in self._tally.sessions]
        self._registered = {one.number: list(one.registered_at(self._last)) for one in self._known}

    def count_sessions(self) -> dict[str, Any]:
        """Sessions that are planned or were held, those that were cancelled, and half-day slots."""
        slots = Counter({one.modality.value: 0 for one in self._known})
        for one in self._known:
            slots[one.modality.value] += len(self._list_slots(one))
        cancelled = [
            one
            for one in self._world.plan.sessions
            if one.cancelled is not None and max(one.created, 0) < one.cancelled <= self._last
        ]
        return {
            "planned": len(self._known),
            "held": len(self._held),
            "cancelled": len(cancelled),
            "slots": sum(slots.values()),
            "slots_by_modality": dict(slots),
        }

    def count_registrations(self) -> dict[str, Any]:
        """Registrations that hold on the last day: as they are, as GAIA tells them, and those of other platforms."""
        everybody = [one for some in self._registered.values() for one in some]
        return {
            "happened": len(everybody),
            "told": sum(not one.spoiled for one in everybody),
            "withdrawn": sum(
                one.withdrawn is not None and max(one.since, 0) < one.withdrawn <= self._last
                for session in self._known
                for one in session.registrations
            ),
            "elsewhere": dict(self._tally.registered_elsewhere),
            "trainees": len({one.person.number for one in everybody}),
        }

    def add_hours(self) -> dict[str, Any]:
        """Attended seconds by modality, and by what they are founded on; they are hours when divided by 3,600."""
        sums: dict[str, dict[str, Counter[str]]] = {
            kind: {"by_modality": Counter(), "by_evidence": Counter()} for kind in ("happened", "told")
        }
        for count in self._tally.sessions.values():
            for kind, seconds in (("happened", count.happened), ("told", count.told)):
                for (modality, evidence), length in seconds.items():
                    sums[kind]["by_modality"][modality] += length
                    sums[kind]["by_evidence"][f"{evidence} {modality}"] += length
        half_days = sum(count.half_days for count in self._tally.sessions.values())
        return {"unit": "seconds", "half_days": half_days, **sums}

    def analyse(self) -> dict[str, Any]:
        """The numbered analyses."""
        return {
            "1_choice": self._choose(),
            "2_provenance": self._come_from(),
            "3_choice_by_former_occupation": self._cross(),
            "4_quality": {key: self._rate(some) for key, some in self._by_module(self._held).items()},
            "5_pathways": self._follow_pathways(),
            "6_use_after_training": self._tally.after_training,
            "7_sizing": {key: self._size(some) for key, some in self._by_module(self._known).items()},
            "8_modalities": {
                key: {modality: self._compare(same) for modality, same in _by_modality(some).items()}
                for key, some in self._by_module(self._held).items()
            },
            "9_demand": self._world.plan.demand,
            "10_types": self._break_down(),
            "11_trained_staff": self._train(),
            "12_use_of_rooms": self._use_rooms(),
        }

    def indicate(self) -> dict[str, Any]:
        """The indicators of the strategic plan."""
        tally = self._tally
        digital: Counter[Role] = Counter()
        for session in self._held:
            if Kind.DIGITAL_SKILLS in session.module.kinds:
                digital.update(tally.sessions[session.number].by_role)
        return {
            "trainee_seconds_by_kind": {kind.value: self._add_kind(kind) for kind in Kind},
            "self_study_video_seconds": tally.self_study["video"],
            "digital_skills_seconds_by_role": {role.value: digital[role] for role in Role},
            "newly_appointed": self._follow_up(),
            "modular_bricks": sum(one.brick for one in MODULES),
            "framework_backed": sum(one.framework for one in MODULES),
            "with_means": dict(Counter(one.means for one in MODULES if one.means)),
            "consultations": dict(sorted(tally.consultations.items())),
            "library": {"subscribers": len(tally.subscribers), "connections": tally.connections},
            "site": {
                month: {"visits": visits, "unique_visitors": len(tally.visitors[month])}
                for month, visits in sorted(tally.visits.items())
            },
            "pix_certifiable_speakers": tally.certified["speakers"],
            "room_use_rate": {kind: figures["rate"] for kind, figures in self._use_rooms().items()},
            "taught_seconds": sum(count.taught for count in tally.sessions.values()),
        }

    def list_sessions(self) -> dict[str, Any]:
        """Return the figures of each session."""
        listed = {}
        for session in self._known:
            count = self._tally.sessions.get(session.number)
            people = self._registered[session.number]
            listed[session.id] = {
                "module": session.module.id,
                "modality": session.modality.value,
                "slots": len(self._list_slots(session)),
                "places": session.places,
                "waiting": session.waiting,
                "registered": len(people),
                "registered_told": sum(not one.spoiled for one in people),
                "attended": len(count.attended) if count else 0,
                "seconds": _by_first(count.happened) if count else {},
                "seconds_told": _by_first(count.told) if count else {},
            }
        return listed

    def _list_slots(self, session: Session) -> list[tuple[int, int]]:
        version = session.version_at(self._last)
        return [slot for row in version.rows for slot in self._world.calendar.cut(row)]

    def _by_module(self, sessions: Iterable[Session]) -> dict[str, list[Session]]:
        grouped: dict[str, list[Session]] = defaultdict(list)
        for session in sessions:
            grouped[session.module.id].append(session)
        return dict(grouped)

    def _choose(self) -> dict[str, Any]:
        modules, pathways = Counter[str](), Counter[str]()
        for session in self._known:
            modules[session.module.id] += len(self._registered[session.number])
            pathways[session.module.pathway] += len(self._registered[session.number])
        return {"registrations_by_module": dict(modules), "registrations_by_pathway": dict(pathways)}

    def _come_from(self) -> dict[str, Any]:
        people = {one.person.number: one.person for some in self._registered.values() for one in some}.values()
        return {
            "académie": dict(Counter(one.academie for one in people)),
            "corps": dict(Counter(one.corps for one in people)),
            "former_occupation": dict(Counter(one.former for one in people)),
            "experience_years": dict(Counter(one.experience // 5 * 5 for one in people)),
        }

    def _cross(self) -> dict[str, dict[str, int]]:
        crossed: dict[str, Counter[str]] = defaultdict(Counter)
        for session in self._known:
            for one in self._registered[session.number]:
                crossed[one.person.former][session.module.id] += 1
        return {former: dict(counts) for former, counts in crossed.items()}

    def _rate(self, sessions: Iterable[Session]) -> dict[str, Any]:
        counts = [self._tally.sessions[one.number] for one in sessions]
        ratings = [rating for count in counts for rating in count.ratings]
        attended = sum(len(count.attended) for count in counts)
        responses = sum(count.responses for count in counts)
        return {
            "responses": responses,
            "mean_rating": round(mean(ratings), 6) if ratings else None,
            "comments": sum(count.comments for count in counts),
            "response_rate": _share(responses, attended),
        }

    def _follow_pathways(self) -> dict[str, Any]:
        """Sequences of modules attended within one pathway, time between them, and who stopped before the end."""
        sequences, gaps = Counter[str](), []
        begun, stopped = Counter[str](), Counter[str]()
        for followed in self._tally.followed.values():
            by_pathway: dict[str, list[tuple[int, Session]]] = defaultdict(list)
            for day, session in sorted(followed, key=lambda one: (one[0], one[1].number)):
                by_pathway[session.module.pathway].append((day, session))
            for pathway, some in by_pathway.items():
                sequences[" > ".join(session.module.id for _, session in some)] += 1
                gaps += [later[0] - sooner[0] for sooner, later in pairwise(some)]
                begun[pathway] += 1
        for pathway, count in self._count_absences().items():
            stopped[pathway] = count
        return {
            "sequences": dict(sequences),
            "median_days_between_modules": median(gaps) if gaps else None,
            "begun": dict(begun),
            "dropped_out": dict(stopped),
        }

    def _count_absences(self) -> Counter[str]:
        """Return by pathway how many attended a module of it, and missed a later one that they were registered to."""
        attended: dict[tuple[int, str], int] = {}
        missed: dict[tuple[int, str], int] = {}
        for session in self._held:
            count = self._tally.sessions[session.number]
            day = self._world.calendar.day_of(session.final.rows[-1][0])
            if day > self._last:
                continue
            for one in self._registered[session.number]:
                key = one.person.number, session.module.pathway
                if one.person in count.attended:
                    attended[key] = min(day, attended.get(key, day))
                else:
                    missed[key] = max(day, missed.get(key, day))
        return Counter(key[1] for key, day in missed.items() if attended.get(key, day) < day)

    def _size(self, sessions: Iterable[Session]) -> dict[str, Any]:
        sessions = list(sessions)
        places = sum(one.places for one in sessions)
        registered = sum(len(self._registered[one.number]) for one in sessions)
        return {
            "sessions": len(sessions),
            "places": places,
            "registered": registered,
            "attended": sum(
                len(self._tally.sessions[one.number].attended) for one in sessions if one.number in self._tally.sessions
            ),
            "waiting": sum(one.waiting for one in sessions),
            "fill_rate": _share(registered, places),
        }

    def _compare(self, sessions: Iterable[Session]) -> dict[str, Any]:
        sessions = list(sessions)
        counts = [self._tally.sessions[one.number] for one in sessions]
        people: list[tuple[Session, Registration]] = [
            (session, one) for session in sessions for one in self._registered[session.number]
        ]
        came = sum(one.person in self._tally.sessions[session.number].attended for session, one in people)
        seconds = Counter[str]()
        for count in counts:
            seconds.update(_by_first(count.told))
        on_platform = [one for one in sessions if one.platform]
        return {
            "sessions": len(sessions),
            "registered": len(people),
            "attendance_rate": _share(came, len(people)),
            "seconds": dict(seconds),
            "completed": sum(self._tally.sessions[one.number].completed for one in on_platform),
            **{key: value for key, value in self._rate(sessions).items() if key == "mean_rating"},
        }

    def _break_down(self) -> dict[str, Any]:
        """Sessions and told seconds by type; a MOOC is counted by those who enrolled."""
        types: dict[str, Counter[str]] = defaultdict(Counter)
        for session in self._held:
            kind = "M@gistère" if session.modality is Modality.ASYNCHRONOUS else session.modality.value
            types[kind]["sessions"] += 1
            types[kind]["seconds"] += sum(self._tally.sessions[session.number].told.values())
        types["MOOC"]["enrolled"] = self._tally.registered_elsewhere["openedx"]
        types["MOOC"].update(self._tally.mooc)
        return {kind: dict(counts) for kind, counts in types.items()}

    def _train(self) -> dict[str, Any]:
        trained = [self._world.institute.people[number] for number in sorted(self._tally.followed)]
        return {
            "trained": len(trained),
            "by_corps": dict(Counter(one.corps for one in trained)),
            "by_académie": dict(Counter(one.academie for one in trained)),
            "seconds": sum(self._tally.seconds_of[one.number] for one in trained),
        }

    def _use_rooms(self) -> dict[str, dict[str, Any]]:
        calendar = self._world.calendar
        working = sum(map(calendar.is_working, range(calendar.days)))
        figures = {}
        for kind in RoomKind:
            rooms = sum(one.kind is kind for one in self._world.institute.rooms)
            booked = self._tally.booked[kind]
            figures[kind.value] = {
                "rooms": rooms,
                "booked_seconds": booked,
                "open_seconds": rooms * working * OPENING,
                "rate": _share(booked, rooms * working * OPENING),
            }
        return figures

    def _add_kind(self, kind: Kind) -> dict[str, int]:
        counts = [self._tally.sessions[one.number] for one in self._held if kind in one.module.kinds]
        return {
            "happened": sum(sum(count.happened.values()) for count in counts),
            "told": sum(sum(count.told.values()) for count in counts),
        }

    def _follow_up(self) -> dict[str, Any]:
        """Those who were appointed in the year, and those of them who attended another module after their first."""
        year = self._world.calendar.first.year
        cohort = [one for one in self._world.institute.people if one.appointed == year]
        further = 0
        for person in cohort:
            sessions = {session.module.id for _, session in self._tally.followed.get(person.number, [])}
            further += len(sessions) > 1
        share = _share(further, len(cohort))
        return {"cohort": year, "people": len(cohort), "with_further_training": further, "share": share}


def _by_first(seconds: Counter[tuple[str, str]]) -> dict[str, int]:
    sums = Counter[str]()
    for (modality, _), length in seconds.items():
        sums[modality] += length
    return dict(sums)


def _by_modality(sessions: Iterable[Session]) -> dict[str, list[Session]]:
    grouped: dict[str, list[Session]] = defaultdict(list)
    for session in sessions:
        grouped[session.modality.value].append(session)
    return dict(grouped)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
