"""Who trains and who teaches at the invented institute, and where its rooms are. Names and places are mimesis' own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from mimesis import Address
from mimesis import Person as Names
from mimesis.locales import Locale

from producers.naming import slug
from producers.simulation.catalogue import ROOMS as ROOM_NAMES
from producers.simulation.year.catalogue import CORPS, FORMER_OCCUPATIONS, ROOMS, RoomKind

SPEAKERS_PER_TRAINEE: Final = 1_400 / 24_000
_ACADEMIES: Final = 30
# Shares of the trainees.
_NEWLY_APPOINTED, _FOREIGN, _STAFF, _SPEAKERS = 0.18, 0.02, 0.02, 0.02


class Role(StrEnum):
    """What somebody is to the institute when they train."""

    TRAINEE = "trainee"
    STAFF = "staff"
    SPEAKER = "speaker"


@dataclass(frozen=True, slots=True)
class Person:
    """A trainee. `appointed` is the year in which they came into their corps, `experience` the years before it."""

    number: int
    first: str
    last: str
    email: str
    academie: str
    corps: str
    former: str
    experience: int
    appointed: int
    role: Role
    foreign: bool

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody who teaches; `identifier` is the payroll's."""

    number: int
    first: str
    last: str
    email: str
    identifier: str

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"


@dataclass(frozen=True, slots=True)
class Room:
    """A room, and whether GRR books it (the others are booked in calendars)."""

    number: int
    name: str
    kind: RoomKind
    capacity: int
    in_grr: bool


@dataclass(frozen=True, slots=True)
class Institute:
    """The people and the rooms."""

    people: tuple[Person, ...]
    speakers: tuple[Speaker, ...]
    rooms: tuple[Room, ...]


def draw_institute(seed: int, trainees: int, year: int) -> Institute:
    """Draw an institute of so many trainees in a school year that begins in `year`."""
    names, places = Names(Locale.FR, seed=seed), Address(Locale.FR, seed=seed)
    rng = np.random.default_rng([seed, 1])
    taken: set[str] = set()

    def name(host: str) -> tuple[str, str, str]:
        first, last = names.first_name(), names.last_name()
        local = f"{slug(first)}.{slug(last)}"
        number, address = 1, f"{local}@{host}"
        while address in taken:
            number += 1
            address = f"{local}{number}@{host}"
        taken.add(address)
        return first, last, address

    speakers = tuple(
        Speaker(number, *name("intervenants.example.org"), f"F-{number + 1:04}")
        for number in range(max(8, round(trainees * SPEAKERS_PER_TRAINEE)))
    )
    academies = [f"Académie de {city}" for city in _draw_cities(places)]
    weights = 1 / np.arange(3, len(academies) + 3)
    where = rng.choice(len(academies), trainees, p=weights / weights.sum())
    corps = _choose(rng, CORPS, trainees)
    former = _choose(rng, FORMER_OCCUPATIONS, trainees)
    experience = rng.gamma(3.0, 3.0, trainees).astype(int)
    appointed = year - np.where(rng.random(trainees) < _NEWLY_APPOINTED, 0, rng.integers(1, 21, trainees))
    roles = rng.random(trainees)
    foreign = rng.random(trainees) < _FOREIGN
    people, training = [], 0
    for number in range(trainees):
        role = Role.STAFF if roles[number] < _STAFF else Role.TRAINEE
        if _STAFF <= roles[number] < _STAFF + _SPEAKERS:
            role = Role.SPEAKER
        host = "partenaires.example.net" if foreign[number] else "academie.example.org"
        first, last, email = name("institut.example.org" if role is Role.STAFF else host)
        if role is Role.SPEAKER:
            # Somebody of the speakers, each of whom trains as one person only.
            if training < len(speakers):
                speaker = speakers[training]
                first, last, email = speaker.first, speaker.last, speaker.email
                training += 1
            else:
                role = Role.TRAINEE
        people.append(
            Person(
                number, first, last, email, academies[where[number]], corps[number], former[number],
                int(experience[number]), int(appointed[number]), role, bool(foreign[number]),
            )
        )  # fmt: skip
    return Institute(tuple(people), speakers, tuple(_draw_rooms(names)))


def _draw_cities(places: Address) -> list[str]:
    cities: dict[str, None] = {}
    while len(cities) < _ACADEMIES:
        cities[places.city()] = None
    return list(cities)


def _draw_rooms(names: Names) -> list[Room]:
    """Give the rooms names: those of the simulated day first, so that amphitheatres are called so."""
    amphitheatres = [name for name in ROOM_NAMES if name.startswith("Amphi")]
    others = [name for name in ROOM_NAMES if name.startswith("Salle ") and "simulation" not in name]
    taken = {slug(name) for name in (*amphitheatres, *others)}

    def draw(kind: RoomKind) -> str:
        given = {RoomKind.AMPHITHEATRE: amphitheatres, RoomKind.TRAINING: others}.get(kind, [])
        if given:
            return given.pop(0)
        word = {RoomKind.AMPHITHEATRE: "Amphithéâtre", RoomKind.STUDIO: "Studio"}.get(kind, "Salle")
        while True:
            name = f"{word} {names.first_name()}-{names.last_name()}".replace(" ", "-").replace("-", " ", 1)
            if slug(name) not in taken:
                taken.add(slug(name))
                return name

    rooms: list[Room] = []
    for kind, capacities in ROOMS.items():
        for capacity in capacities:
            rooms.append(Room(len(rooms), draw(kind), kind, capacity, kind is not RoomKind.AMPHITHEATRE))
    return rooms


def _choose(rng: np.random.Generator, shares: dict[str, float], count: int) -> list[str]:
    words = list(shares)
    weights = np.array(list(shares.values()))
    return [words[place] for place in rng.choice(len(words), count, p=weights / weights.sum())]
