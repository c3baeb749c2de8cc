from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from producers.attendance import add_up, attended, cut_half_days, name_half_day
from producers.naming import Naming
from producers.rows import Agent
from producers.statements import Training, void
from xapi_profiles.validation import check_statements
from xapi_profiles.vocabulary import Evidence, Extension, Modality, Verb

PARIS = ZoneInfo("Europe/Paris")
ADA = Agent({"mbox": "mailto:ada@example.org"}, "Ada")
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
spans = st.tuples(instants, st.timedeltas(timedelta(0), timedelta(days=2))).map(lambda one: (one[0], one[0] + one[1]))


def test_a_day_is_cut_at_one_o_clock_local_time() -> None:
    day = datetime(2026, 11, 23, 9, tzinfo=PARIS).astimezone(UTC)
    parts = cut_half_days(day, day + timedelta(hours=8), PARIS)
    assert [(name_half_day(starts, PARIS), ends - starts) for starts, ends in parts] == [
        ("2026-11-23 am", timedelta(hours=4)),
        ("2026-11-23 pm", timedelta(hours=4)),
    ]


@given(spans)
def test_parts_are_whole_and_each_within_one_half_day(span: tuple[datetime, datetime]) -> None:
    starts, ends = span
    parts = cut_half_days(starts, ends, PARIS)
    assert sum((end - begin for begin, end in parts), timedelta()) == ends - starts
    assert all(begin < end for begin, end in parts)
    names = [name_half_day(begin, PARIS) for begin, _ in parts]
    assert names == sorted(set(names))
    assert names == [name_half_day(end - timedelta(microseconds=1), PARIS) for _, end in parts]


@given(st.lists(spans, max_size=5))
def test_what_times_share_counts_once(several: list[tuple[datetime, datetime]]) -> None:
    total = add_up(several)
    assert total == add_up(several * 2) == add_up(reversed(several))
    assert max((ends - starts for starts, ends in several), default=timedelta()) <= total
    assert total <= sum((ends - starts for starts, ends in several), timedelta())


def test_the_statement_names_half_day_modality_and_evidence_and_is_late_only_when_told(naming: Naming) -> None:
    at = datetime(2026, 11, 23, 9, tzinfo=PARIS)
    told = {"half_day": "2026-11-23 am", "duration": timedelta(hours=3), "modality": Modality.IN_PERSON, "at": at}
    statement = attended(naming, Training("S1"), ADA, evidence=Evidence.DECLARED, **told)
    check_statements({"id": naming.statement_id("x", "y"), **statement}, "1.0.3")
    assert statement["result"] == {"duration": "PT3H"}
    assert statement["context"]["registration"] == naming.registration("S1", ADA.ifi)
    assert Extension.ATTENDANCE_LATE not in statement["context"]["extensions"]
    late = attended(naming, Training("S1"), ADA, evidence=Evidence.DECLARED, late=True, **told)
    assert late["context"]["extensions"][Extension.ATTENDANCE_LATE] is True


def test_a_withdrawal_names_the_statement_and_the_system(naming: Naming) -> None:
    target = naming.statement_id("x", "y")
    statement = void(naming, "moodle", target, at=datetime(2026, 11, 23, tzinfo=UTC))
    check_statements({"id": naming.statement_id("x", "z"), **statement}, "1.0.3")
    assert statement["verb"]["id"] == Verb.VOIDED
    assert statement["object"] == {"objectType": "StatementRef", "id": target}
    assert statement["actor"]["account"]["name"] == "moodle"
