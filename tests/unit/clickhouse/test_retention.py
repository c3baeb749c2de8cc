from __future__ import annotations

from clickhouse.retention import write_condition
from identity.retention import Periods, Rule
from xapi_profiles.vocabulary import Verb


def test_a_verb_covers_what_was_stored_under_another_spelling_of_it() -> None:
    condition = write_condition(Periods((Rule("attendance", 10, verbs=(Verb.ATTENDED,)),)), now=0)
    assert f"'{Verb.ATTENDED}'" in condition
    assert "'https://adlnet.gov/expapi/verbs/attended'" in condition
