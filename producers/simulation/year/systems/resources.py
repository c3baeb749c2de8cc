"""What is consulted: the web site (Matomo), the digital library, the e-portfolio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import orjson

from producers.naming import slug
from producers.simulation.year.attendance import SessionDay
from producers.simulation.year.catalogue import COMPETENCES, MODULES, Kind
from producers.simulation.year.people import Person
from producers.simulation.year.world import OncePerMonth, Table, World, append_lines

SITE: Final = "https://www.institut.example.org"
LIBRARY: Final = Table(
    ("Date", "Abonné", "E-mail", "Événement", "Référence", "Titre", "Type"), encoding="utf-16", separator="\t"
)
_SUBSCRIBERS: Final = 0.15
_BOOKS: Final = (
    ("EB-001", "Conduire le changement", "Livre numérique"),
    ("EB-002", "Le droit de l'éducation", "Livre numérique"),
    ("VD-007", "Diriger en équipe", "Vidéo"),
    ("RV-012", "Cahiers de l'encadrement", "Revue"),
)
_ACTIONS: Final = ("création", "publication", "partage", "remise")


class Matomo:
    """Saved answers of the reporting API, a month a file, a visit a line. Nobody is identified."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, world.tally.sources["matomo"]
        self._visits = self._pages = 0
        self._once = OncePerMonth()

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:  # noqa: ARG002 - visitors come any day
        """Append the day's visits; one a month is cut."""
        world = self._world
        rng = world.draw("matomo", day)
        busy = 1.0 if world.calendar.is_working(day) else 0.35
        mean = max(3.0, len(world.institute.people) / 160) * busy
        lines = [self._visit(day, rng) for _ in range(int(rng.poisson(mean)) + 1)]
        month = world.month(day)
        if self._once.is_due("rubbish", month):
            lines.append(b'{"idSite": 1, "idVisit": 1, "actionDet\n')
            self._count.rejected += 1
        self._count.rows += len(lines)
        append_lines(world.directory / "matomo" / f"visits_{month}.jsonl", lines)

    def close(self) -> None:
        """Nothing is left."""

    def _visit(self, day: int, rng: np.random.Generator) -> bytes:
        tally, month = self._world.tally, self._world.month(day)
        self._visits += 1
        visitor = int(rng.integers(max(20, len(self._world.institute.people) // 4)))
        tally.visits[month] += 1
        tally.visitors[month].add(visitor)
        at = self._world.calendar.at(day, int(rng.integers(6 * 60, 22 * 60)), int(rng.integers(60)))
        began, actions = at, []
        for _ in range(1 + int(rng.geometric(0.35))):
            spent = int(rng.integers(4, 180))
            actions.append(self._act(at, spent, float(rng.random()), int(rng.integers(len(MODULES)))))
            at += spent
        visit = {
            "idSite": 1,
            "idVisit": self._visits,
            "visitorId": f"{visitor:016x}",
            "siteName": "Site de l'institut",
            "userId": None,
            "serverTimestamp": at,
            "lastActionTimestamp": at,
            "visitDuration": str(at - began),
            "actionDetails": actions,
        }
        return orjson.dumps(visit) + b"\n"

    def _act(self, at: int, spent: int, chance: float, number: int) -> dict[str, Any]:
        module = MODULES[number]
        self._pages += 1
        page = {"pageId": self._pages, "timestamp": at, "timeSpent": spent}
        address = f"{SITE}/formations/{slug(module.name)}"
        if chance < 0.8:  # noqa: PLR2004 - most are pages, some files, a few links to elsewhere
            self._tell("page")
            return {"type": "action", "url": address + "?utm_source=lettre", "pageTitle": module.name, **page}
        if chance < 0.93:  # noqa: PLR2004
            self._tell("download")
            return {"type": "download", "url": f"{address}/programme.pdf", "pageTitle": None, **page}
        return {"type": "outlink", "url": "https://ailleurs.example.com/", "pageTitle": "", **page}

    def _tell(self, what: str) -> None:
        self._count.statements += 1
        self._world.tally.consultations[f"matomo {what}"] += 1


class Library:
    """The library's journal: UTF-16 with tabs, as its administration exports it each month."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, world.tally.sources["digital-library"]
        rng = world.draw("library", 0)
        people = world.institute.people
        self._readers = [
            one for one, chance in zip(people, rng.random(len(people)), strict=True) if chance < _SUBSCRIBERS
        ]
        self._once = OncePerMonth()

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:  # noqa: ARG002 - readers come any day
        """Append the day's events, one of them twice; one row a month has no date."""
        world = self._world
        if not self._readers:
            return
        rng = world.draw("readers", day)
        rows: list[Sequence[str]] = []
        for _ in range(int(rng.poisson(max(1.5, len(self._readers) / 40)))):
            rows += self._read(self._readers[int(rng.integers(len(self._readers)))], day, rng)
        month = world.month(day)
        if rows and self._once.is_due("rubbish", month):
            rows += [rows[0], ("bientôt", *rows[0][1:])]
            self._count.duplicates += 1
            self._count.rejected += 1
        self._count.rows += len(rows)
        if rows:
            LIBRARY.append(world.directory / "digital-library" / f"journal_{month}.csv", rows)

    def close(self) -> None:
        """Nothing is left."""

    def _read(self, who: Person, day: int, rng: np.random.Generator) -> list[Sequence[str]]:
        tally, at = self._world.tally, self._world.calendar.at(day, int(rng.integers(7 * 60, 22 * 60)))
        at += int(rng.integers(60))
        rows: list[Sequence[str]] = []
        if who.number not in tally.subscribers:
            tally.subscribers.add(who.number)
            rows.append(self._row(who, at - 3600, "Abonnement", ("", "", "")))
        tally.connections += 1
        rows.append(self._row(who, at, "Connexion", ("", "", "")))
        for step in range(int(rng.integers(1, 4))):
            book = _BOOKS[int(rng.integers(len(_BOOKS)))]
            taken = rng.random() < 0.25  # noqa: PLR2004 - the share of what is taken away
            rows.append(self._row(who, at + 61 * (step + 1), "Téléchargement" if taken else "Consultation", book))
            tally.consultations["digital-library"] += 1
        rows.append((*rows[-1][:3], "Recherche", "", "", ""))
        return rows

    def _row(self, who: Person, at: int, event: str, book: Sequence[str]) -> Sequence[str]:
        self._count.statements += 1
        date = f"{self._world.calendar.local(at):%d/%m/%Y %H:%M:%S}"
        return (date, f"A-{who.number}", who.email, event, *book)


class Portfolio:
    """The e-portfolio's actions, a line each: what those of competency-based sessions put into it afterwards."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, world.tally.sources["e-portfolio"]
        self._due: dict[int, list[dict[str, str]]] = {}
        self._items = 0
        self._once = OncePerMonth()

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:
        """Append the day's actions, and draw those that come of the sessions that end."""
        for one in held:
            if one.last and Kind.COMPETENCY_BASED in one.session.module.kinds:
                self._collect(one)
        rows = self._due.pop(day, [])
        self._count.statements += len(rows)
        self._world.tally.evidence_kept += len(rows)
        if rows and self._once.is_due("rubbish", self._world.month(day)):
            rows.append({**rows[0], "Action": "supprimé"})
            self._count.rejected += 1
        self._count.rows += len(rows)
        append_lines(self._world.directory / "e-portfolio.jsonl", (orjson.dumps(row) + b"\n" for row in rows))

    def close(self) -> None:
        """Nothing is left."""

    def _collect(self, held: SessionDay) -> None:
        world, session = self._world, held.session
        rng = world.draw(f"portfolio {session.number}", held.day)
        attended = world.tally.sessions[session.number].attended
        people = sorted((one for one in attended if isinstance(one, Person)), key=lambda one: one.number)
        for person, chance in zip(people, rng.random((len(people), 3)), strict=True):
            if chance[0] > 0.2:  # noqa: PLR2004 - the share of those who keep one
                continue
            self._items += 1
            competence = COMPETENCES[person.number % len(COMPETENCES)]
            for step, action in enumerate(_ACTIONS[: 1 + int(chance[1] * 4)]):
                day = held.day + 1 + step * 2 + int(chance[2] * 10)
                at = world.calendar.at(day, 9 * 60 + int(chance[2] * 600))
                row = {
                    "Date": f"{world.calendar.local(at):%d/%m/%Y %H:%M}",
                    "Identifiant": f"kar-{person.number}",
                    "E-mail": person.email,
                    "Nom": person.last,
                    "Prénom": person.first,
                    "Action": action,
                    "Élément": f"p-{self._items}",
                    "Titre": f"Trace : {session.module.name}",
                    "Type": ("page", "fichier", "lien")[person.number % 3],
                    "Session": session.id,
                    "Compétence": competence,
                }
                self._due.setdefault(day, []).append(row)
