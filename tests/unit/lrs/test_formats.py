from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrs.formats import list_activity_ids, make_canonical, merge_definitions, reduce_to_ids
from lrs.languages import choose_language, parse_accept_language
from tests.statements import statements

ADA = {"objectType": "Agent", "name": "Ada", "mbox": "mailto:ada@example.org"}


def make_statement(**changes: Any) -> dict[str, Any]:
    return {
        "actor": ADA,
        "verb": {"id": "https://example.org/v", "display": {"fr": "suit", "en": "attends"}},
        "object": {
            "objectType": "Activity",
            "id": "https://example.org/a",
            "definition": {"name": {"fr": "Un cours", "en-GB": "A course"}},
        },
        **changes,
    }


def test_ids_leave_what_identifies_and_nothing_more() -> None:
    team = {"objectType": "Group", "name": "Nous", "member": [ADA]}
    statement = make_statement(
        context={
            "team": team,
            "instructor": ADA,
            "contextActivities": {"parent": [{"id": "https://example.org/p", "definition": {}}]},
            "contextAgents": [{"objectType": "contextAgent", "agent": ADA, "relevantTypes": ["https://example.org/t"]}],
            "platform": "LMS",
        }
    )
    bare = {"objectType": "Agent", "mbox": "mailto:ada@example.org"}
    assert reduce_to_ids(statement) == {
        "actor": bare,
        "verb": {"id": "https://example.org/v"},
        "object": {"id": "https://example.org/a"},
        "context": {
            "team": {"objectType": "Group", "member": [bare]},
            "instructor": bare,
            "contextActivities": {"parent": [{"id": "https://example.org/p"}]},
            "contextAgents": [
                {"objectType": "contextAgent", "agent": bare, "relevantTypes": ["https://example.org/t"]}
            ],
            "platform": "LMS",
        },
    }


def test_ids_of_an_identified_group_leave_out_its_members() -> None:
    group = {"objectType": "Group", "name": "Nous", "mbox": "mailto:nous@example.org", "member": [ADA]}
    reduced = reduce_to_ids(make_statement(actor=group))
    assert reduced["actor"] == {"objectType": "Group", "mbox": "mailto:nous@example.org"}


def test_canonical_shows_the_canonical_definition_in_the_language_asked_for() -> None:
    sub = {**make_statement(), "objectType": "SubStatement"}
    canonical = make_canonical(
        make_statement(object=sub),
        {"https://example.org/a": {"name": {"fr": "Le cours", "en-GB": "The course"}, "moreInfo": "https://m"}},
        ["en"],
    )
    assert canonical["verb"]["display"] == {"en": "attends"}
    assert canonical["object"]["verb"]["display"] == {"en": "attends"}
    assert canonical["object"]["object"]["definition"] == {"name": {"en-GB": "The course"}, "moreInfo": "https://m"}
    assert canonical["actor"] == ADA


def test_canonical_keeps_the_definition_of_a_statement_that_defines_nothing() -> None:
    canonical = make_canonical(make_statement(), {}, ["fr-FR"])
    assert canonical["object"]["definition"] == {"name": {"fr": "Un cours"}}


def test_interaction_components_are_translated_too() -> None:
    choices = [{"id": "a", "description": {"fr": "oui", "en": "yes"}}, {"id": "b"}]
    activity = {"id": "https://example.org/a", "definition": {"interactionType": "choice", "choices": choices}}
    canonical = make_canonical(make_statement(object=activity), {}, ["en"])
    assert canonical["object"]["definition"]["choices"] == [{"id": "a", "description": {"en": "yes"}}, {"id": "b"}]


@given(statements())
def test_no_format_changes_what_it_was_given(statement: dict[str, Any]) -> None:
    before = copy.deepcopy(statement)
    reduce_to_ids(statement)
    make_canonical(statement, {activity: {"name": {"x": "y"}} for activity in list_activity_ids(statement)}, [])
    assert statement == before


@given(statements())
def test_reducing_twice_is_reducing_once(statement: dict[str, Any]) -> None:
    once = reduce_to_ids(statement)
    assert reduce_to_ids(once) == once
    assert list_activity_ids(once) == list_activity_ids(statement)


def test_definitions_are_merged_text_by_text_and_the_latest_word_counts() -> None:
    assert merge_definitions(
        [
            {"name": {"en": "old", "fr": "vieux"}, "type": "https://t/1", "extensions": {"https://e/1": 1}},
            {"name": {"en": "new"}, "description": {"en": "d"}, "extensions": {"https://e/2": 2}},
        ]
    ) == {
        "name": {"en": "new", "fr": "vieux"},
        "type": "https://t/1",
        "extensions": {"https://e/1": 1, "https://e/2": 2},
        "description": {"en": "d"},
    }


@pytest.mark.parametrize(
    ("header", "ranges"),
    [
        (None, []),
        ("fr", ["fr"]),
        ("en;q=0.5, fr", ["fr", "en"]),
        ("en;q=0.5,fr;q=0,de;q=x,*;q=0.1", ["en", "*"]),
        (";;,,q=1", ["q=1"]),
    ],
)
def test_language_ranges_are_read_in_the_order_of_preference(header: str | None, ranges: list[str]) -> None:
    assert parse_accept_language(header) == ranges


@pytest.mark.parametrize(
    ("ranges", "tag"),
    [
        (["en-gb"], "en-GB"),
        (["en"], "en-GB"),
        (["fr-ca"], "fr"),
        (["de", "fr"], "fr"),
        (["de"], "en-GB"),
        (["*"], "en-GB"),
        ([], "en-GB"),
    ],
)
def test_the_nearest_language_is_chosen(ranges: list[str], tag: str) -> None:
    assert choose_language({"en-GB": "colour", "fr": "couleur"}, ranges) == tag


@given(st.text(max_size=60))
def test_any_header_gives_a_language(header: str) -> None:
    assert choose_language({"fr": "couleur"}, parse_accept_language(header)) == "fr"
