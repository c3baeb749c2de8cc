"""Data 4, special data types: IRIs, language tags, timestamps, durations, and extensions' keys."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.statements import assert_accepted, assert_refused, find_problems, make_statement, pointer_to
from xapi_profiles.datatypes import MAX_DEPTH, check_duration, check_timestamp, read_duration, read_timestamp

GOOD_IRIS = (
    "https://example.org",
    "http://example.org/a?b=c&d=e#f",
    "http://example.org:8080/%C3%A9",
    "http://exämple.org/été",
    "http://例え.jp/道",
    "http://[::1]/x",
    "urn:uuid:6690e6c9-3ef0-4ed3-8b37-7f3964730bee",
    "uuid://7d4f3c70-1e79-4243-9b7d-166076ce8bfb",
    "course-v1:FUN-MOOC+00002+session01",
    "mailto:ada@example.org",
    "tag:example.org,2026:x",
    "http://example.org/?a[]=1",
)
BAD_IRIS = (
    "",
    "example.org",
    "/sessions/1",
    "//example.org/x",
    "#fragment",
    "http://",
    "https:",
    "http:example.org",
    "HTTP:///x",
    "1http://example.org",
    "ab=c://should.fail.com",
    "http://example.org/a b",
    "http://example.org/\n",
    "http://example.org/<x>",
    'http://example.org/"x"',
    "http://example.org/{x}",
    "http://example.org/a|b",
    "http://example.org/a\\b",
    "http://example.org/%zz",
    "http://example.org/%2",
    "http://example.org/#a#b",
    " https://example.org",
)


@pytest.mark.parametrize("iri", GOOD_IRIS)
def test_an_absolute_iri_is_accepted_wherever_one_is_expected(iri: str) -> None:
    assert_accepted(make_statement(object={"id": iri, "definition": {"type": iri, "extensions": {iri: 1}}}))


@pytest.mark.parametrize("iri", BAD_IRIS)
def test_what_is_no_absolute_iri_is_refused(iri: str) -> None:
    for statement, place in (
        (make_statement(object={"id": iri}), ("object", "id")),
        (make_statement(context={"extensions": {iri: 1}}), ("context", "extensions", iri)),
    ):
        assert {problem.pointer for problem in find_problems(statement)} == {pointer_to(place)}


GOOD_TAGS = (
    "fr", "en-US", "EN-us", "zh-Hant-TW", "zh-cmn-Hans-CN", "sl-rozaj-biske-1994", "de-CH-1901", "es-419", "mn-Cyrl-MN",
    "en-a-bbb-x-a-ccc", "de-DE-u-co-phonebk", "x-whatever", "i-klingon", "en-GB-oed", "und", "tlh",
    "qaa-Qaaa-QM-x-southern",
)  # fmt: skip
BAD_TAGS = (
    "", "e", "en_US", "a12345", "en-", "-en", "en--US", "zh-something-ccc", "something-else", "s-something",
    "en-something-AU", "abcdefghi", "de-419-DE-x", "a-DE", "en-US-a", "x-", "fr-\u017fa", "fr-\u0661\u0662\u0663",
)  # fmt: skip


@pytest.mark.parametrize("tag", GOOD_TAGS)
def test_a_well_formed_language_tag_is_accepted(tag: str) -> None:
    assert_accepted(make_statement(context={"language": tag}, verb={"id": "https://a.fr/v", "display": {tag: "x"}}))


@pytest.mark.parametrize("tag", BAD_TAGS)
def test_a_malformed_language_tag_is_refused(tag: str) -> None:
    assert_refused(make_statement(context={"language": tag}), "/0/context/language", "XAPI-00091")
    verb = {"id": "https://a.fr/v", "display": {tag: "x"}}
    assert_refused(make_statement(verb=verb), pointer_to(("verb", "display", tag)), "XAPI-00121")


RFC_3339 = {
    "2026-11-22T09:30:00Z": datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
    "2026-11-22T09:30:00.1239999+01:00": datetime(2026, 11, 22, 8, 30, 0, 123999, tzinfo=UTC),
    "2008-09-15T15:53:00.601+00:00": datetime(2008, 9, 15, 15, 53, 0, 601000, tzinfo=UTC),
    "2024-02-29T00:00:00-11:30": datetime(2024, 2, 29, 11, 30, tzinfo=UTC),
    "2016-12-31T23:59:60Z": datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC),
    "0001-01-01T00:00:00Z": datetime(1, 1, 1, tzinfo=UTC),
}
ISO_8601_ONLY = {
    "2008-09-15T15:53:00.601": datetime(2008, 9, 15, 15, 53, 0, 601000, tzinfo=UTC),
    "2008-09-15T15:53:00,601Z": datetime(2008, 9, 15, 15, 53, 0, 601000, tzinfo=UTC),
    "2008-09-15T15:53Z": datetime(2008, 9, 15, 15, 53, tzinfo=UTC),
    "2008-09-15T15+02": datetime(2008, 9, 15, 13, tzinfo=UTC),
    "2008-09-15T15:53:00+0200": datetime(2008, 9, 15, 13, 53, tzinfo=UTC),
    "20080915T155300.601Z": datetime(2008, 9, 15, 15, 53, 0, 601000, tzinfo=UTC),
    "20080915T1553+0200": datetime(2008, 9, 15, 13, 53, tzinfo=UTC),
}
BAD_TIMES = (
    "", "now", "01/011/2015", "2015-11-18", "2015", "12:17:00Z", "1447849020", "2015-11-18 12:17:00Z",
    "2008-09-15T15:53:00.601-00", "2008-09-15T15:53:00.601-0000", "2008-09-15T15:53:00.601-00:00",
    "2008-09-15T15:53:00.Z", "2008-09-15T15:53:00.601+25:00", "2008-09-15T15:53:00.601+01:75",
    "2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-00-10T00:00:00Z", "2023-01-32T00:00:00Z",
    "2023-01-01T24:00:00Z", "2023-01-01T23:60:00Z", "2023-01-01T23:59:61Z", "0000-01-01T00:00:00Z",
    "20080915T15:53:00Z", "2008-09-15T155300Z", "2008-9-15T15:53:00Z", "2023-01-01T00:00:00Z ",
    "2023-01-01T00:00:00Zulu",
    "2023-01-01T00:00:00Z\n", "\u0662\u0660\u0662\u0663-01-01T00:00:00Z", "0001-01-01T00:00:00+05:00",
)  # fmt: skip


@pytest.mark.parametrize(("text", "instant"), RFC_3339.items())
def test_an_rfc_3339_timestamp_is_accepted_and_read(text: str, instant: datetime) -> None:
    assert_accepted(make_statement(timestamp=text))
    assert read_timestamp(text) == instant


@pytest.mark.parametrize(("text", "instant"), ISO_8601_ONLY.items())
def test_1_0_3_alone_accepts_other_forms_of_iso_8601(text: str, instant: datetime) -> None:
    assert_accepted(make_statement(timestamp=text), "1.0.3")
    assert_refused(make_statement(timestamp=text), "/0/timestamp", "XAPI-00022", "2.0.0")
    assert read_timestamp(text) == instant


def test_2_0_0_takes_small_letters_as_rfc_3339_does() -> None:
    assert_accepted(make_statement(timestamp="2026-11-22t09:30:00z"), "2.0.0")
    assert read_timestamp("2026-11-22t09:30:00z") == datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", BAD_TIMES)
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    assert_refused(make_statement(timestamp=text), "/0/timestamp", "XAPI-00022")
    with pytest.raises(ValueError, match="not a timestamp"):
        read_timestamp(text)


@given(st.datetimes(timezones=st.timezones()))
def test_every_instant_written_with_its_offset_is_read_back(instant: datetime) -> None:
    text = instant.isoformat()
    try:
        expected = instant.astimezone(UTC)
    except OverflowError:
        return
    # Offsets of some zones before 1900 have seconds, and -00:00 is how none is written.
    if instant.utcoffset().total_seconds() % 60 == 0:  # type: ignore[union-attr]  # it is aware
        assert check_timestamp(text) == text
        assert read_timestamp(text) == expected


GOOD_DURATIONS = {
    "PT4H35M59.14S": timedelta(hours=4, minutes=35, seconds=59.14),
    "PT16559.14S": timedelta(seconds=16559.14),
    "P1DT12H36M0.12567S": timedelta(days=1, hours=12, minutes=36, seconds=0.12567),
    "P4W": timedelta(weeks=4),
    "P0.5W": timedelta(days=3.5),
    "PT0S": timedelta(0),
    "PT1H0M0.1S": timedelta(hours=1, seconds=0.1),
    "PT1,5H": timedelta(hours=1.5),
    "P1Y": timedelta(days=365.2425),
    "P3Y1M29DT4H35M59.14S": timedelta(days=365.2425 * 3 + 30.436875 + 29, hours=4, minutes=35, seconds=59.14),
}
BAD_DURATIONS = (
    "", "P", "PT", "P1DT", "1H", "PA1H0M0S", "PT1H0M0.1", "P4W1D", "P1Y4W", "PT1.5H30M", "P1H", "PT1D", "PT1M1H",
    "-PT1H", "+PT1H", "P-1D", "pt1h", "PT1H ", "PT.5S", "PT1.S", "P0003-06-04T12:30:05", "PT1S1S", "P1.5DT1H",
    "PT\u0661H", "PT1H\n",
)  # fmt: skip


@pytest.mark.parametrize(("text", "length"), GOOD_DURATIONS.items())
def test_a_duration_with_designators_is_accepted_and_read(text: str, length: timedelta) -> None:
    assert_accepted(make_statement(result={"duration": text}))
    assert read_duration(text) == pytest.approx(length.total_seconds())


@pytest.mark.parametrize("text", BAD_DURATIONS)
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert_refused(make_statement(result={"duration": text}), "/0/result/duration", "XAPI-00124")
    with pytest.raises(ValueError, match="not a duration"):
        read_duration(text)


@given(st.lists(st.none() | st.integers(0, 10**6), min_size=6, max_size=6))
def test_every_combination_of_designators_is_a_duration(amounts: list[int | None]) -> None:
    parts = [f"{amount}{unit}" if amount is not None else "" for amount, unit in zip(amounts, "YMDHMS", strict=True)]
    date, time = "".join(parts[:3]), "".join(parts[3:])
    text = "P" + date + ("T" + time if time else "")
    if text != "P":
        assert check_duration(text) == text


def test_extensions_hold_anything_of_a_sane_depth() -> None:
    deep: object = "bottom"
    for _ in range(MAX_DEPTH):
        deep = [deep]
    assert_accepted(make_statement(context={"extensions": {"https://a.fr/x": deep}}))
    for deeper in ([deep], {"k": deep}):
        statement = make_statement(context={"extensions": {"https://a.fr/x": deeper}})
        assert_refused(statement, "/0/context/extensions", "Jalon-depth")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("timestamp",), "2026-11-22T09:30:00." + "1" * 5_000_000 + "Z"),
        (("result", "duration"), "P" + "1" * 5_000_000 + "Y"),
        (("context", "language"), "en" + "-abcdefgh" * 500_000),
        (("actor", "mbox"), "mailto:a@" + "b." * 2_000_000 + "fr"),
    ],
    ids=["timestamp", "duration", "language", "mbox"],
)
def test_a_text_of_megabytes_is_refused_at_once(path: tuple[str, ...], text: str) -> None:
    statement = make_statement(**{path[0]: {path[1]: text} if len(path) > 1 else text})
    started = time.process_time()
    assert [problem.pointer for problem in find_problems(statement)] == [pointer_to(path)]
    assert time.process_time() - started < 0.1
