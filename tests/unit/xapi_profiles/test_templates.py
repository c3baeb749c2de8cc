"""Statements against templates: who claims which profile, which template applies, which rule is broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from producers import statements
from producers.naming import Naming
from tests.unit.xapi_profiles.profiles import PROFILE, TEMPLATE, VERSION, make_profile
from xapi_profiles.profile import load_profile, load_profiles
from xapi_profiles.templates import Conformance, ConformanceChecker, weigh_profile
from xapi_profiles.vocabulary import ActivityType, Category, Modality, Verb

VERB = "http://adlnet.gov/expapi/verbs/attended"
KIND = "http://activitystrea.ms/event"


def make_statement(**parts: Any) -> dict[str, Any]:
    context = {"contextActivities": {"category": [{"id": VERSION}]}} | parts.pop("context", {})
    target = {"id": "https://example.org/s/1", "definition": {"type": KIND}}
    return {
        "actor": {"mbox": "mailto:a@example.org"},
        "verb": {"id": VERB},
        "object": target,
        "context": context,
    } | parts


def check(statement: dict[str, Any], *templates: dict[str, Any]) -> Conformance:
    return ConformanceChecker([make_profile(*templates)]).check(statement)


def break_rule(rule: dict[str, Any], statement: dict[str, Any]) -> bool:
    return check(statement, {"verb": VERB, "rules": [rule]}).state == "nonconformant"


def test_a_statement_without_a_known_profile_claims_none() -> None:
    assert check(make_statement(context={"contextActivities": {}}), {"verb": VERB}) == Conformance("unclaimed")
    other = {"contextActivities": {"category": [{"id": "https://example.org/other"}]}}
    assert check(make_statement(context=other), {"verb": VERB}).state == "unclaimed"
    nothing = {key: part for key, part in make_statement().items() if key != "context"}
    assert check(nothing, {"verb": VERB}).state == "unclaimed"


def test_a_claim_that_no_template_determines_does_not_conform() -> None:
    standing = check(make_statement(), {"verb": "https://example.org/another"})
    assert (standing.state, standing.profile, standing.template) == ("nonconformant", VERSION, "")
    assert standing.rule


def test_a_category_that_is_one_activity_claims_as_a_list_does() -> None:
    alone = make_statement(context={"contextActivities": {"category": {"id": VERSION}}})
    rule = {"location": "$.context.contextActivities.category[*].id", "presence": "included", "all": [VERSION]}
    assert check(alone, {"verb": VERB, "rules": [rule]}).state == "conformant"
    assert alone["context"]["contextActivities"]["category"] == {"id": VERSION}


@pytest.mark.parametrize(
    ("determining", "more"),
    [
        ({"objectActivityType": KIND}, {"object": {"id": "https://example.org/s/1"}}),
        (
            {"contextParentActivityType": [KIND]},
            {"context": {"contextActivities": {"category": [{"id": VERSION}], "parent": [{"id": "https://e.org/p"}]}}},
        ),
        ({"contextGroupingActivityType": [KIND]}, {}),
        ({"attachmentUsageType": ["https://example.org/usage"]}, {"attachments": [{"usageType": "https://e.org/x"}]}),
    ],
)
def test_every_determining_property_has_to_be_there(determining: dict[str, Any], more: dict[str, Any]) -> None:
    assert check(make_statement(**more), determining).state == "nonconformant"


def test_more_than_what_determines_may_be_there() -> None:
    parents = [{"id": "https://e.org/1"}, {"id": "https://e.org/2", "definition": {"type": KIND}}]
    statement = make_statement(
        context={"contextActivities": {"category": [{"id": VERSION}], "parent": parents}},
        attachments=[{"usageType": "https://example.org/usage"}, {"usageType": "https://example.org/x"}],
    )
    usage = ["https://example.org/usage"]
    assert check(statement, {"contextParentActivityType": [KIND], "attachmentUsageType": usage}).state == "conformant"


def test_a_verb_in_another_spelling_is_the_verb() -> None:
    statement = make_statement(verb={"id": "http://activitystrea.ms/schema/1.0/join"})
    assert check(statement, {"verb": "http://activitystrea.ms/join"}) == Conformance("conformant", VERSION, TEMPLATE)


def test_a_type_in_another_spelling_is_the_type() -> None:
    target = {"id": "https://example.org/s/1", "definition": {"type": "http://activitystrea.ms/schema/1.0/event"}}
    parents = [{"id": "https://e.org/p", "definition": {"type": "https://w3id.org/xapi/cmi5/activitytype/course"}}]
    context = {"contextActivities": {"category": [{"id": VERSION}], "parent": parents}}
    determining = {
        "objectActivityType": KIND,
        "contextParentActivityType": ["http://adlnet.gov/expapi/activities/course"],
    }
    assert check(make_statement(object=target, context=context), determining).state == "conformant"


def test_the_profile_itself_claims_its_newest_version() -> None:
    older, newer = f"{PROFILE}/v1", f"{PROFILE}/v2"
    versions = [
        {"id": older, "generatedAtTime": "2026-11-26T00:00:00Z"},
        {"id": newer, "generatedAtTime": "2026-11-26T00:30:00+00:00", "wasRevisionOf": [older]},
    ]
    new = {"id": f"{PROFILE}/templates/two", "inScheme": newer, "verb": VERB}
    profile = make_profile({"verb": "https://example.org/other"}, new, versions=versions)
    checker = ConformanceChecker([profile])
    for claimed in ([PROFILE], [newer], [newer, PROFILE]):
        context = {"contextActivities": {"category": [{"id": iri} for iri in claimed]}}
        assert checker.check(make_statement(context=context)) == Conformance("conformant", newer, new["id"])
    older_only = {"contextActivities": {"category": [{"id": older}]}}
    assert checker.check(make_statement(context=older_only)).state == "nonconformant"


def test_real_forms_of_other_systems_are_held_against_the_public_profiles() -> None:
    checker = ConformanceChecker(load_profiles())
    session = {"https://w3id.org/xapi/cmi5/context/extensions/sessionid": "s1"}
    raised = make_statement(
        verb={"id": Verb.REACTED},
        object={"id": "https://example.org/room", "definition": {"type": ActivityType.VIRTUAL_CLASSROOM}},
        result={"extensions": {"https://w3id.org/xapi/virtual-classroom/extensions/emoji": "U+1F590"}},
        context={"contextActivities": {"category": [{"id": Category.VIRTUAL_CLASSROOM}]}, "extensions": session},
        timestamp="2026-11-26T09:00:00Z",
    )
    assert checker.check(raised).template.endswith("/virtual-classroom/templates/raise-hand")
    played = make_statement(
        verb={"id": "http://activitystrea.ms/schema/1.0/play"},
        object={"id": "https://example.org/v", "definition": {"type": ActivityType.VIDEO}},
        result={"extensions": {"https://w3id.org/xapi/video/extensions/time": 1.5}},
        context={"contextActivities": {"category": [{"id": Category.VIDEO}]}},
        timestamp="2026-11-26T09:00:00Z",
    )
    assert checker.check(played).state == "conformant"
    del played["result"]
    assert checker.check(played).rule == (
        "$.result.extensions['https://w3id.org/xapi/video/extensions/time']: expected a value"
    )


SCORE, RAW = "$.result.score.raw", {"result": {"score": {"raw": 1}}}


@pytest.mark.parametrize(
    ("rule", "more", "broken"),
    [
        ({"presence": "included"}, {}, True),
        ({"presence": "included"}, RAW, False),
        ({"presence": "excluded"}, {}, False),
        ({"presence": "excluded"}, RAW, True),
        ({"presence": "recommended"}, {}, False),
        ({"presence": "recommended", "any": [2]}, {}, False),
        ({"presence": "recommended", "any": [2]}, RAW, True),
        ({"any": [2]}, {}, True),
        ({"any": [2, 1]}, RAW, False),
        ({"all": [1]}, {}, True),
        ({"all": [1]}, RAW, False),
        ({"all": [2]}, RAW, True),
        ({"none": [1]}, {}, False),
        ({"none": [1]}, RAW, True),
        ({"none": [1.0]}, RAW, True),
        ({"none": [True]}, RAW, False),
        ({"none": ["1"]}, RAW, False),
        ({"any": [{"b": 1, "a": 2}]}, {"result": {"score": {"raw": {"a": 2, "b": 1}}}}, False),
    ],
)
def test_a_rule_asks_for_values_at_its_place(rule: dict[str, Any], more: dict[str, Any], broken: bool) -> None:
    assert break_rule({"location": SCORE} | rule, make_statement(**more)) is broken


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ({"presence": "included"}, True),  # the second has no type: there is a place without a value
        ({"presence": "excluded"}, True),
        ({"any": [KIND]}, False),
        ({"all": [KIND]}, True),
        ({"none": [KIND]}, True),
    ],
)
def test_a_selector_is_asked_at_every_place(rule: dict[str, Any], broken: bool) -> None:
    parents = [{"id": "https://e.org/1", "definition": {"type": KIND}}, {"id": "https://e.org/2"}]
    statement = make_statement(context={"contextActivities": {"category": [{"id": VERSION}], "parent": parents}})
    place = {"location": "$.context.contextActivities.parent[*]", "selector": "$.definition.type"}
    assert break_rule(place | rule, statement) is broken


def test_every_template_that_is_determined_has_to_be_kept_and_the_first_broken_rule_is_named() -> None:
    loose = {"verb": VERB}
    strict = {"id": f"{PROFILE}/templates/two", "rules": [{"location": SCORE, "presence": "included"}]}
    standing = check(make_statement(), loose, strict)
    assert standing == Conformance("nonconformant", VERSION, f"{PROFILE}/templates/two", f"{SCORE}: expected a value")


def test_what_our_producers_say_conforms_to_our_profile() -> None:
    naming, at = Naming("institute"), datetime(2026, 11, 26, 9, tzinfo=UTC)
    training = statements.Training("48213", "Session", "7731", "Module", "25N0010", "Pathway")
    ada = statements.learner_by_email("ada@example.org", "Ada")
    slot = {"starts": at, "duration": timedelta(hours=3), "modality": Modality.HYBRID}
    said = [
        statements.schedule(naming, "gaia", training, **slot, room="A1", at=at),
        statements.cancel(naming, "gaia", training, starts=at, at=at),
        statements.register(naming, training, ada, at=at),
        statements.unregister(naming, training, ada, at=at),
        statements.join(naming, "48213", "room", ada, "w1", at=at),
        statements.leave_remote(naming, "48213", "room", ada, "w1", at=at),
        statements.check_in(naming, "48213", "A1", ada, at=at),
        statements.leave_room(naming, "48213", "A1", ada, at=at),
    ]
    checker = ConformanceChecker([load_profile()])
    standings = [checker.check(statement) for statement in said]
    assert {(one.state, one.profile, one.rule) for one in standings} == {("conformant", Category.TRAINING, "")}
    assert len({one.template for one in standings}) == len(said)
    del said[0]["context"]["extensions"]["http://id.tincanapi.com/extension/planned-duration"]
    assert checker.check(said[0]).rule.endswith("planned-duration']: expected a value")


def test_a_profile_weighs_what_one_statement_of_its_busiest_verb_costs() -> None:
    def weigh(*templates: dict[str, Any]) -> int:
        named = [{"id": f"https://example.org/t/{number}"} | one for number, one in enumerate(templates)]
        return weigh_profile(make_profile(*named))

    def rules(*locations: str) -> list[dict[str, str]]:
        return [{"location": location, "presence": "included"} for location in locations]

    assert weigh({"verb": VERB}) == 1
    assert weigh({"verb": VERB, "rules": rules("$.a.b", "$.c")}) == 3
    # Verbs do not add up, spellings of one do, and what any verb may match does.
    assert weigh({"verb": VERB, "rules": rules("$.a")}, {"verb": "https://example.org/v"}) == 2
    assert weigh({"verb": VERB}, {"verb": VERB.replace("http:", "https:")}) == 2
    assert weigh({"verb": VERB}, {"rules": rules("$.a")}) == 3
    assert weigh({"rules": rules("$.a[*].b", "$..c", "$['a','b'] | $.c")}) == 1 + 4 + 50 + 3
    selecting = [{"location": "$.a[*]", "selector": "$.*", "presence": "included"}]
    assert weigh({"rules": selecting}) == 1 + 4 * 4
    # Unions multiply what is walked: so do they here.
    assert weigh({"rules": rules("$" + "[*,*]" * 100)}) > 10**80
