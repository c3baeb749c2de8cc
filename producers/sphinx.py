"""Sphinx: the responses to a survey, one a row, whose columns are the questions.

A response stays nobody's: it becomes an account of its own, drawn from its key. Columns of who answered are left out
by their names, and no answer that is an e-mail address is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from producers.assessments import grade
from producers.errors import RowRejected, UnreadableInput
from producers.mapping.moments import parse_moment, parse_number, simplify
from producers.mapping.tables import Layout, Record, Table, read_table
from producers.mapping.texts import Cells, index_columns, name_column
from producers.mapping.words import suggest
from producers.naming import Naming, slug
from producers.rows import Draft, Milestone, Rejected, Row
from producers.statements import Training, is_email
from producers.surveys import Question, Response, Survey, answer, rate, respondent

FORMATS: Final = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y")
KEYS: Final = ("cle",)
DATES: Final = ("date_enreg", "date_saisie")
"""The system's columns of a response's key and of its time, the first that is there."""

SYSTEM: Final = frozenset(
    {
        "cle",
        "date_saisie",
        "date_enreg",
        "date_modif",
        "temps_saisie",
        "origine_saisie",
        "lang_saisie",
        "appareil_saisie",
        "progression",
        "derniere_question_saisie",
    }
)
"""The columns that Sphinx adds to the questions."""

IDENTITIES: Final = frozenset(
    {
        "nom", "prenom", "nom-prenom", "prenom-nom", "nom-de-famille", "nom-complet", "nom-d-usage", "civilite",
        "email", "e-mail", "mail", "mel", "courriel", "adresse-e-mail", "adresse-mail", "adresse-electronique",
        "telephone", "tel", "portable", "mobile", "identifiant", "login", "matricule", "numen", "adresse-ip", "ip",
    }
)  # fmt: skip
"""Names of columns, as slugs, that tell who answered."""

_LIKERT: Final = frozenset(map(str, range(11)))
_LONG: Final = 60


@dataclass(frozen=True, slots=True)
class Scale:
    """How ratings are read: numbers from `worst` to `best`, or the `words` of the scale, the worst first."""

    worst: float = 1
    best: float = 5
    words: tuple[str, ...] = ()

    def score(self, text: str) -> dict[str, float]:
        """Return the score of a rating. Raises RowRejected for what is not on the scale."""
        if self.words:
            names = [slug(word) for word in self.words]
            if slug(text) not in names:
                raise RowRejected("A rating is no word of the scale: give its words with --word, the worst first.")
            return grade(names.index(slug(text)) + 1, 1, len(names))
        try:
            points = simplify(parse_number(text))
        except ValueError:
            raise RowRejected("A rating is not a number: give the words of the scale with --word.") from None
        if not self.worst <= points <= self.best:
            raise RowRejected("A rating is not on the scale: give its ends with --worst and --best.")
        return grade(points, self.worst, self.best)


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """What an export does not tell of itself.

    `session` and `module` are those of all its responses, `session_column` and `module_column` tell each one's.
    `ratings` are questions that rate the training; `left_out` columns are no questions; `texts` are questions answered
    in the respondents' own words. `key` and `date` are columns, '' for Sphinx's own.
    """

    zone: ZoneInfo
    survey: Survey
    session: str = ""
    module: str = ""
    session_column: str = ""
    module_column: str = ""
    ratings: Sequence[str] = ()
    scale: Scale = field(default_factory=Scale)
    left_out: Sequence[str] = ()
    texts: Sequence[str] = ()
    key: str = ""
    date: str = ""


class _Columns(NamedTuple):
    """Where in a row what stands."""

    key: int
    date: int
    session: int | None
    module: int | None
    questions: Sequence[tuple[int, Question]]
    ratings: frozenset[int]


class _Fields(NamedTuple):
    columns: _Columns
    cells: Cells


class SphinxSource:
    """Some exports (CSV or Excel) of the responses to one survey."""

    name = "sphinx"

    def __init__(self, paths: Sequence[Path], questionnaire: Questionnaire) -> None:
        if questionnaire.scale.best <= questionnaire.scale.worst or len(questionnaire.scale.words) == 1:
            raise UnreadableInput("A scale has a best that is above its worst, or two words at least.")
        self._paths, self._questionnaire = paths, questionnaire

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:  # noqa: ARG002 - nothing to keep
        """Yield the responses. Raises UnreadableInput, also for a column that is named and not there."""
        for path in self._paths:
            table = read_table(path, Layout())
            # What kind of answers a question has shows in all of them.
            rows = list(table.rows)
            columns = self._find_columns(table, [row.cells for row in rows if isinstance(row, Record)])
            for row in rows:
                yield Row(row.place, _Fields(columns, row.cells), row.raw) if isinstance(row, Record) else row

    def map(self, row: Row, naming: Naming) -> Iterable[Draft]:
        """Return an answer for each question that was answered, and the ratings. Raises RowRejected."""
        columns, cells = row.fields
        response, key = self._read_response(columns, cells, naming)
        survey = response.survey.identifier
        drafts = []
        for place, question in columns.questions:
            text = cells[place]
            if not text or is_email(text):
                continue
            drafts.append(Draft(f"answered|{survey}|{key}|{question.name}", answer(naming, response, question, text)))
            if place in columns.ratings:
                score = self._questionnaire.scale.score(text)
                drafts.append(Draft(f"rated|{survey}|{key}|{question.name}", rate(naming, response, question, score)))
        return drafts

    def _read_response(self, columns: _Columns, cells: Cells, naming: Naming) -> tuple[Response, str]:
        given, key, date = self._questionnaire, cells[columns.key], cells[columns.date]
        if not key:
            raise RowRejected("The key of the response is missing.")
        if not date:
            raise RowRejected("The date of the response is missing.")
        try:
            at = parse_moment(date, FORMATS, given.zone)
        except ValueError:
            raise RowRejected("The date of the response is not dd/mm/yyyy, with an hour or without.") from None
        session = given.session if columns.session is None else cells[columns.session]
        module = given.module if columns.module is None else cells[columns.module]
        who = respondent(naming, self.name, given.survey.identifier, key)
        return Response(given.survey, who, Training(session, module=module), at), key

    def _find_columns(self, table: Table, rows: Sequence[Cells]) -> _Columns:
        given, places = self._questionnaire, index_columns(table.columns)
        key = self._find_one(table, places, given.key, KEYS, "--key")
        date = self._find_one(table, places, given.date, DATES, "--date")
        session = self._find(table, places, given.session_column) if given.session_column else None
        module = self._find(table, places, given.module_column) if given.module_column else None
        left_out = {self._find(table, places, column) for column in given.left_out}
        texts = {self._find(table, places, column) for column in given.texts}
        ratings = frozenset(self._find(table, places, column) for column in given.ratings)
        questions = [
            (
                place,
                Question(column, "long-fill-in" if place in texts else guess_interaction(row[place] for row in rows)),
            )
            for place, column in enumerate(table.columns)
            if column and place not in left_out | {key, date, session, module} and _is_question(column)
        ]
        unasked = ratings - {place for place, _ in questions}
        if unasked:
            raise UnreadableInput(
                "A --rating is a question: neither a column that is left out nor one of Sphinx's own."
            )
        return _Columns(key, date, session, module, questions, ratings)

    def _find_one(self, table: Table, places: Mapping[str, int], named: str, known: Sequence[str], option: str) -> int:
        if named:
            return self._find(table, places, named)
        found = [places[name] for name in known if places.get(name, -1) >= 0]
        if not found:
            wanted = " or ".join(map(str.upper, known))
            raise UnreadableInput(f"{table.path} has no column {wanted}: name the one that it has with {option}.")
        return found[0]

    def _find(self, table: Table, places: Mapping[str, int], column: str) -> int:
        place = places.get(name_column(column))
        if place is None or place < 0:
            what = "no column" if place is None else "several columns"
            hint = suggest(column, table.columns) if place is None else ": rename one"
            raise UnreadableInput(f"{table.path} has {what} {column!r}{hint}.")
        return place


def guess_interaction(answers: Iterable[str]) -> str:
    """Return the interaction type of a question by its answers: a mark out of ten, one's own words, or a choice."""
    given = {answer for answer in answers if answer}
    if given and given <= _LIKERT:
        return "likert"
    if any(len(answer) > _LONG or "\n" in answer for answer in given):
        return "long-fill-in"
    return "choice"


def _is_question(column: str) -> bool:
    return name_column(column) not in SYSTEM and slug(column) not in IDENTITIES
