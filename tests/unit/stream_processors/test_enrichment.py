from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from stream_processors.enrichment import Activity, choose_text, enrich
from xapi_profiles.vocabulary import ActivityType, Extension, Verb, canonical_verb

PARIS = ZoneInfo("Europe/Paris")
HOME = "https://institute.example.org"


def make_activity(path: str, kind: str, name: str = "") -> dict[str, Any]:
    return {"id": f"{HOME}/{path}", "definition": {"type": kind, **({"name": {"fr": name}} if name else {})}}


def make_statement(**changes: Any) -> dict[str, Any]:
    return {
        "actor": {"mbox": "mailto:someone@example.org"},
        "verb": {"id": Verb.JOIN},
        "object": make_activity("virtual-rooms/7", ActivityType.VIRTUAL_CLASSROOM),
        "timestamp": "2026-11-22T08:05:00Z",
        **changes,
    }


def test_session_module_and_pathway_come_from_parent_and_grouping() -> None:
    columns = enrich(
        make_statement(
            context={
                "registration": "0b9d4a1e-3c5f-4d2a-9a55-4d8a3d3f7c11",
                "contextActivities": {
                    "parent": make_activity("sessions/1", ActivityType.SESSION, "Séance"),
                    "grouping": [
                        make_activity("modules/2", ActivityType.TRAINING_MODULE, "Module"),
                        make_activity("pathways/3", ActivityType.PATHWAY, "Parcours"),
                    ],
                },
                "extensions": {Extension.CONNECTION: "w_1"},
            }
        ),
        PARIS,
    )
    assert columns.session == Activity(f"{HOME}/sessions/1", "Séance")
    assert columns.module == Activity(f"{HOME}/modules/2", "Module")
    assert columns.pathway == Activity(f"{HOME}/pathways/3", "Parcours")
    assert str(columns.registration) == "0b9d4a1e-3c5f-4d2a-9a55-4d8a3d3f7c11"
    assert columns.connection == "w_1"
    assert columns.modality == "remote"
    assert columns.half_day == "2026-11-22 am"


def test_a_planned_slot_has_its_own_half_day() -> None:
    columns = enrich(
        make_statement(
            verb={"id": Verb.SCHEDULE},
            object=make_activity("sessions/1", ActivityType.SESSION, "Séance"),
            context={
                "extensions": {
                    Extension.PLANNED_START_TIME: "2026-11-25T13:30:00+01:00",
                    Extension.PLANNED_DURATION: "PT3H",
                    Extension.MODALITY: "hybrid",
                    Extension.ROOM: "Amphi A",
                }
            },
        ),
        PARIS,
    )
    assert columns.half_day == "2026-11-25 pm"
    assert columns.planned_seconds == 10_800
    assert (columns.modality, columns.place, columns.session.name) == ("hybrid", "Amphi A", "Séance")


@pytest.mark.parametrize(
    ("told", "half_day"),
    [
        ("2026-11-19 pm", "2026-11-19 pm"),
        ("2026-02-30 pm", "2026-11-22 am"),
        ("2026-11-19", "2026-11-22 am"),
        ("20261119 pm", "2026-11-22 am"),
        (["2026-11-19 pm"], "2026-11-22 am"),
    ],
)
def test_what_was_attended_is_of_the_half_day_that_it_names_whenever_it_is_told(told: Any, half_day: str) -> None:
    context = {"extensions": {Extension.HALF_DAY: told}}
    session = make_activity("sessions/1", ActivityType.SESSION)
    for verb in (Verb.ATTENDED, "https://adlnet.gov/expapi/verbs/attended"):
        assert enrich(make_statement(verb={"id": verb}, object=session, context=context), PARIS).half_day == half_day
    assert enrich(make_statement(context=context), PARIS).half_day == "2026-11-22 am"


def test_extensions_of_any_other_shape_leave_the_columns_empty() -> None:
    extensions = {
        Extension.PLANNED_START_TIME: "soon",
        Extension.PLANNED_DURATION: 3,
        Extension.MODALITY: "teleported",
        Extension.ROOM: {"name": "A"},
        Extension.CONNECTION: ["x"],
    }
    columns = enrich(
        make_statement(object=make_activity("sessions/1", ActivityType.SESSION), context={"extensions": extensions}),
        PARIS,
    )
    assert (columns.planned_start, columns.planned_seconds) == (None, None)
    assert (columns.modality, columns.place, columns.connection) == ("", "", "")


@pytest.mark.parametrize(
    ("target", "place"),
    [
        (make_activity("rooms/9", ActivityType.ROOM, "Salle 9"), "Salle 9"),
        (make_activity("rooms/9", ActivityType.ROOM), f"{HOME}/rooms/9"),
    ],
)
def test_a_check_in_happens_where_the_room_is(target: dict[str, Any], place: str) -> None:
    assert enrich(make_statement(verb={"id": Verb.CHECKIN}, object=target), PARIS).place == place


@pytest.mark.parametrize(
    "target",
    [
        {"objectType": "Agent", "mbox": "mailto:other@example.org"},
        {"objectType": "StatementRef", "id": "0b9d4a1e-3c5f-4d2a-9a55-4d8a3d3f7c11"},
        {"objectType": "SubStatement", "actor": {}, "verb": {}, "object": {}},
    ],
)
def test_an_object_that_is_no_activity_leaves_the_activity_empty(target: dict[str, Any]) -> None:
    columns = enrich(make_statement(object=target), PARIS)
    assert columns.activity == Activity()
    assert columns.activity_type == ""


def test_another_spelling_of_a_verb_or_type_is_the_same_word_in_the_columns() -> None:
    course = make_activity("courses/1", "http://lrs.learninglocker.net/define/type/moodle/course", "Cours")
    columns = enrich(make_statement(verb={"id": "http://activitystrea.ms/schema/1.0/join"}, object=course), PARIS)
    assert (columns.verb, columns.activity_type) == (Verb.JOIN, ActivityType.COURSE)
    assert columns.module == Activity(f"{HOME}/courses/1", "Cours")


def test_another_spelling_of_voided_stays_another_verb() -> None:
    written = "https://adlnet.gov/expapi/verbs/voided"
    assert canonical_verb(written) == Verb.VOIDED
    assert enrich(make_statement(verb={"id": written}), PARIS).verb == written


def test_results_are_typed() -> None:
    columns = enrich(
        make_statement(result={"duration": "PT1M", "completion": True, "success": False, "score": {"scaled": 0.5}}),
        PARIS,
    )
    assert (columns.duration_ms, columns.completion, columns.success, columns.score_scaled) == (
        60_000,
        True,
        False,
        0.5,
    )


@pytest.mark.parametrize(
    ("language_map", "text"),
    [
        ({"en": "Room", "fr-CA": "Salle"}, "Salle"),
        ({"de": "Raum", "en-GB": "Room"}, "Room"),
        ({"de": "Raum"}, "Raum"),
        ({"fro": "Sale", "en": "Room"}, "Room"),
        ({}, ""),
    ],
)
def test_names_are_french_first_then_english(language_map: dict[str, str], text: str) -> None:
    assert choose_text(language_map) == text
