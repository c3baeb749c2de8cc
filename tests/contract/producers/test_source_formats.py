"""Each source's own format, as its administrators export it, to the statements that we promise."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from producers.bigbluebutton import BigBlueButtonSource, Conventions
from producers.dates import DateOrder
from producers.errors import UnreadableInput
from producers.gaia import GaiaSource
from producers.gaia.extracts import Reading
from producers.meetings import Meetings
from producers.naming import Naming
from producers.production import map_rows
from producers.rows import Rejected, Source
from producers.zoom import ZoomSource
from tests.contract.producers.reading import assert_conformant
from xapi_profiles.validation import check_statements
from xapi_profiles.vocabulary import Modality

EXAMPLES = Path(__file__).parent / "examples"
PARIS = ZoneInfo("Europe/Paris")
NAMING = Naming("institut", "https://institut.example.org/xapi")
EXTENSIONS = "https://w3id.org/jalon/xapi/extensions/"
TINCAN = "http://id.tincanapi.com/extension/"


def read(source: Source) -> tuple[list[dict[str, Any]], list[Rejected]]:
    outcome = list(map_rows(source, source.read(None), NAMING))
    statements = [one for one in outcome if not isinstance(one, Rejected)]
    for statement in statements:
        check_statements(statement, "1.0.3")
        assert_conformant(statement)
    return statements, [one for one in outcome if isinstance(one, Rejected)]


def outline(statements: Iterable[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Who did what to what and when, and by which modality: enough to compare by eye."""
    lines = []
    for one in statements:
        actor = one["actor"].get("mbox") or one["actor"]["account"]["name"]
        context = one["context"]
        extensions = context.get("extensions", {})
        lines.append(
            (
                one["timestamp"],
                actor.removeprefix("mailto:").removesuffix("@academie.example.org"),
                one["verb"]["id"].rsplit("/", 1)[1],
                one["object"]["id"].removeprefix(NAMING.home),
                extensions.get(TINCAN + "planned-start-time", ""),
                extensions.get(TINCAN + "planned-duration", ""),
                extensions.get(EXTENSIONS + "modality", ""),
                extensions.get(EXTENSIONS + "room", ""),
            )
        )
    return lines


