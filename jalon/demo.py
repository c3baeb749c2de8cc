"""Plays the simulated day into a running product: through the producers to Kafka, and from the rooms to the LRS.

What was played is remembered in its directory, so that a second start on the same day goes on with that day.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from producers.bigbluebutton import BigBlueButtonSource, Conventions, parse_event
from producers.checkpoint import Checkpoint
from producers.gaia import GaiaSource
from producers.gaia.extracts import Reading
from producers.meetings import Meetings
from producers.naming import Naming
from producers.production import Sink, map_rows, produce
from producers.rows import Place, Rejected, Source
from producers.simulation import Day, Files, Truth, choose_shift, find_truth, live_events, simulate_day, write
from producers.simulation.files import BIGBLUEBUTTON_PREFIX
from producers.sinks import KafkaSink, LrsSink
from producers.zoom import ZoomSource
from xapi_profiles.kafka_access import ANYBODY, KafkaAccess
from xapi_profiles.record import TOPIC

Progress = Callable[[str, int, int | None], None]
"""Called with what is sent, how many statements of it are, and how many there will be (None: unknown)."""

_REQUEST = 50
_LONGEST_WAIT = 0.2
_BEFORE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Target:
    """A running product and a tenant of it; `lrs_url` ends in /xAPI, `home` may be empty for the default."""

    kafka_bootstrap: str
    lrs_url: str
    key: str
    secret: str
    tenant: str
    home: str = ""
    topic: str = TOPIC
    kafka_access: KafkaAccess = ANYBODY
    names_secret: bytes = field(default=b"", repr=False)

    @property
    def naming(self) -> Naming:
        """How the tenant's activities are named."""
        return Naming(self.tenant, self.home or None, self.names_secret)


class Clock:
    """The time of a play that begins at `started` with what happened from `since` on, `speed` times as fast as it did.

    It does not overtake ours: once it has caught up, both go on together. Without a speed it shows ours at once.
    """

    def __init__(self, since: datetime, started: datetime, speed: float | None = None) -> None:
        """Begin a play; a speed is above 1."""
        self._since, self._started, self._speed = since, started, speed or 1.0
        self._caught_up = started if speed is None else started + (started - since) / (speed - 1)

    def at(self, moment: datetime) -> datetime:
        """Return what the clock shows at a moment of ours."""
        return moment if moment >= self._caught_up else self._since + self._speed * (moment - self._started)

    def pace(self, instant: datetime) -> float:
        """Return how many of its seconds pass in one of ours when it shows an instant."""
        return self._speed if instant < self._caught_up else 1.0


@dataclass(frozen=True, slots=True)
class Played:
    """What was played: the day, what of it is known up to `until`, its files, and the statements sent by source."""

    day: Day
    until: datetime
    truth: Truth
    files: Files
    sent: dict[str, int]


