"""Virtual classrooms: BigBlueButton's webhooks in one log, Zoom's and Teams' participant reports."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from producers.naming import derive_uuid, slug
from producers.simulation.year.attendance import Guest, SessionDay, Stay, list_moments
from producers.simulation.year.calendar import Span
from producers.simulation.year.planning import Session
from producers.simulation.year.world import OncePerMonth, World, append_lines

PREFIX: Final = "ih-"
"""What stands before the session's id in the external id of BigBlueButton's meetings."""

_HOST: Final = "salle.virtuelle@institut.example.org"
_AMERICAN: Final = "%m/%d/%Y %I:%M:%S %p"
_FRENCH: Final = "%d/%m/%Y %H:%M:%S"
_CURRENT: Final = (
    "Name (original name)",
    "Email",
    "Join time",
    "Leave time",
    "Duration (minutes)",
    "Guest",
    "Recording disclaimer response",
    "In waiting room",
)
_OLDER: Final = ("Name (Original Name)", "User Email", "Join Time", "Leave Time", "Duration (Minutes)", "Guest")


class BigBlueButton:
    """The log of webhooks: some bodies come twice, a line is cut, a body is none."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, world.tally.sources["bigbluebutton"]
        self._once = OncePerMonth()

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:
        """Append the day's events, in the order of the server's clock."""
        told: list[tuple[int, bytes]] = []
        for one in held:
            moments = list(list_moments(one.stays, "bigbluebutton"))
            if moments:
                told += self._tell_speakers(one)
            for number, (at, way, stay) in enumerate(moments):
                line = orjson.dumps(_to_event(one.session, stay, at, way))
                if way == "in" and not stay.arrival_told:
                    # The log server cut it.
                    told.append((at, line[: len(line) // 2]))
                    self._count.rejected += 1
                    self._count.lost += 1
                    continue
                self._count.statements += 1
                told.append((at, line))
                if number % 29 == 7:  # noqa: PLR2004 - some are posted again
                    told.append((at + 1, line))
                    self._count.duplicates += 1
        if told and self._once.is_due("rubbish", self._world.month(day)):
            told.append((told[0][0], b'{"data":{"type":"event"}}'))
            self._count.rejected += 1
        self._count.rows += len(told)
        append_lines(self._world.directory / "bigbluebutton.jsonl", (line + b"\n" for _, line in sorted(told)))

    def close(self) -> None:
        """Nothing is left."""

    def _tell_speakers(self, held: SessionDay) -> list[tuple[int, bytes]]:
        speaker = self._world.institute.speakers[held.session.speakers[0]]
        begin, end = held.rows[0][0] - 900, held.rows[-1][1] + 600
        user = {
            "internal-user-id": f"w_{derive_uuid('speaker', held.session.id, str(held.day))[:12]}",
            "external-user-id": speaker.email,
            "name": speaker.name,
            "role": "MODERATOR",
        }
        kinds = (("meeting-created", begin - 2), ("user-joined", begin), ("chat-group-message-sent", begin + 1200))
        return [(at, orjson.dumps(_event(kind, held.session, user, at))) for kind, at in (*kinds, ("user-left", end))]


class Zoom:
    """A participant report for each row of a session; some are exported twice, in another form."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, world.tally.sources["zoom"]
        self._once, self._reports = OncePerMonth(), 0

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:
        """Write the reports of the day."""
        for one in held:
            for row in one.rows:
                stays = [stay for stay in one.stays if stay.way == "zoom" and _is_in(stay, row)]
                if stays:
                    self._write(one, row, stays, self._world.month(day))

    def close(self) -> None:
        """Nothing is left."""

    def _write(self, held: SessionDay, row: Span, stays: Sequence[Stay], month: str) -> None:
        self._reports += 1
        meeting = str(82_000_000_000 + self._reports)
        older, again = self._reports % 2 == 0, self._reports % 6 == 1
        rubbish = self._once.is_due("rubbish", month)
        for stay in stays:
            self._count.statements += 2 * stay.arrival_told
            self._count.lost += not stay.arrival_told
            self._count.duplicates += again
        path = self._world.directory / "zoom" / f"participants_{meeting}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(self._report(held, meeting, row, stays, older=older, rubbish=rubbish).encode("utf-8-sig"))
        if again:
            text = self._report(held, meeting, row, stays, older=not older, rubbish=rubbish)
            path.with_stem(path.stem + "_bis").write_bytes(text.encode("utf-16"))

    def _report(
        self, held: SessionDay, meeting: str, row: Span, stays: Sequence[Stay], *, older: bool, rubbish: bool
    ) -> str:
        pattern, columns = (_FRENCH, _OLDER) if older else (_AMERICAN, _CURRENT)
        tail = () if older else ("", "No")

        def tell(at: int) -> str:
            return self._world.calendar.local(at).strftime(pattern)

        topic = f"{held.session.module.name} [{held.session.id}]"
        rows: list[Sequence[object]] = [
            ("Meeting ID", "Topic", "Start Time", "End Time", "User Email", "Duration (Minutes)", "Participants"),
            (meeting, topic, tell(row[0] - 900), tell(row[1] + 900), _HOST, (row[1] - row[0]) // 60 + 30, len(stays)),
            (),
            columns,
            ("Institut", _HOST, tell(row[0] - 900), tell(row[1] + 900), 210, "No", *tail),
        ]
        for stay in stays:
            guest = isinstance(stay.who, Guest)
            email = "" if isinstance(stay.who, Guest) else stay.who.email
            self._count.rejected += not stay.arrival_told
            if not stay.arrival_told:
                email = email.replace("@", " arobase ")
            minutes = round((stay.ends - stay.starts) / 60)
            times = (tell(stay.starts), tell(stay.ends), minutes)
            rows.append((stay.who.name, email, *times, "Yes" if guest else "No", *tail))
        if not older:
            first = stays[0]
            waited = (tell(row[0] - 1200), tell(row[0] - 900), 5, "No", "", "Yes")
            rows.append((first.who.name, _find_email(first), *waited))
        if rubbish:
            rows.append(("Réseau perdu", "", "hier matin", tell(row[1]), 1, "Yes", *tail))
            self._count.rejected += 1
        self._count.rows += len(rows) - 4
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        return text.getvalue()


class Teams:
    """An attendance report for each row of a session: UTF-16, with tabs, in sections."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, world.tally.sources["teams"]
        self._once = OncePerMonth()

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:
        """Write the reports of the day."""
        for one in held:
            for number, row in enumerate(one.rows):
                stays = [stay for stay in one.stays if stay.way == "teams" and _is_in(stay, row)]
                if stays:
                    text = self._report(one, row, stays, rubbish=self._once.is_due("rubbish", self._world.month(day)))
                    name = f"attendance_{one.session.id}_{self._world.calendar.date_of(day)}_{number + 1}.csv"
                    path = self._world.directory / "teams" / name
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))

    def close(self) -> None:
        """Nothing is left."""

    def _report(self, held: SessionDay, row: Span, stays: Sequence[Stay], *, rubbish: bool) -> str:
        tell = self._tell
        speaker = self._world.institute.speakers[held.session.speakers[0]]
        begin, end = row[0] - 900, row[1] + 600
        organiser = (speaker.name, tell(begin), tell(end), _last(end - begin))
        by_name: dict[str, set[str]] = {}
        for stay in stays:
            by_name.setdefault(stay.who.name, set()).add(_find_email(stay))
        people = {(stay.who.name, _find_email(stay)): stay for stay in stays}
        rows: list[Sequence[str]] = [
            ("1. Summary",),
            ("Meeting title", f"{held.session.module.name} [{held.session.id}]"),
            ("Attended participants", str(len(people) + 1)),
            ("Start time", tell(begin)),
            ("End time", tell(end)),
            ("Meeting duration", _last(end - begin)),
            (),
            ("2. Participants",),
            ("Name", "First Join", "Last Leave", "In-Meeting Duration", "Email", "Participant ID (UPN)", "Role"),
            (*organiser, speaker.email, speaker.email, "Organizer"),
        ]
        for (name, email), stay in people.items():
            times = (tell(stay.starts), tell(stay.ends), _last(stay.ends - stay.starts))
            rows.append((name, *times, email, email, "Presenter"))
        rows += [
            (),
            ("3. In-Meeting Activities",),
            ("Name", "Join Time", "Leave Time", "Duration", "Email", "Role"),
            (*organiser, speaker.email, "Organizer"),
        ]
        for number, stay in enumerate(stays):
            email = _find_email(stay)
            times = (tell(stay.starts), tell(stay.ends), _last(stay.ends - stay.starts))
            if not stay.arrival_told:
                email = email.replace("@", " arobase ")
                self._count.lost += 1
                self._count.rejected += 1
            elif number % 10 == 3 and len(by_name[stay.who.name]) == 1:  # noqa: PLR2004
                email = ""  # the list of participants has it
            self._count.statements += 2 * stay.arrival_told
            rows.append((stay.who.name, *times, email, "Attendee"))
        self._count.rows += len(stays) + 1
        if rubbish:
            rows.append(("iPhone", tell(row[0]), tell(row[0] - 60), "", "", "Attendee"))
            self._count.rejected += 1
            self._count.rows += 1
        return "".join("\t".join(cells) + "\r\n" for cells in rows)

    def _tell(self, at: int) -> str:
        moment: datetime = self._world.calendar.local(at)
        return f"{moment.month}/{moment.day}/{moment:%y}, {moment.hour % 12 or 12}:{moment:%M:%S %p}"


def _is_in(stay: Stay, row: Span) -> bool:
    return row[0] <= (stay.starts + stay.ends) // 2 < row[1]


def _find_email(stay: Stay) -> str:
    return "" if isinstance(stay.who, Guest) else stay.who.email


def _last(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}h {minutes}m {left}s" if hours else f"{minutes}m {left}s"


def _to_event(session: Session, stay: Stay, at: int, way: str) -> dict[str, Any]:
    if isinstance(stay.who, Guest):
        external = stay.who.key.replace(":", "-")
    else:
        # Some platforms hand the address over as it was typed.
        external = stay.who.email.title() if stay.who.number % 17 == 0 else stay.who.email
    user = {"internal-user-id": stay.connection, "external-user-id": external}
    if way == "in":
        user |= {"name": stay.who.name, "role": "VIEWER"}
    return _event("user-joined" if way == "in" else "user-left", session, user, at)


def _event(kind: str, session: Session, user: dict[str, str], at: int) -> dict[str, Any]:
    meeting = {
        "internal-meeting-id": derive_uuid("meeting", session.id).replace("-", ""),
        "external-meeting-id": PREFIX + session.id,
        "name": slug(session.module.name),
    }
    attributes = {"meeting": meeting, "user": user}
    return {"data": {"type": "event", "id": kind, "attributes": attributes, "event": {"ts": at * 1000}}}
