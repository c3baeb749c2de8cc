"""A simulated day as its systems would have left it: extracts, logs and reports, with their faults.

Written up to an instant, the files hold what the systems knew then: of a Zoom meeting that goes on, the report lists
those who are still there without a leave time.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from producers.naming import Naming, derive_uuid, slug
from producers.rows import Agent
from producers.simulation.catalogue import MODULES
from producers.simulation.day import Day, Person, Session, Stay, Viewing
from producers.simulation.truth import find_truth
from producers.statements import (
    Training,
    activity,
    agent,
    check_in,
    format_duration,
    format_instant,
    group_of,
    learner_by_email,
    leave_room,
)
from xapi_profiles.vocabulary import Category, Extension, Modality, Verb

GAIA_CODE: Final = "INST"
BIGBLUEBUTTON_PREFIX: Final = "ih-"

_PLACE_TYPES = {
    Modality.IN_PERSON: "PRESENTIEL",
    Modality.REMOTE: "DISTANCIEL",
    Modality.HYBRID: "HYBRIDE",
}
_VIDEO_TYPE = "https://w3id.org/xapi/video/activity-type/video"
_VIDEO = "https://w3id.org/xapi/video/extensions/"
_VIDEO_VERBS = {Verb.PLAYED: "a lu", Verb.PAUSED: "a mis en pause"}


@dataclass(frozen=True, slots=True)
class Files:
    """Where a day was written. `gaia` holds the two daily folders; the last two are statements to post to an LRS."""

    gaia: Path
    bigbluebutton: Path
    zoom: tuple[Path, ...]
    tablets: Path
    videos: Path
    truth: Path


def write(day: Day, directory: Path, naming: Naming, until: datetime | None = None) -> Files:
    """Write what the systems know of the day at `until` (by default, when it is over), and the truth beside it."""
    truth = find_truth(day, until)
    until = truth.until
    files = Files(
        gaia=directory / "gaia",
        bigbluebutton=directory / "bigbluebutton.jsonl",
        zoom=tuple(_write_zoom(day, directory / "zoom", until)),
        tablets=directory / "tablets.jsonl",
        videos=directory / "videos.jsonl",
        truth=directory / "truth.json",
    )
    yesterday = day.date - timedelta(days=1)
    _write_gaia(day, files.gaia / f"{yesterday:%Y%m%d}", day.sessions_before, day.registered_before)
    _write_gaia(day, files.gaia / f"{day.date:%Y%m%d}", day.sessions, day.registered)
    files.bigbluebutton.write_bytes(b"".join(_bigbluebutton_log(day, until)))
    _write_lines(files.tablets, tablet_statements(day, naming, until))
    _write_lines(files.videos, (s for at, s in video_statements(day.viewings, naming) if at <= until))
    files.truth.write_bytes(orjson.dumps(truth.to_json(), option=orjson.OPT_INDENT_2))
    return files


def tablet_statements(day: Day, naming: Naming, until: datetime) -> Iterator[dict[str, Any]]:
    """Yield what the rooms' tablets tell, in order: who checks in, and who leaves (not all do)."""
    told = [
        (moment, verb, stay)
        for stay in day.stays
        if stay.channel == "room"
        for moment, verb in ((stay.starts, Verb.CHECKIN), (stay.ends, Verb.LEAVE))
        if moment <= until and (verb == Verb.CHECKIN or stay.leaves)
    ]
    for moment, verb, stay in sorted(told, key=lambda one: (one[0], one[2].person.key)):
        yield tablet_statement(naming, stay.session, stay.person, verb, moment)


def tablet_statement(naming: Naming, session: Session, person: Person, verb: str, at: datetime) -> dict[str, Any]:
    """Return the statement that a room's tablet sends for somebody who checks in or leaves."""
    build = check_in if verb == Verb.CHECKIN else leave_room
    statement = build(naming, session.id, session.room, learner_of(person), at=at)
    key = "|".join((session.id, person.key, verb, format_instant(at)))
    return {"id": naming.statement_id("tablet", key), **statement}


