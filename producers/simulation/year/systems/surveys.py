"""Sphinx: a survey on each session, answered by some of those who came, exported month by month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from producers.simulation.year.attendance import SessionDay
from producers.simulation.year.catalogue import MODULES
from producers.simulation.year.people import Person
from producers.simulation.year.world import OncePerMonth, Table, World
from xapi_profiles.vocabulary import Modality

SURVEY: Final = "satisfaction"
RATING: Final = "Satisfaction globale"
COMMENT: Final = "Commentaire"
SESSION_COLUMN, MODULE_COLUMN = "SESSION", "MODULE"

_TABLE: Final = Table(
    (
        "CLE", "DATE_SAISIE", "DATE_ENREG", "ORIGINE_SAISIE", "PROGRESSION", SESSION_COLUMN, MODULE_COLUMN,
        "Nom", "E-mail", RATING, "Utilité", "Rythme", COMMENT,
    ),
    encoding="utf-8-sig",
)  # fmt: skip
_USES: Final = ("Pas utile", "Peu utile", "Utile", "Très utile")
_PACES: Final = ("Trop lent", "Adapté", "Trop rapide")
_COMMENTS: Final = (
    "Très bonne organisation, des échanges riches avec les collègues des autres académies.",
    "J'aurais aimé davantage de mises en situation ; le rythme de l'après-midi était trop soutenu.",
    "Contenu directement utilisable.\nÀ refaire l'an prochain !",
    "Salle trop chaude, mais intervenante passionnante et supports très clairs.",
)


class Sphinx:
    """The exports. One response a month has a rating that is not on the scale, another no date."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, world.tally.sources["sphinx"]
        self._due: dict[int, list[list[object]]] = {}
        self._key = 100
        self._once = OncePerMonth()
        self._quality = {module.id: 3.4 + 0.35 * (number * 7 % 5) for number, module in enumerate(MODULES)}

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:
        """Append the day's responses, and draw those to the sessions that end."""
        for one in held:
            if one.last:
                self._answer(one)
        rows = self._due.pop(day, [])
        month = self._world.month(day)
        if rows and self._once.is_due("rubbish", month):
            self._key += 1
            rows.append([self._key, "", "bientôt", "Web", "Terminé", *rows[0][5:]])
            self._count.rejected += 1
        self._count.rows += len(rows)
        if rows:
            _TABLE.append(self._world.directory / "sphinx" / f"{SURVEY}_{month}.csv", rows)

    def close(self) -> None:
        """Nothing is left: what is answered later stands in no export."""

    def _answer(self, held: SessionDay) -> None:
        world, session = self._world, held.session
        rng = world.draw(f"sphinx {session.number}", held.day)
        attended = world.tally.sessions[session.number].attended
        people = sorted((one for one in attended if isinstance(one, Person)), key=lambda one: one.number)
        mean = self._quality[session.module.id] - 0.3 * (session.modality is Modality.REMOTE)
        chances = rng.random((len(people), 7))
        for person, chance in zip(people, chances, strict=True):
            day = held.day + int(chance[1] * 5)
            if chance[0] > 0.45 or day >= world.calendar.days:  # noqa: PLR2004 - the share of those who answer
                continue
            at = world.calendar.at(day, int(17 * 60 + chance[2] * 300), int(chance[3] * 60))
            rating = min(5, max(1, round(mean + (chance[4] - 0.5) * 3)))
            comment = _COMMENTS[person.number % len(_COMMENTS)] if chance[5] < 0.3 else ""  # noqa: PLR2004
            use = _USES[min(3, max(0, rating - 2))] if chance[6] < 0.9 else ""  # noqa: PLR2004
            pace = _PACES[person.number % 3]
            self._put(held, day, at, person, rating, (use, pace, comment))

    def _put(
        self, held: SessionDay, day: int, at: int, person: Person, rating: int, answers: tuple[str, str, str]
    ) -> None:
        session, local = held.session, self._world.calendar.local
        self._key += 1
        said: object = rating
        count = self._world.tally.sessions[session.number]
        if self._once.is_due("spoiled", self._world.month(day)):
            said = 9
            self._count.rejected += 1
            self._count.lost += 1
        else:
            # An answer for each question that has one, and the rating beside its answer.
            self._count.statements += 2 + sum(map(bool, answers))
            count.responses += 1
            count.ratings.append(rating)
            count.comments += bool(answers[2])
        times = f"{local(at - 200):%d/%m/%Y %H:%M:%S}", f"{local(at):%d/%m/%Y %H:%M:%S}"
        who = (person.last, person.email) if person.number % 13 == 0 else ("", "")
        row: list[object] = [self._key, *times, "Web", "Terminé", session.id, session.module.id, *who, said, *answers]
        self._due.setdefault(day, []).append(row)
