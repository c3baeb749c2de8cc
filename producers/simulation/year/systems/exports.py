"""Tables that others keep: Pix Orga's campaigns, OpenClassrooms' progress, the speakers' payroll, and the catalogue.

The catalogue and the people's provenance are what GAIA does not hold; an institution has them in other tables.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Final, NamedTuple

from producers.simulation.year.attendance import SessionDay
from producers.simulation.year.catalogue import MODULES, Kind
from producers.simulation.year.people import Person, Speaker
from producers.simulation.year.world import OncePerMonth, Table, World

PIX_COMPETENCES: Final = ("Gérer des données", "Collaborer", "Protéger les données personnelles")
_CAMPAIGN = ("Nom de l'organisation", "ID Campagne", "Nom de la campagne")
_PEOPLE = ("Nom du Participant", "Prénom du Participant", "Adresse professionnelle")
ASSESSMENT: Final = Table(
    (
        *_CAMPAIGN, "Nom du Profil Cible", *_PEOPLE, "% de progression", "Date de début", "Partage (O/N)",
        "Date du partage", "% maitrise de l'ensemble des acquis du profil", "Cadre numérique obtenu (O/N)",
        *(f"% de maitrise des acquis de la compétence {one}" for one in PIX_COMPETENCES),
    ),
    encoding="utf-8-sig",
    quoting=csv.QUOTE_ALL,
)  # fmt: skip
PROFILES: Final = Table(
    (
        *_CAMPAIGN, *_PEOPLE, "Envoi (O/N)", "Date et heure de l'envoi (Europe/Paris)", "Nombre de pix total",
        "Certifiable (O/N)", "Nombre de compétences certifiables",
        *(f"Nombre de pix pour la compétence {one}" for one in PIX_COMPETENCES),
    ),
    encoding="utf-8-sig",
    quoting=csv.QUOTE_ALL,
)  # fmt: skip
OPENCLASSROOMS: Final = Table(
    (
        "E-mail", "Prénom", "Nom", "ID du cours", "Cours", "Date d'inscription", "Dernière activité", "Progression",
        "Date de fin",
    ),
    separator=",",
)  # fmt: skip
PAYROLL: Final = Table(
    (
        "Matricule", "Nom", "Prénom", "E-mail", "Session", "Module", "Date", "Heures",
        "Taux horaire", "Montant brut", "IBAN",
    ),
    encoding="utf-8-sig",
)  # fmt: skip
_COURSES: Final = (("5191091", "Gérez une équipe à distance"), ("4425076", "Découvrez le monde des données"))


class Pix:
    """Two campaigns, exported at the end: an assessment for those who train in digital skills, profiles of speakers."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, world.tally.sources["pix"]
        self._trainees: dict[int, tuple[int, Person]] = {}

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:
        """Invite those who finish a training in digital skills on this day."""
        for one in held:
            if one.last and Kind.DIGITAL_SKILLS in one.session.module.kinds:
                for who in self._world.tally.sessions[one.session.number].attended:
                    if isinstance(who, Person):
                        self._trainees.setdefault(who.number, (day, who))

    def close(self) -> None:
        """Write both exports, each with a row that cannot be read."""
        folder, calendar = self._world.directory / "pix", self._world.calendar
        rng = self._world.draw("pix", 0)
        rows = [
            self._assess(who, day, rng.random(4 + len(PIX_COMPETENCES)).tolist())
            for day, who in (self._trainees[number] for number in sorted(self._trainees))
        ]
        if rows:
            rows.append([*rows[0][:6], "Illisible", "beaucoup", *rows[0][8:]])
        ASSESSMENT.append(folder / "assessment_4711.csv", rows)
        profiles = []
        for speaker in self._world.institute.speakers:
            chances = rng.random(2 + len(PIX_COMPETENCES)).tolist()
            at = calendar.at(int(chances[0] * calendar.days), 9 * 60 + int(chances[1] * 500))
            profiles.append(self._collect(speaker, at, chances))
        profiles.append([*profiles[0][:6], "Oui", "NA", *profiles[0][8:]])
        PROFILES.append(folder / "profiles_4712.csv", profiles)
        self._count.rows += len(rows) + len(profiles)
        self._count.rejected += bool(rows) + 1

    def _assess(self, who: Person, day: int, chances: Sequence[float]) -> list[object]:
        calendar = self._world.calendar
        begun = f"{calendar.date_of(day):%Y-%m-%d}"
        shared = chances[0] < 0.7  # noqa: PLR2004 - the share of those who share
        progress = _comma(1.0 if shared else round(0.1 + chances[1] * 0.8, 2))
        row: list[object] = ["Institut", 4711, "Numérique des cadres", "Cadres", who.last, who.first, who.email]
        self._count.statements += 1
        if not shared:
            return [*row, progress, begun, "Non", *(["NA"] * (3 + len(PIX_COMPETENCES)))]
        earned = chances[2] > 0.5  # noqa: PLR2004
        mastery = [_comma(round(0.2 + one * 0.75, 2)) for one in chances[3:]]
        self._count.statements += len(mastery) + earned
        self._world.tally.certified["framework badges"] += earned
        on = f"{calendar.date_of(day + int(chances[1] * 8)):%Y-%m-%d}"
        return [*row, progress, begun, "Oui", on, mastery[0], "Oui" if earned else "Non", *mastery[1:]]

    def _collect(self, who: Speaker, at: int, chances: Sequence[float]) -> list[object]:
        row: list[object] = ["Institut", 4712, "Profils des formateurs", who.last, who.first, who.email]
        if chances[2] > 0.75:  # noqa: PLR2004 - not sent
            return [*row, "Non", *(["NA"] * (4 + len(PIX_COMPETENCES)))]
        pix = [int(one * 64) for one in chances[2:]]
        certifiable = sum(one >= 16 for one in pix)  # noqa: PLR2004 - pix of two levels
        is_certifiable = certifiable == len(pix)
        self._count.statements += 1 + len(pix) + is_certifiable
        self._world.tally.certified["speakers"] += is_certifiable
        when = f"{self._world.calendar.local(at):%d/%m/%Y %H:%M}"
        return [*row, "Oui", when, sum(pix) * 5, "Oui" if is_certifiable else "Non", certifiable, *pix]