def video_statements(viewings: Iterable[Viewing], naming: Naming) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Yield the instants and statements of videos seen: played, then paused with the time that was watched."""
    for viewing in viewings:
        for verb in (Verb.PLAYED, Verb.PAUSED):
            watched = viewing.duration if verb == Verb.PAUSED else timedelta()
            at = viewing.starts + watched
            result: dict[str, Any] = {"extensions": {_VIDEO + "time": watched.total_seconds()}}
            if watched:
                result["extensions"][_VIDEO + "played-segments"] = f"0[.]{watched.total_seconds():g}"
                result["extensions"][_VIDEO + "progress"] = round(watched.total_seconds() / viewing.video.length, 2)
                result["duration"] = format_duration(watched)
            module = viewing.module
            training = Training("", "", module.id, module.name, module.pathway, module.pathway_name)
            iri = f"{naming.home}/videos/{slug(viewing.video.name)}"
            statement = {
                "actor": agent(learner_of(viewing.person)),
                "verb": {"id": verb, "display": {"fr": _VIDEO_VERBS[verb]}},
                "object": activity(iri, _VIDEO_TYPE, viewing.video.name),
                "result": result,
                "context": {
                    "registration": derive_uuid(naming.tenant, "video", iri, viewing.person.key),
                    "contextActivities": {
                        "grouping": group_of(naming, training),
                        "category": [{"id": Category.VIDEO}],
                    },
                    "extensions": {
                        Extension.MODALITY: Modality.ASYNCHRONOUS.value,
                        _VIDEO + "length": viewing.video.length,
                        _VIDEO + "session-id": derive_uuid(iri, viewing.person.key, format_instant(viewing.starts)),
                    },
                },
                "timestamp": format_instant(at),
            }
            key = "|".join((iri, viewing.person.key, verb, format_instant(at)))
            yield at, {"id": naming.statement_id("video", key), **statement}


def learner_of(person: Person) -> Agent:
    """Return somebody as an agent by e-mail."""
    return learner_by_email(person.email, person.name)


def bigbluebutton_event(
    kind: str, session: Session, person: Person, connection: str, at: datetime, role: str = "VIEWER"
) -> dict[str, Any]:
    """Return the body of a webhook, as BigBlueButton posts it."""
    external = person.email or person.key.removeprefix("bigbluebutton:")
    if len(person.last) % 9 == 0:
        # Some platforms hand the address over as it was typed.
        external = external.title() if person.email else external
    user = {"internal-user-id": connection, "external-user-id": external}
    if kind == "user-joined":
        user |= {"name": person.name, "role": role}
    external_meeting = BIGBLUEBUTTON_PREFIX + session.id
    meeting = {
        "internal-meeting-id": derive_uuid("meeting", session.id).replace("-", ""),
        "external-meeting-id": external_meeting,
    }
    return {
        "data": {
            "type": "event",
            "id": kind,
            "attributes": {"meeting": meeting, "user": user},
            "event": {"ts": round(at.timestamp() * 1000)},
        }
    }


def _write_lines(path: Path, statements: Iterable[dict[str, Any]]) -> None:
    path.write_bytes(b"".join(orjson.dumps(statement) + b"\n" for statement in statements))


def _write_gaia(
    day: Day,
    folder: Path,
    sessions: tuple[Session, ...],
    registered: tuple[tuple[Session, Person], ...],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    formations = [line for session in sessions for line in _formation_lines(day, session)]
    first, last = sessions[0], day.sessions[-1]
    # Broken rows: a date that is none, and a row with columns missing; both of sessions that no other row tells.
    formations.insert(2, _formation_line(first, "990001", "31/02/2026|09:00|31/02/2026|12:00", ""))
    formations.append("FORM|26NADM03|Encadrement administratif supérieur|26NADM03-M9")
    stagiaires = [
        _line("STAG", session.id, person.last.upper(), person.first, person.email) for session, person in registered
    ]
    # Broken rows: nobody's address, in a session that nobody leaves; and a row cut short.
    stagiaires.insert(1, _line("STAG", first.id, "SANSADRESSE", "Zéphyr", ""))
    stagiaires.append(f"STAG|{last.id}|COUPÉ")
    intervenants = [
        _line("INTE", module.id, "INTERVENANT", "Éloi", f"eloi.intervenant{number}@academie.example.org")
        for number, module in enumerate(MODULES, start=1)
    ]
    for kind, lines in (("Formations", formations), ("Stagiaires", stagiaires), ("Intervenants", intervenants)):
        path = folder / f"{GAIA_CODE}_{kind}_{folder.name}.csv"
        path.write_bytes("".join(line + "\r\n" for line in lines).encode("cp1252"))


def _formation_lines(day: Day, session: Session) -> Iterator[str]:
    for begin, end in session.rows:
        times = "|".join(f"{moment.astimezone(day.zone):%d/%m/%Y|%H:%M}" for moment in (begin, end))
        yield _formation_line(session, session.id, times, session.room or "Classe virtuelle")


def _formation_line(session: Session, identifier: str, times: str, place: str) -> str:
    module = session.module
    kind = _PLACE_TYPES[session.modality]
    return _line(
        "FORM", module.pathway, module.pathway_name, module.id, module.name, identifier, "01", times, kind, place
    )


def _line(*values: str) -> str:
    return "|".join(values) + "|"


def _bigbluebutton_log(day: Day, until: datetime) -> Iterator[bytes]:
    """Yield the lines of the webhooks' log: joins and leaves among other events, some twice, two broken."""
    told: list[tuple[datetime, dict[str, Any]]] = []
    for stay in day.stays:
        if stay.channel != "bigbluebutton":
            continue
        for kind, moment in (("user-joined", stay.starts), ("user-left", stay.ends)):
            if kind == "user-joined" or stay.leaves:
                event = bigbluebutton_event(kind, stay.session, stay.person, stay.connection, moment)
                told.append((moment, event))
                if len(stay.connection + stay.person.key) % 11 == 0:
                    told.append((moment + timedelta(seconds=1), event))
    for number, session in enumerate(day.sessions):
        if session.channel == "bigbluebutton":
            told += _speaker_events(session, number)
    lines = [
        orjson.dumps(event) + b"\n"
        for moment, event in sorted(told, key=lambda one: (one[0], orjson.dumps(one[1])))
        if moment <= until
    ]
    if any(b"user-joined" in line and b"VIEWER" in line for line in lines):
        lines.insert(1, lines[0][:60] + b"\n")
        lines.insert(3, b'{"data":{"type":"event"}}\n')
    yield from lines