def play(
    target: Target,
    directory: Path,
    *,
    seed: int = 7,
    now: datetime | None = None,
    zone: str = "Europe/Paris",
    to_its_start: bool = False,
    progress: Progress = lambda _what, _count, _total: None,
) -> Played:
    """Send the day of which `now` is about the middle of the afternoon, up to now; returns once all is accepted.

    With `to_its_start` only what was known before anybody came is sent; the rest is left to `stream_live`. Nothing is
    sent twice, however often it is played on one day. Raises ProducerError when Kafka or the LRS fails.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    # A folder per day, checkpoints too: the extracts of one invented day know nothing of another's sessions.
    directory = directory / now.astimezone(ZoneInfo(zone)).date().isoformat()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    day = _choose_day(directory / "day.json", seed, now, ZoneInfo(zone))
    until = min(now, day.sessions[0].rows[0][0] - _BEFORE) if to_its_start else now
    return play_day(target, day, until, directory, progress=progress)


def play_day(
    target: Target,
    day: Day,
    until: datetime,
    directory: Path,
    *,
    progress: Progress = lambda _what, _count, _total: None,
) -> Played:
    """Send what the systems of a day have told up to an instant; the rest of `play` holds here too."""
    files = write(day, directory, target.naming, until)
    sent = {source.name: _send(target, source, directory, progress) for source in _sources(day, files, target.naming)}
    with LrsSink(target.lrs_url, target.key, target.secret) as lrs:
        for what, path in (("room", files.tablets), ("video", files.videos)):
            sent[what] = _post(lrs, what, path, progress)
    return Played(day, until, find_truth(day, until), files, sent)


def stream_live(
    target: Target,
    played: Played,
    *,
    rate: float = 1.0,
    speed: float | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = lambda _what, _count, _total: None,
) -> int:
    """Send live events as they happen, about `rate` a second, until `stop` says so; returns how many were sent.

    With a `speed` (above 1) what happened since the play's end is told that many times as fast as it did, until the
    present is reached; else at once. Raises ProducerError when Kafka or the LRS fails.
    """
    naming = target.naming
    source = _bigbluebutton(played.files.bigbluebutton, naming)
    count, clock = 0, Clock(played.until, datetime.now(UTC), speed)
    with ExitStack() as stack:
        kafka = stack.enter_context(
            KafkaSink(
                target.kafka_bootstrap,
                target.tenant,
                BigBlueButtonSource.name,
                topic=target.topic,
                access=target.kafka_access,
            )
        )
        lrs = stack.enter_context(LrsSink(target.lrs_url, target.key, target.secret))
        events = live_events(played.day, naming, since=played.until, rate=lambda instant: rate / clock.pace(instant))
        for event in events:
            if not _wait_for(event.at, clock, stop):
                break
            if event.channel == "bigbluebutton":
                rows = parse_event(event.body, Place("live", count + 1), "")
                kafka.deliver([one for one in map_rows(source, rows, naming) if not isinstance(one, Rejected)])
            else:
                lrs.deliver([event.body])
            count += 1
            progress("live", count, None)
    return count


def _choose_day(path: Path, seed: int, now: datetime, zone: ZoneInfo) -> Day:
    """Return the day already begun in this folder, else a new one around `now`."""
    if path.is_file():
        return _simulate(orjson.loads(path.read_bytes()))
    day, shift = choose_shift(now, zone)
    begun = {
        "day": day.isoformat(),
        "seed": seed,
        "zone": zone.key,
        "shift": shift.total_seconds(),
        "quiet_at": now.isoformat(),
    }
    path.write_bytes(orjson.dumps(begun))
    return _simulate(begun)


def _simulate(begun: dict[str, Any]) -> Day:
    return simulate_day(
        date.fromisoformat(begun["day"]),
        seed=begun["seed"],
        zone=ZoneInfo(begun["zone"]),
        shift=timedelta(seconds=begun["shift"]),
        quiet_at=datetime.fromisoformat(begun["quiet_at"]),
    )


def _sources(day: Day, files: Files, naming: Naming) -> list[Source]:
    return [
        GaiaSource(files.gaia, Reading(day.zone)),
        _bigbluebutton(files.bigbluebutton, naming),
        ZoomSource(files.zoom, Meetings(day.zone)),
    ]


def _bigbluebutton(path: Path, naming: Naming) -> BigBlueButtonSource:
    home_page = naming.system(BigBlueButtonSource.name)
    return BigBlueButtonSource(str(path), Conventions(home_page, BIGBLUEBUTTON_PREFIX))


def _send(target: Target, source: Source, directory: Path, progress: Progress) -> int:
    with (
        KafkaSink(
            target.kafka_bootstrap, target.tenant, source.name, topic=target.topic, access=target.kafka_access
        ) as sink,
        Checkpoint(directory / "checkpoints", target.tenant, source.name) as checkpoint,
    ):
        report = produce(
            source,
            target.naming,
            sink,
            checkpoint,
            directory / f"{source.name}-rejected.jsonl",
            progress=lambda report: progress(source.name, report.sent + report.skipped, None),
        )
    return report.sent


def _post(lrs: Sink, what: str, path: Path, progress: Progress) -> int:
    statements = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    progress(what, 0, len(statements))
    for start in range(0, len(statements), _REQUEST):
        lrs.deliver(statements[start : start + _REQUEST])
        progress(what, min(start + _REQUEST, len(statements)), len(statements))
    return len(statements)


def _wait_for(at: datetime, clock: Clock, stop: Callable[[], bool]) -> bool:
    """Wait until a clock shows an instant; False when it is time to stop."""
    while not stop():
        shown = clock.at(datetime.now(UTC))
        if at <= shown:
            return True
        time.sleep(min((at - shown).total_seconds() / clock.pace(shown), _LONGEST_WAIT))
    return False
