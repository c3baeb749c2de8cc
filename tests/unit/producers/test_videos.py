from __future__ import annotations

from datetime import UTC, datetime

import pytest

from producers.naming import Naming
from producers.resources import Resource
from producers.rows import Agent
from producers.videos import VERB_NAMES, Playback, watched
from xapi_profiles.validation import check_statements
from xapi_profiles.vocabulary import ActivityType, Extension, Verb

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
ADA = Agent({"mbox": "mailto:ada@example.org"})
FILM = Resource("https://mooc.example.org/film", ActivityType.VIDEO, "Le film de l'année")


@pytest.mark.parametrize("verb", VERB_NAMES)
def test_every_verb_makes_a_sound_statement(naming: Naming, verb: str) -> None:
    viewing = naming.derive("viewing", "1")
    statement = watched(naming, verb, ADA, FILM, Playback(12.5, 3, 0.1, "3[.]12.5", 9.5, 125, viewing), at=AT)
    check_statements({"id": naming.statement_id("x", verb), **statement}, "1.0.3")
    told = statement["result"]["extensions"]
    assert (Extension.VIDEO_TIME in told) != (verb == Verb.SEEKED)
    assert statement["result"].get("completion") is (True if verb == Verb.COMPLETED else None)
    assert statement["result"].get("duration") == ("PT10S" if verb == Verb.COMPLETED else None)
    assert statement["context"]["extensions"] == {Extension.VIDEO_LENGTH: 125, Extension.VIDEO_SESSION_ID: viewing}


def test_what_is_not_known_is_not_said(naming: Naming) -> None:
    statement = watched(naming, Verb.INITIALIZED, ADA, FILM, Playback(), at=AT)
    assert "result" not in statement
    assert "extensions" not in statement["context"]
