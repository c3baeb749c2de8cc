from __future__ import annotations

from datetime import UTC, datetime, timedelta

from producers.naming import Naming
from producers.resources import Place, Resource, accessed, downloaded, viewed
from producers.rows import Agent
from producers.statements import Training, activity
from xapi_profiles.validation import check_statements
from xapi_profiles.vocabulary import ActivityType, Category, Verb

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
ADA = Agent({"mbox": "mailto:ada@example.org"}, "Ada")
PAGE = Resource("https://www.example.org/accueil", ActivityType.WEBPAGE, "Accueil")


def test_a_page_without_a_session_has_neither_registration_nor_parent(naming: Naming) -> None:
    statement = accessed(naming, ADA, PAGE, at=AT, spent=timedelta(seconds=75))
    assert statement == {
        "actor": {"objectType": "Agent", "name": "Ada", "mbox": "mailto:ada@example.org"},
        "verb": {"id": Verb.ACCESSED, "display": {"fr": "a consulté"}},
        "object": {
            "objectType": "Activity",
            "id": "https://www.example.org/accueil",
            "definition": {"type": ActivityType.WEBPAGE, "name": {"fr": "Accueil"}},
        },
        "result": {"duration": "PT1M15S"},
        "context": {"contextActivities": {"category": [{"id": Category.RESOURCES}]}},
        "timestamp": "2026-11-24T08:00:00.000Z",
    }


def test_within_a_session_it_carries_the_registration_that_every_source_gives(naming: Naming) -> None:
    course = activity("https://moodle.example.org/course/view.php?id=7", ActivityType.COURSE, "Cours")
    place = Place(Training("S1", "Session", "M1"), [course], "Moodle")
    for statement in (viewed(naming, ADA, PAGE, place, at=AT), downloaded(naming, ADA, PAGE, place, at=AT)):
        check_statements({"id": naming.statement_id("x", "y"), **statement}, "1.0.3")
        context = statement["context"]
        assert context["registration"] == naming.registration("S1", ADA.ifi)
        assert context["platform"] == "Moodle"
        assert [one["id"] for one in context["contextActivities"]["parent"]] == [naming.session("S1")]
        grouping = [one["id"] for one in context["contextActivities"]["grouping"]]
        assert grouping == [naming.module("M1"), course["id"]]
        assert "result" not in statement