def _speaker_events(session: Session, number: int) -> Iterator[tuple[datetime, dict[str, Any]]]:
    speaker = Person("", "Éloi", "Intervenant", f"eloi.intervenant{number}@academie.example.org")
    connection = "w_" + derive_uuid("speaker", session.id)[:12]
    begin, end = session.rows[0][0] - timedelta(minutes=15), session.rows[-1][1] + timedelta(minutes=10)
    for kind, at in (
        ("meeting-created", begin - timedelta(seconds=2)),
        ("user-joined", begin),
        ("user-audio-voice-enabled", begin + timedelta(seconds=9)),
        ("chat-group-message-sent", begin + timedelta(minutes=20)),
        ("user-left", end),
    ):
        yield at, bigbluebutton_event(kind, session, speaker, connection, at, role="MODERATOR")


def _write_zoom(day: Day, folder: Path, until: datetime) -> Iterator[Path]:
    meetings: dict[tuple[str, int], list[Stay]] = defaultdict(list)
    for stay in day.stays:
        if stay.channel == "zoom" and stay.starts <= until:
            meetings[stay.session.id, stay.row].append(stay)
    folder.mkdir(parents=True, exist_ok=True)
    for number, ((session, row), stays) in enumerate(sorted(meetings.items())):
        meeting = f"{8_200_000_000 + int(session) % 1_000_000 * 10 + row}"
        path = folder / f"participants_{meeting}.csv"
        # Old reports and new ones, hours as Americans and as the French write them.
        text = _zoom_report(day, meeting, stays, until, older=number % 2 == 1, broken=number == 0)
        path.write_bytes(text.encode("utf-8-sig"))
        yield path


def _zoom_report(day: Day, meeting: str, stays: list[Stay], until: datetime, *, older: bool, broken: bool) -> str:
    pattern = "%d/%m/%Y %H:%M:%S" if older else "%m/%d/%Y %I:%M:%S %p"
    host = "salle.virtuelle@institut.example.org"

    def tell(moment: datetime) -> str:
        return moment.astimezone(day.zone).strftime(pattern)

    session = stays[0].session
    first = min(stay.starts for stay in stays)
    rows: list[list[str]] = [
        ["Meeting ID", "Topic", "Start Time", "End Time", "User Email", "Duration (Minutes)", "Participants"],
        [meeting, f"{session.module.name} [{session.id}]", tell(first), "", host, "", str(len(stays))],
        [],
    ]
    if older:
        rows.append(["Name (Original Name)", "User Email", "Join Time", "Leave Time", "Duration (Minutes)", "Guest"])
    else:
        rows.append(
            [
                "Name (original name)",
                "Email",
                "Join time",
                "Leave time",
                "Duration (minutes)",
                "Guest",
                "Recording disclaimer response",
                "In waiting room",
            ]
        )
    tail = [] if older else ["", "No"]
    rows.append(["Institut", host, tell(first - timedelta(minutes=9)), "", "", "No", *tail])
    for stay in stays:
        ends = tell(stay.ends) if stay.ends <= until else ""
        minutes = str(round((stay.ends - stay.starts).total_seconds() / 60)) if ends else ""
        guest = "No" if stay.person.email else "Yes"
        rows.append([stay.person.name, stay.person.email, tell(stay.starts), ends, minutes, guest, *tail])
    if not older:
        waited = [tell(first - timedelta(minutes=2)), tell(first), "2", "Yes", "", "Yes"]
        rows.append([stays[0].person.name, stays[0].person.email, *waited])
    if broken:
        rows.append(["Réseau perdu", "", "hier matin", tell(first), "1", "Yes", *tail])
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
