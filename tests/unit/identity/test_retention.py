import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from identity.errors import InvalidValue, UnknownTenant
from identity.retention import Periods, Rule, read_periods, set_period, unset_period
from identity.tenants import Tenant

ATTENDED = "http://adlnet.gov/expapi/verbs/attended"
MEDIA = "https://w3id.org/xapi/video/activity-type/video"


def test_nothing_has_a_period_that_nobody_set(engine: Engine, tenant: Tenant) -> None:
    periods = read_periods(engine, tenant.id)
    assert periods == Periods()
    assert periods.days_of("statements") is None
    assert not periods.delete_statements


def test_the_first_named_purpose_that_covers_a_statement_counts(engine: Engine, tenant: Tenant) -> None:
    set_period(engine, tenant.id, Rule("statements", 365))
    set_period(engine, tenant.id, Rule("attendance", 1825, verbs=(ATTENDED,)))
    set_period(engine, tenant.id, Rule("gaia", None, sources=("gaia",)))
    periods = set_period(engine, tenant.id, Rule("media", 90, activity_types=(MEDIA,)), first=True)
    assert periods == read_periods(engine, tenant.id)
    assert [rule.purpose for rule in periods.rules] == ["media", "attendance", "gaia", "statements"]
    assert periods.days_of_statement("lrs", ATTENDED, MEDIA) == 90
    assert periods.days_of_statement("gaia", ATTENDED, "") == 1825
    assert periods.days_of_statement("gaia", "https://example.org/verbs/other", "") is None
    assert periods.days_of_statement("lrs", "https://example.org/verbs/other", "") == 365


def test_a_verb_or_type_stands_for_every_spelling_of_it() -> None:
    other_verb, other_type = "https://adlnet.gov/expapi/verbs/attended", "http://activitystrea.ms/schema/1.0/video"
    for verb, kind in ((ATTENDED, MEDIA), (other_verb, other_type)):
        rule = Rule("mine", 1, verbs=(verb,), activity_types=(kind,))
        assert rule.covers("lrs", ATTENDED, MEDIA)
        assert rule.covers("lrs", other_verb, other_type)
        assert rule.covers_all_of(Rule("other", 1, verbs=(other_verb,), activity_types=(MEDIA,)))
        assert not rule.covers("lrs", "http://adlnet.gov/expapi/verbs/completed", MEDIA)


def test_a_purpose_that_is_set_again_keeps_its_place(engine: Engine, tenant: Tenant) -> None:
    set_period(engine, tenant.id, Rule("one", 10, sources=("lrs",)))
    set_period(engine, tenant.id, Rule("two", 20, verbs=(ATTENDED,)))
    periods = set_period(engine, tenant.id, Rule("one", 30, sources=("lrs", "zoom")))
    assert [(rule.purpose, rule.days) for rule in periods.rules] == [("one", 30), ("two", 20)]
    assert read_periods(engine, tenant.id) == periods


def test_unsetting_keeps_what_had_a_period(engine: Engine, tenant: Tenant) -> None:
    set_period(engine, tenant.id, Rule("dead-letters", 30))
    assert unset_period(engine, tenant.id, "dead-letters")
    assert not unset_period(engine, tenant.id, "dead-letters")
    assert read_periods(engine, tenant.id).days_of("dead-letters") is None


@pytest.mark.parametrize(
    "rule",
    [
        Rule("statements", 0),
        Rule("statements", 36_501),
        Rule("statements", 30, verbs=(ATTENDED,)),
        Rule("attendance", 30),
        Rule("Attendance", 30, verbs=(ATTENDED,)),
        Rule("attendance", 30, verbs=("attended",)),
        Rule("attendance", 30, verbs=("urn:it's",)),
        Rule("lms", 30, sources=("My LMS",)),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused(engine: Engine, tenant: Tenant, rule: Rule) -> None:
    with pytest.raises(InvalidValue):
        set_period(engine, tenant.id, rule)
    assert read_periods(engine, tenant.id) == Periods()


def test_a_purpose_behind_one_that_covers_all_of_it_is_refused(engine: Engine, tenant: Tenant) -> None:
    set_period(engine, tenant.id, Rule("zoom", 30, sources=("zoom", "teams")))
    narrow = Rule("attendance", 90, sources=("zoom",), verbs=(ATTENDED,))
    with pytest.raises(InvalidValue, match="attendance would never count: zoom"):
        set_period(engine, tenant.id, narrow)
    set_period(engine, tenant.id, narrow, first=True)
    assert read_periods(engine, tenant.id).days_of_statement("zoom", ATTENDED, "") == 90


def test_a_tenant_that_does_not_exist_has_no_rules_to_set(engine: Engine) -> None:
    with pytest.raises(UnknownTenant):
        set_period(engine, "nobody", Rule("statements", 30))


_few = st.lists(st.sampled_from("abc"), max_size=3).map(tuple)
_rules = st.builds(Rule, st.just("x"), st.just(1), _few, _few, _few)


@given(_rules, _rules, st.sampled_from("abcd"), st.sampled_from("abcd"), st.sampled_from("abcd"))
def test_what_covers_all_of_another_leaves_it_no_statement(
    wide: Rule, narrow: Rule, source: str, verb: str, activity_type: str
) -> None:
    if wide.covers_all_of(narrow) and narrow.covers(source, verb, activity_type):
        assert wide.covers(source, verb, activity_type)