def without_drawn_names(lines: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [(at, "guest" if len(actor) == 36 and actor.count("-") == 4 else actor, *rest) for at, actor, *rest in lines]


def test_gaia_folders_become_plans_and_registrations_then_their_changes() -> None:
    statements, _ = read(GaiaSource(EXAMPLES / "gaia", Reading(PARIS)))

    first, second = "2026-11-19T23:00:00.000Z", "2026-11-20T23:00:00.000Z"
    room, other = "Salle Élise-Freinet", "Amphithéâtre Hélène-Brion"
    amphitheatre = "Amphithéâtre Jean-Zay"
    s100, s200, s300 = "/sessions/S100", "/sessions/S200", "/sessions/S300"
    assert outline(statements) == [
        (first, "gaia", "schedule", s100, "2026-11-23T09:00:00+01:00", "PT3H", "in-person", room),
        (first, "gaia", "schedule", s100, "2026-11-23T13:30:00+01:00", "PT3H", "in-person", room),
        # A row that crosses 13:00 is two half-days.
        (first, "gaia", "schedule", s200, "2026-11-24T09:30:00+01:00", "PT3H30M", "remote", ""),
        (first, "gaia", "schedule", s200, "2026-11-24T13:00:00+01:00", "PT3H", "remote", ""),
        (first, "gaia", "schedule", s300, "2026-11-25T09:00:00+01:00", "PT3H", "hybrid", amphitheatre),
        (first, "helene.lefebvre", "registered", s100, "", "", "", ""),
        (first, "desire.ndiaye", "registered", s100, "", "", "", ""),
        (first, "zoe.vaisse", "registered", s300, "", "", "", ""),
        (second, "gaia", "cancel", s100, "2026-11-23T09:00:00+01:00", "", "", ""),
        (second, "gaia", "cancel", s300, "2026-11-25T09:00:00+01:00", "", "", ""),
        (second, "desire.ndiaye", "unregistered", s100, "", "", "", ""),
        (second, "zoe.vaisse", "unregistered", s300, "", "", "", ""),
        (second, "gaia", "schedule", s100, "2026-11-23T10:00:00+01:00", "PT2H", "in-person", room),
        (second, "gaia", "schedule", s100, "2026-11-23T13:30:00+01:00", "PT3H", "in-person", other),
        (second, "loic.kerleo", "registered", s100, "", "", "", ""),
    ]
    assert len({one["id"] for one in statements}) == len(statements)


def test_gaia_reports_each_broken_row_with_its_place_and_reason() -> None:
    _, rejected = read(GaiaSource(EXAMPLES / "gaia", Reading(PARIS)))

    formations, stagiaires = "20261121/A01_Formations_20261121.csv", "20261121/A01_Stagiaires_20261121.csv"
    assert [(*one.place, one.reason) for one in rejected] == [
        (formations, 4, "start_date or start_time is not dd/mm/yyyy and HH:MM."),
        (formations, 5, "place_type is unknown: say what it means with --place-type TYPE=MODALITY."),
        (formations, 6, "The row has another number of columns than 13."),
        (stagiaires, 3, "The e-mail address is missing."),
        (stagiaires, 4, "The e-mail address is malformed."),
    ]


def test_gaia_place_types_can_be_told() -> None:
    reading = Reading(PARIS, place_types={"télépathie": Modality.REMOTE})
    _, rejected = read(GaiaSource(EXAMPLES / "gaia", reading))
    assert not any("place_type" in one.reason for one in rejected)


def test_a_registration_statement_is_whole() -> None:
    statements, _ = read(GaiaSource(EXAMPLES / "gaia", Reading(PARIS)))
    registered = next(one for one in statements if one["verb"]["id"].endswith("verbs/registered"))
    home = NAMING.home
    name = "Conduire un conseil d'administration"
    assert registered == {
        "id": registered["id"],
        "actor": {
            "objectType": "Agent",
            "name": "Hélène LEFÈBVRE",
            "mbox": "mailto:helene.lefebvre@academie.example.org",
        },
        "verb": {"id": "http://adlnet.gov/expapi/verbs/registered", "display": {"fr": "est inscrit à"}},
        "object": {
            "objectType": "Activity",
            "id": f"{home}/sessions/S100",
            "definition": {"type": "http://activitystrea.ms/event", "name": {"fr": f"{name} (session S100)"}},
        },
        "context": {
            "registration": NAMING.registration("S100", {"mbox": "mailto:helene.lefebvre@academie.example.org"}),
            "contextActivities": {
                "category": [{"id": "https://w3id.org/jalon/xapi/profiles/training/v1.0"}],
                "grouping": [
                    {
                        "objectType": "Activity",
                        "id": f"{home}/modules/26NPER01-M1",
                        "definition": {
                            "type": "http://vocab.xapi.fr/activities/training-module",
                            "name": {"fr": name},
                        },
                    },
                    {
                        "objectType": "Activity",
                        "id": f"{home}/pathways/26NPER01",
                        "definition": {
                            "type": "http://vocab.xapi.fr/activities/training-program",
                            "name": {"fr": "Prise de fonction des personnels de direction"},
                        },
                    },
                ],
            },
        },
        "timestamp": "2026-11-19T23:00:00.000Z",
    }


def bigbluebutton(*, moderators: bool = False) -> BigBlueButtonSource:
    conventions = Conventions("https://formation.example.org", "ih-", moderators)
    return BigBlueButtonSource(str(EXAMPLES / "bigbluebutton.jsonl"), conventions)


def test_webhooks_become_joins_and_leaves() -> None:
    statements, _ = read(bigbluebutton())

    room = "/virtual-rooms/ih-S200"
    tail = ("", "", "remote", "")
    joined = ("2026-11-24T08:00:00.123Z", "helene.lefebvre", "join", room, *tail)
    assert outline(statements) == [
        joined,
        ("2026-11-24T08:01:00.000Z", "u-4711", "join", room, *tail),
        joined,
        # The body of a form, with an external user id that only the join had told.
        ("2026-11-24T09:00:00.000Z", "helene.lefebvre", "leave", room, *tail),
        ("2026-11-24T09:06:00.000Z", "u-4711", "leave", room, *tail),
    ]
    assert statements[0] == statements[2], "a webhook posted twice is one statement"
    assert statements[0]["context"]["contextActivities"]["parent"][0]["id"] == NAMING.session("S200")
    assert [one["context"]["extensions"][EXTENSIONS + "connection"] for one in statements] == [
        "w_one",
        "w_two",
        "w_one",
        "w_one",
        "w_two",
    ]
    assert statements[1]["actor"]["account"] == {"homePage": "https://formation.example.org", "name": "u-4711"}


def test_webhooks_that_tell_nothing_certain_are_rejected_with_reasons() -> None:
    _, rejected = read(bigbluebutton())
    assert [(*one.place, one.reason) for one in rejected] == [
        ("bigbluebutton.jsonl", 8, "external-user-id is missing."),
        ("bigbluebutton.jsonl", 9, "event.ts is not a time in milliseconds."),
        ("bigbluebutton.jsonl", 11, "The line is not JSON."),
    ]


def test_moderators_count_only_when_wanted() -> None:
    statements, _ = read(bigbluebutton(moderators=True))
    assert [line[2] for line in outline(statements) if line[1] == "eloi.maitre"] == ["join", "leave"]


def test_current_zoom_report_becomes_a_join_and_a_leave_for_each_connection() -> None:
    source = ZoomSource([EXAMPLES / "zoom/current.csv"], Meetings(PARIS))
    statements, rejected = read(source)

    room, tail = "/virtual-rooms/82000000001", ("", "", "remote", "")
    assert without_drawn_names(outline(statements)) == [
        ("2026-11-24T08:29:00.000Z", "helene.lefebvre", "join", room, *tail),
        ("2026-11-24T09:15:30.000Z", "helene.lefebvre", "leave", room, *tail),
        ("2026-11-24T09:17:05.000Z", "helene.lefebvre", "join", room, *tail),
        ("2026-11-24T11:03:00.000Z", "helene.lefebvre", "leave", room, *tail),
        ("2026-11-24T08:31:00.000Z", "guest", "join", room, *tail),
        ("2026-11-24T11:00:00.000Z", "guest", "leave", room, *tail),
    ]
    connections = [one["context"]["extensions"][EXTENSIONS + "connection"] for one in statements]
    assert connections[0] == connections[1] != connections[2] == connections[3]
    assert all(one["context"]["contextActivities"]["parent"][0]["id"].endswith("/S200") for one in statements)
    assert [(*one.place, one.reason) for one in rejected] == [
        ("current.csv", 10, "The leave is before the join."),
        ("current.csv", 11, "The e-mail address is malformed."),
        ("current.csv", 12, "The row is cut: it has no join or no leave time."),
    ]


def test_older_zoom_report_needs_its_session_and_may_still_be_open() -> None:
    path = EXAMPLES / "zoom/older.csv"
    with pytest.raises(UnreadableInput, match="--session"):
        read(ZoomSource([path], Meetings(PARIS)))

    statements, _ = read(ZoomSource([path], Meetings(PARIS, session="S200")))
    # The summer time of 3 April: the day first, as hours without AM and PM suggest.
    assert [(line[0], line[2]) for line in outline(statements)] == [
        ("2026-04-03T07:00:05.000Z", "join"),
        ("2026-04-03T10:00:00.000Z", "leave"),
        ("2026-04-03T07:05:00.000Z", "join"),
    ]
    statements, _ = read(ZoomSource([path], Meetings(PARIS, session="S200", order=DateOrder.MONTH_FIRST)))
    assert statements[0]["timestamp"].startswith("2026-03-04")


def test_zoom_report_with_unknown_headers_is_read_by_its_shape() -> None:
    statements, rejected = read(ZoomSource([EXAMPLES / "zoom/french.csv"], Meetings(PARIS, session="S200")))
    assert not rejected
    assert without_drawn_names(outline(statements))[1:3] == [
        ("2026-11-24T11:00:00.000Z", "guest", "leave", "/virtual-rooms/S200", "", "", "remote", ""),
        ("2026-11-24T08:29:00.000Z", "helene.lefebvre", "join", "/virtual-rooms/S200", "", "", "remote", ""),
    ]


@pytest.mark.parametrize("path", ["current.csv", "older.csv", "french.csv"])
def test_no_display_name_stands_as_an_identifier(path: str) -> None:
    statements, _ = read(ZoomSource([EXAMPLES / "zoom" / path], Meetings(PARIS, session="S200")))
    accounts = [one["actor"]["account"]["name"] for one in statements if "account" in one["actor"]]
    assert accounts
    assert not any(name in account for account in accounts for name in ("Zo", "Vaïsse", "iPhone"))
