from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.assessments import DONE, VERB_NAMES, Outcome, assessed, grade
from producers.naming import Naming
from producers.places import Place
from producers.resources import Resource
from producers.rows import Agent
from producers.statements import Training
from xapi_profiles.validation import check_statements
from xapi_profiles.vocabulary import ActivityType, Category

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
ADA = Agent({"mbox": "mailto:ada@example.org"}, "Ada")
QUIZ = Resource("https://moodle.example.org/mod/quiz/view.php?id=3", ActivityType.QUIZ, "Bilan")
points = st.floats(-1e6, 1e6, allow_nan=False)


@pytest.mark.parametrize("verb", VERB_NAMES)
def test_every_verb_makes_a_sound_statement_of_the_profile(naming: Naming, verb: str) -> None:
    place = Place(Training("S1"))
    statement = assessed(naming, verb, ADA, QUIZ, place, at=AT, outcome=Outcome(grade(12, 0, 20), True))
    check_statements({"id": naming.statement_id("x", "y"), **statement}, "1.0.3")
    assert statement["result"] == {"score": {"scaled": 0.6, "raw": 12, "min": 0, "max": 20}, "success": True}
    assert statement["context"]["contextActivities"]["category"] == [{"id": Category.ASSESSMENTS}]
    assert statement["context"]["registration"] == naming.registration("S1", ADA.ifi)


def test_what_is_not_told_is_not_said(naming: Naming) -> None:
    assert "result" not in assessed(naming, "http://activitystrea.ms/submit", ADA, QUIZ, at=AT)
    done = assessed(naming, "http://adlnet.gov/expapi/verbs/completed", ADA, QUIZ, at=AT, outcome=DONE)
    assert done["result"] == {"completion": True}


@given(points, points, points)
def test_a_score_never_leaves_its_bounds(raw: float, low: float, high: float) -> None:
    score = grade(raw, low, high)
    assert score["raw"] == raw
    assert 0 <= score.get("scaled", 0) <= 1
    assert score.get("min", raw) <= raw <= score.get("max", raw)


def test_a_bonus_is_told_without_the_bound_that_it_breaks() -> None:
    assert grade(22, 0, 20) == {"scaled": 1.0, "raw": 22}
    assert grade(5, 0, 0) == {"raw": 5}
