"""Matomo's visits, from a saved answer and from its reporting API, to the statements that we promise."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from producers.errors import UnreadableInput
from producers.matomo import PAGE, Habits, MatomoSource, read_api, read_export
from producers.web import open_client
from tests.contract.producers.matomo_server import TOKEN, running
from tests.contract.producers.reading import EXAMPLES, NAMING, outline, read, reasons, run_all
from xapi_profiles.vocabulary import ActivityType, Category

VISITS = EXAMPLES / "matomo" / "visits.json"
EVENING = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
SITE = "https://www.institut.example.org"
DAY = date(2026, 11, 24)


def saved(path: Path = VISITS, at: datetime = EVENING, **habits: bool) -> MatomoSource:
    return MatomoSource(lambda: read_export(path), Habits(**habits), at=at)


def asked(url: str, *, token: str = TOKEN, site: int = 1, first: date = DAY, last: date = DAY) -> MatomoSource:
    return MatomoSource(lambda: read_api(open_client(), url, token, site, first, last), Habits(), at=EVENING)


def at(clock: str) -> str:
    return f"2026-11-24T{clock}.000Z"


EXPECTED = [
    (at("08:00:00"), "drawn", "accessed", f"{SITE}/formations"),
    (at("08:01:15"), "drawn", "downloaded", f"{SITE}/docs/Guide%20h%C3%A9bergement.pdf"),
    (at("08:01:50"), "drawn", "accessed", f"{SITE}/contact"),
    (at("09:00:00"), "drawn", "accessed", f"{SITE}/formations"),
    (at("11:02:00"), "drawn", "accessed", f"{SITE}/aide"),
]


def test_pages_and_downloads_become_statements_without_query_and_fragment() -> None:
    statements, _ = read(saved())
    assert outline(statements) == EXPECTED
    assert statements[0] == {
        "id": statements[0]["id"],
        "actor": {
            "objectType": "Agent",
            "account": {
                "homePage": NAMING.system("matomo"),
                "name": NAMING.derive("matomo-visit", "1", "101"),
            },
        },
        "verb": {"id": "https://w3id.org/xapi/netc/verbs/accessed", "display": {"fr": "a consulté"}},
        "object": {
            "objectType": "Activity",
            "id": f"{SITE}/formations",
            "definition": {"type": ActivityType.WEBPAGE, "name": {"fr": "Nos formations"}},
        },
        "result": {"duration": "PT1M15S"},
        "context": {
            "contextActivities": {"category": [{"id": Category.RESOURCES}]},
            "platform": "Site de l'institut",
        },
        "timestamp": at("08:00:00"),
    }
    assert statements[1]["object"]["definition"] == {"type": ActivityType.FILE}
    assert "result" not in statements[2], "how long the last page was looked at is not known"


def test_each_visit_is_nobody_by_default() -> None:
    statements, _ = read(saved())
    names = [one["actor"]["account"]["name"] for one in statements]
    assert names[0] == names[1] == names[2] != names[3] != names[4]
    assert not any(word in json.dumps(statements) for word in ("lefebvre", "192.0.2", "mailto", "registration"))


def test_identified_visits_of_an_address_are_that_learner_s() -> None:
    statements, _ = read(saved(identified=True, at=EVENING + timedelta(hours=3)))
    assert [line[1] for line in outline(statements)] == [
        *("drawn", "drawn", "drawn"),
        "helene.lefebvre",
        # A user id that is no address stays nobody.
        "drawn",
        "drawn",
    ]


def test_a_visit_that_may_go_on_is_left_for_the_next_run(tmp_path: Path) -> None:
    _, (first, second) = run_all(tmp_path, [saved(), saved(at=EVENING + timedelta(hours=3))])
    assert (first.sent, second.sent) == (5, 1)


def test_the_query_is_kept_where_wanted() -> None:
    statements, _ = read(saved(keep_query=True))
    assert statements[0]["object"]["id"] == f"{SITE}/formations?utm_source=lettre&mel=h%40example.org"


def test_broken_visits_and_actions_are_rejected_with_their_reasons() -> None:
    _, rejected = read(saved())
    assert reasons(rejected) == [
        ("visits.json", 4, "url is no address of a page."),
        ("visits.json", 4, "timestamp is not a time in seconds since 1970."),
        ("visits.json", 4, "An action is not an object."),
        ("visits.json", 5, "It is no visit: it lacks idSite, idVisit or actionDetails."),
        ("visits.json", 6, "It is no visit: it lacks idSite, idVisit or actionDetails."),
    ]
    assert not any("192.0.2" in one.raw for one in rejected)


def test_the_same_export_twice_sends_nothing_more(tmp_path: Path) -> None:
    _, (first, second) = run_all(tmp_path, [saved(), saved()])
    assert (first.sent, second.sent, second.skipped) == (5, 0, 5)


def test_json_lines_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "visits.json"
    path.write_text("\n".join(map(json.dumps, json.loads(VISITS.read_text("utf-8")))), encoding="utf-8")
    assert read(saved(path)) == read(saved())


def test_json_lines_cut_in_the_middle_lose_no_more_than_a_line(tmp_path: Path) -> None:
    path = tmp_path / "visits.jsonl"
    lines = list(map(json.dumps, json.loads(VISITS.read_text("utf-8"))))
    path.write_text("\n".join([lines[0], lines[1][:-20]]), encoding="utf-8")
    statements, rejected = read(saved(path))
    assert outline(statements) == EXPECTED[:3]
    assert reasons(rejected) == [("visits.jsonl", 2, "It is no visit: it lacks idSite, idVisit or actionDetails.")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no export of visits"),
        ("<result/>", "no export of visits"),
        ('[{"idSite": 1', "no whole JSON document"),
        ('{"result": "error", "message": "No access."}', "refuses: No access"),
    ],
)
def test_what_is_no_export_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "visits.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UnreadableInput, match=told):
        read(saved(path))


def visits() -> list[dict[str, Any]]:
    return [one for one in json.loads(VISITS.read_text("utf-8")) if isinstance(one, dict) and "idVisit" in one]


def test_the_api_gives_what_its_export_gives() -> None:
    with running(visits()) as matomo:
        statements, _ = read(asked(matomo.url))
        assert sorted(outline(statements)) == EXPECTED
        assert {one["id"] for one in statements} == {one["id"] for one in read(saved())[0]}
        assert read(asked(f"{matomo.url}/index.php"))[0] == statements


def test_the_api_is_asked_for_each_day_page_by_page_until_one_is_empty() -> None:
    one = visits()[0]
    many = [{**one, "idVisit": number, "serverTimestamp": one["serverTimestamp"] + number} for number in range(1, 451)]
    with running(many) as matomo:
        statements, _ = read(asked(matomo.url, first=DAY - timedelta(days=1)))
        pages = [(form["date"], int(form["filter_offset"])) for form in matomo.asked]
    assert len(statements) == 3 * len(many)
    assert pages == [("2026-11-23", 0), *(("2026-11-24", PAGE * number) for number in range(4))]


@pytest.mark.parametrize(("token", "site", "told"), [("wrong", 1, "authenticate"), (TOKEN, 9, "'view' access")])
def test_what_the_api_refuses_is_told_without_the_token(token: str, site: int, told: str) -> None:
    with running(visits()) as matomo, pytest.raises(UnreadableInput, match=told) as caught:
        read(asked(matomo.url, token=token, site=site))
    assert token not in str(caught.value)


def test_an_address_that_is_no_matomo_is_told() -> None:
    with running([]) as matomo, pytest.raises(UnreadableInput, match="answered 404"):
        read(asked(f"{matomo.url}/elsewhere"))