class Progress(NamedTuple):
    """Somebody in a course: when they began, and how many days they take for it."""

    person: Person
    course: tuple[str, str]
    begins: int
    takes: int


class OpenClassrooms:
    """An export of everybody's progress at the end of each month."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, world.tally.sources["openclassrooms"]
        rng, people = world.draw("openclassrooms", 0), world.institute.people
        chances = rng.random((len(people), 3))
        self._learners = [
            Progress(
                one,
                _COURSES[one.number % 2],
                int(chance[1] * world.calendar.days * 0.8),
                10 + int(chance[2] * 90),
            )
            for one, chance in zip(people, chances, strict=True)
            if chance[0] < 0.04  # noqa: PLR2004 - the share of those who take one
        ]
        self._told: set[tuple[object, ...]] = set()

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:  # noqa: ARG002 - it knows no session
        """Write the export where a month ends with a day."""
        calendar = self._world.calendar
        if day + 1 < calendar.days and calendar.date_of(day).month == calendar.date_of(day + 1).month:
            return
        rows = [self._tell(one, day) for one in self._learners if one.begins <= day]
        if rows:
            rows.append(["", *rows[0][1:]])
            self._count.rejected += 1
        self._count.rows += len(rows)
        name = f"progression_{calendar.date_of(day)}.csv"
        OPENCLASSROOMS.append(self._world.directory / "openclassrooms" / name, rows)

    def close(self) -> None:
        """Nothing is left."""

    def _tell(self, one: Progress, day: int) -> list[str]:
        person, calendar = one.person, self._world.calendar
        done = min(100, (day - one.begins) * 100 // one.takes)
        active = min(day, one.begins + one.takes)
        finished = done == 100  # noqa: PLR2004 - per cent
        dates = [f"{calendar.date_of(number):%d/%m/%Y}" for number in (one.begins, active)]
        facts: list[tuple[object, ...]] = [("registered", person.number)]
        if done:
            facts.append(("progressed", person.number, done, active))
        if finished:
            facts.append(("completed", person.number))
            if ("completed", person.number) not in self._told:
                self._world.tally.mooc["OpenClassrooms completed"] += 1
        fresh = [fact for fact in facts if fact not in self._told]
        self._told.update(fresh)
        self._count.statements += len(fresh)
        self._count.duplicates += not fresh
        progress = f"{done} %" if person.number % 2 else str(done)
        # Where nothing was done yet there is no last activity.
        return [
            person.email, person.first, person.last, *one.course, dates[0], dates[1] if done else "", progress,
            dates[1] if finished else "",
        ]  # fmt: skip


class Payroll:
    """Hours taught, a month a file, with amounts that nobody may read; some rows are there twice."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, world.tally.sources["payroll"]
        self._once = OncePerMonth()

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:
        """Append what was taught on a day: each speaker of a session teaches as long as its rows last together."""
        rows: list[Sequence[str]] = []
        for one in held:
            seconds = sum(end - begin for begin, end in one.rows)
            for number in one.session.speakers:
                rows.append(self._tell(self._world.institute.speakers[number], one, seconds))
                self._count.statements += 1
                self._world.tally.sessions[one.session.number].taught += seconds
            if one.session.number % 6 == 0:
                rows.append(rows[-1])
                self._count.duplicates += 1
        month = self._world.month(day)
        if rows and self._once.is_due("rubbish", month):
            # One had no hours in the end, another's hours are no number.
            rows += [(*rows[0][:7], "0", *rows[0][8:]), (*rows[0][:7], "trois", *rows[0][8:])]
            self._count.rejected += 1
        self._count.rows += len(rows)
        if rows:
            PAYROLL.append(self._world.directory / "payroll" / f"vacations_{month}.csv", rows)

    def close(self) -> None:
        """Nothing is left."""

    def _tell(self, who: Speaker, held: SessionDay, seconds: int) -> Sequence[str]:
        hours, minutes = divmod(seconds // 60, 60)
        told = f"{hours}h{minutes:02}" if who.number % 2 else f"{seconds / 3600:g}".replace(".", ",")
        date = f"{self._world.calendar.date_of(held.day):%d/%m/%Y}"
        names = (who.identifier, who.last, who.first, who.email if who.number % 3 else "")
        pay = ("61,35", f"{61.35 * seconds / 3600:.2f}".replace(".", ","), f"FR76{who.number:023}")
        return (*names, held.session.id, held.session.module.id, date, told, *pay)


def write_reference(world: World) -> None:
    """Write what the systems do not hold: the tags of modules, the places of sessions, where people come from."""
    folder = world.directory / "reference"
    Table(
        ("module", "intitulé", "dispositif", "types", "brique", "référentiel", "moyens", "jours"), encoding="utf-8-sig"
    ).append(
        folder / "modules.csv",
        (
            (
                one.id, one.name, one.pathway, " ".join(sorted(one.kinds)), _yes(one.brick), _yes(one.framework),
                one.means, one.days,
            )
            for one in MODULES
        ),
    )  # fmt: skip
    Table(("session", "module", "modalité", "places", "liste d'attente"), encoding="utf-8-sig").append(
        folder / "sessions.csv",
        ((one.id, one.module.id, one.modality.value, one.places, one.waiting) for one in world.plan.sessions),
    )
    Table(
        (
            "E-mail", "académie", "corps", "ancien métier", "expérience", "année de nomination", "rôle", "étranger",
        ),
        encoding="utf-8-sig",
    ).append(
        folder / "people.csv",
        (
            (
                one.email, one.academie, one.corps, one.former, one.experience, one.appointed, one.role.value,
                _yes(one.foreign),
            )
            for one in world.institute.people
        ),
    )  # fmt: skip


def _yes(value: bool) -> str:
    return "oui" if value else "non"


def _comma(number: float) -> str:
    """Return a number as Pix writes it in French."""
    return f"{number:g}".replace(".", ",")
