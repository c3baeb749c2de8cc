"""Pix Orga: the results of a campaign, one participant a row, of both kinds of campaign.

A campaign of assessment tells progress and, once shared, the mastery of its profile and of each competence; one that
collects profiles tells, once sent, the pix of each competence. What was not shared is `NA`, and tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from producers.assessments import Outcome, assessed, grade
from producers.errors import RowRejected, UnreadableInput
from producers.mapping.moments import parse_moment, parse_number, parse_truth, simplify
from producers.mapping.tables import Layout, Record, Table, read_table
from producers.mapping.texts import Cells, index_columns, name_column
from producers.mapping.words import suggest
from producers.naming import Naming, identify, slug
from producers.places import Place
from producers.resources import Resource
from producers.rows import Agent, Draft, Milestone, Rejected, Row
from producers.statements import Training, activity, format_instant, is_email, learner_by_account, learner_by_email
from xapi_profiles.vocabulary import ActivityType, Verb

FORMATS: Final = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y")
MOST_PIX: Final = 1024
"""Pix of a whole profile, which sixteen competences share alike."""
MOST_PIX_OF_COMPETENCE: Final = 64

# Columns by the beginning of their names, as slugs: years and options of Pix Orga have changed what follows.
_COLUMNS: Final = {
    "campaign": "id-campagne",
    "campaign_name": "nom-de-la-campagne",
    "last_name": "nom-du-participant",
    "first_name": "prenom-du-participant",
    "progress": "de-progression",
    "shared": "partage-o-n",
    "sent": "envoi-o-n",
    "mastery": "de-maitrise-de-l-ensemble-des-acquis",
    "mastery_older": "maitrise-de-l-ensemble-des-acquis",
    "pix": "nombre-de-pix-total",
    "certifiable": "certifiable-o-n",
}
_STARTS: Final = re.compile(r"date(?:-et-heure)?-de-debut\b.*")
_SHARES: Final = re.compile(r"date(?:-et-heure)?-(?:du-partage|de-l-envoi)\b.*")
_MASTERED: Final = re.compile(r"%\s*de ma[iî]trise des acquis de la compétence (.+)", re.IGNORECASE)
_PIX: Final = re.compile(r"Nombre de pix pour la compétence (.+)", re.IGNORECASE)
_BADGE: Final = re.compile(r"(.+) obtenu \(O/N\)", re.IGNORECASE)
_ZONE: Final = re.compile(r"\(([A-Za-z_]+/[A-Za-z_/]+)\)")
# What may stand between the participant's name and the results beside the campaign's own identifier.
_GROUPS: Final = frozenset({"classe", "groupe", "numero-etudiant"})
_FORMULA: Final = ("'=", "'+", "'-", "'@")


@dataclass(frozen=True, slots=True)
class Conventions:
    """How the institution runs its campaigns.

    `identifier` is the column in which participants give their identifier, '' for the one that stands before the
    results. `home_page` is that of accounts made of identifiers that are no e-mail addresses. `session` is what the
    campaigns belong to, if anything.
    """

    zone: ZoneInfo
    home_page: str
    identifier: str = ""
    session: str = ""


class _Campaign(NamedTuple):
    """Where in a file what stands, -1 for what it does not have."""

    columns: dict[str, int]
    identifier: int
    starts: int
    shares: int
    zone: ZoneInfo
    competences: Sequence[tuple[str, int]]
    badges: Sequence[tuple[str, int]]

    @property
    def collects_profiles(self) -> bool:
        return "sent" in self.columns


class _Fields(NamedTuple):
    campaign: _Campaign
    cells: Cells


class PixSource:
    """Some exports of campaigns (CSV)."""

    name = "pix"

    def __init__(self, paths: Sequence[Path], conventions: Conventions) -> None:
        self._paths, self._conventions = paths, conventions

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:  # noqa: ARG002 - nothing to keep
        """Yield the participants of every export. Raises UnreadableInput for what is no export of a campaign."""
        for path in self._paths:
            table = read_table(path, Layout(format="csv", separator=";", empty=frozenset({"NA"})))
            campaign = self._find_columns(table)
            for row in table.rows:
                yield Row(row.place, _Fields(campaign, row.cells), row.raw) if isinstance(row, Record) else row

    def map(self, row: Row, naming: Naming) -> Iterable[Draft]:
        """Return what a participant did, as far as it was shared. Raises RowRejected."""
        campaign, cells = row.fields
        return _Participation(campaign, cells, self._conventions, naming).list_drafts()

    def _find_columns(self, table: Table) -> _Campaign:
        slugs = [slug(column) for column in table.columns]
        columns = {
            name: place
            for name, start in _COLUMNS.items()
            if (place := next((at for at, one in enumerate(slugs) if one.startswith(start)), -1)) >= 0
        }
        if "mastery_older" in columns:
            columns.setdefault("mastery", columns.pop("mastery_older"))
        needed = {"campaign", "last_name", "first_name"}
        if not needed <= columns.keys() or not {"shared", "sent"} & columns.keys():
            raise UnreadableInput(
                f"{table.path} is no export of a Pix Orga campaign: it has no ID Campagne, Nom du Participant, "
                "Prénom du Participant, and Partage (O/N) or Envoi (O/N)."
            )
        shares = next((place for place, one in enumerate(slugs) if _SHARES.fullmatch(one)), -1)
        if shares < 0:
            raise UnreadableInput(f"{table.path} has no date of sharing (Date du partage or Date de l'envoi).")
        competence = _PIX if "sent" in columns else _MASTERED
        return _Campaign(
            columns,
            self._find_identifier(table, columns),
            next((place for place, one in enumerate(slugs) if _STARTS.fullmatch(one)), -1),
            shares,
            _find_zone(table.columns[shares], self._conventions.zone),
            _match(table.columns, competence),
            _match(table.columns, _BADGE),
        )

    def _find_identifier(self, table: Table, columns: dict[str, int]) -> int:
        given = self._conventions.identifier
        if given:
            place = index_columns(table.columns).get(name_column(given), -1)
            if place < 0:
                raise UnreadableInput(f"{table.path} has no column {given!r}{suggest(given, table.columns)}.")
            return place
        place = columns.get("progress", columns.get("sent", columns.get("shared", 0))) - 1
        is_own = place not in columns.values() and slug(table.columns[place]) not in _GROUPS
        return place if is_own and place > columns["first_name"] else -1


class _Participation:
    """One row: what its participant did in the campaign."""

    def __init__(self, campaign: _Campaign, cells: Cells, conventions: Conventions, naming: Naming) -> None:
        self._campaign, self._cells, self._naming = campaign, cells, naming
        identifier = self._cell("campaign")
        if not identifier:
            raise RowRejected("ID Campagne is missing.")
        self._identifier = identifier
        iri = f"{naming.home}/campaigns/{quote(identifier, safe='')}"
        self._target = Resource(iri, ActivityType.ASSESSMENT, self._cell("campaign_name"))
        self._learner = self._find_learner(conventions)
        self._training = Training(conventions.session)

    def list_drafts(self) -> list[Draft]:
        """Return progress, and what was shared."""
        shared = self._truth(self._cell("sent") or self._cell("shared"))
        at = self._moment(self._campaign.shares) if shared else None
        if shared and at is None:
            raise RowRejected("The date of sharing is missing, though it was shared.")
        drafts = list(self._draft_progress(at))
        if at is not None:
            drafts += self._draft_profile(at) if self._campaign.collects_profiles else self._draft_mastery(at)
            drafts += self._draft_badges(at)
        return drafts

    def _draft_progress(self, shared_at: datetime | None) -> Iterator[Draft]:
        text = self._cell("progress")
        at = shared_at or self._moment(self._campaign.starts)
        if text and at is not None:
            progress = round(_fraction(text) * 100)
            yield self._draft(Verb.PROGRESSED, self._target, at, Outcome(progress=progress), str(progress))

    def _draft_mastery(self, at: datetime) -> Iterator[Draft]:
        whole = self._cell("mastery")
        if whole:
            yield self._draft(Verb.SCORED, self._target, at, Outcome(score={"scaled": round(_fraction(whole), 6)}))
        for name, place in self._campaign.competences:
            if text := self._cells[place]:
                outcome = Outcome(score={"scaled": round(_fraction(text), 6)})
                yield self._draft(Verb.SCORED, self._competence(name), at, outcome)

    def _draft_profile(self, at: datetime) -> Iterator[Draft]:
        total = self._cell("pix")
        if total:
            yield self._draft(Verb.SCORED, self._target, at, Outcome(score=grade(_number(total), 0, MOST_PIX)))
        for name, place in self._campaign.competences:
            if text := self._cells[place]:
                outcome = Outcome(score=grade(_number(text), 0, MOST_PIX_OF_COMPETENCE))
                yield self._draft(Verb.SCORED, self._competence(name), at, outcome)

    def _draft_badges(self, at: datetime) -> Iterator[Draft]:
        earned = [name for name, place in self._campaign.badges if self._truth(self._cells[place])]
        if self._truth(self._cell("certifiable")):
            earned.append("Pix certifiable")
        for name in earned:
            iri = f"{self._naming.home}/badges/{quote(slug(name) or name, safe='')}"
            yield self._draft(Verb.EARNED, Resource(iri, ActivityType.BADGE, name), at, Outcome())

    def _draft(self, verb: str, target: Resource, at: datetime, outcome: Outcome, state: str = "") -> Draft:
        is_part = target is not self._target
        within = [activity(self._target.iri, self._target.kind, self._target.name)] if is_part else []
        place = Place(self._training, within, "Pix")
        statement: dict[str, Any] = assessed(self._naming, verb, self._learner, target, place, at=at, outcome=outcome)
        key = (verb, self._identifier, identify(self._learner.ifi), target.iri, format_instant(at), state)
        return Draft("|".join(key), statement)

    def _competence(self, name: str) -> Resource:
        return Resource(f"{self._naming.home}/competences/{quote(name, safe='')}", ActivityType.OBJECTIVE, name)

    def _find_learner(self, conventions: Conventions) -> Agent:
        name = " ".join(f"{self._cell('first_name')} {self._cell('last_name')}".split())
        identifier = _plain(self._cells[self._campaign.identifier]) if self._campaign.identifier >= 0 else ""
        if is_email(identifier):
            return learner_by_email(identifier, name)
        if identifier:
            return learner_by_account(conventions.home_page, identifier, name)
        if not name:
            raise RowRejected("The row has neither an identifier nor a name.")
        # A name is no identifier: an account drawn from it holds within the campaign, and no further.
        drawn = self._naming.derive("pix-participant", self._identifier, name.lower())
        return learner_by_account(self._naming.system(PixSource.name), drawn, name)

    def _cell(self, name: str) -> str:
        place = self._campaign.columns.get(name, -1)
        return _plain(self._cells[place]) if place >= 0 else ""

    def _moment(self, place: int) -> datetime | None:
        text = self._cells[place] if place >= 0 else ""
        if not text:
            return None
        try:
            return parse_moment(text, FORMATS, self._campaign.zone)
        except ValueError:
            raise RowRejected("A date is neither dd/mm/yyyy, with an hour or without, nor ISO 8601.") from None

    def _truth(self, text: str) -> bool:
        try:
            return bool(text) and parse_truth(text)
        except ValueError:
            raise RowRejected("A column (O/N) holds neither Oui nor Non.") from None


def _match(columns: Sequence[str], pattern: re.Pattern[str]) -> list[tuple[str, int]]:
    return [(match[1].strip(), place) for place, one in enumerate(columns) if (match := pattern.fullmatch(one))]


def _find_zone(column: str, zone: ZoneInfo) -> ZoneInfo:
    """Return the time zone that a column names, such as `Date et heure du partage (Europe/Paris)`."""
    match = _ZONE.search(column)
    if match is None:
        return zone
    try:
        return ZoneInfo(match[1])
    except (ZoneInfoNotFoundError, ValueError):
        return zone


def _plain(text: str) -> str:
    """Return a cell without the apostrophe that keeps spreadsheets from taking it for a formula."""
    return text[1:] if text.startswith(_FORMULA) else text


def _number(text: str) -> float:
    try:
        return simplify(parse_number(text))
    except ValueError:
        raise RowRejected("A result is not a number.") from None


def _fraction(text: str) -> float:
    """Return a part of one. Pix writes 0,85; what is above one, or has a percent sign, is a percentage."""
    number = _number(text)
    fraction = number / 100 if number > 1 or text.endswith("%") else number
    if not 0 <= fraction <= 1:
        raise RowRejected("A percentage is not between 0 and 100.")
    return fraction
