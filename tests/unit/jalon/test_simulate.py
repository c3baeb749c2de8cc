from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalon.cli import main
from jalon.demo import Clock, Played, Target, stream_live
from producers.naming import Naming
from producers.simulation import find_truth, simulate_day, write
from producers.simulation.year import Size, write_year
from tests.unit.producers.doubles import MemorySink

NINE = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
NOON = NINE + timedelta(hours=3)
PAGE = (Path(__file__).parents[3] / "docs" / "simulation.md").read_text(encoding="utf-8")
COMMANDS = [command for command in re.findall(r"`jalon (produce [^`]+)`", PAGE) if " moodle" not in command]
MOODLE = re.search(r"`(--database [^`]+)` and\n`(--course-pattern [^`]+)`", PAGE)
moments = st.integers(0, 24 * 3600).map(lambda seconds: NOON + timedelta(seconds=seconds))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int | str | None, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["simulate", *arguments])
    printed = capsys.readouterr()
    return ended.value.code, printed.out, printed.err


def test_an_institute_is_written_and_its_size_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "institute"
    code, printed, err = run(capsys, "--trainees", "60", "--days", "10", "--out", str(out))
    assert code == 0, err
    told = json.loads(printed)
    truth = json.loads(Path(told["truth"]).read_bytes())
    assert told["sessions"] == truth["sessions"]["planned"] > 0
    assert told["registrations"] == truth["registrations"]["happened"] > 0
    assert told["statements"] == sum(source["statements"] for source in truth["sources"].values())
    assert len(list((out / "gaia").iterdir())) == 10


def test_what_is_there_is_not_written_over(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("kept")
    code, _, err = run(capsys, "--trainees", "60", "--days", "10", "--out", str(tmp_path))
    assert code == 2
    assert "is not empty" in err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


@pytest.mark.parametrize("arguments", [[], ["--live", "--out", "somewhere"]])
def test_one_says_either_where_to_write_or_live(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert "either" in err


def test_live_needs_a_running_instance(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JALON_DATA_DIR", str(tmp_path / "data"))
    code, _, err = run(capsys, "--live")
    assert code == 1
    assert "jalon up" in err


def test_more_trainees_than_rooms_hold_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = run(capsys, "--trainees", "24000", "--days", "1", "--out", str(tmp_path / "full"))
    assert code == 2
    assert "simulate more days" in err
    assert not (tmp_path / "full").exists()


@given(moments, moments, st.floats(1.1, 1000))
def test_an_accelerated_clock_runs_forward_and_never_overtakes_ours(
    first: datetime, second: datetime, speed: float
) -> None:
    clock = Clock(NINE, NOON, speed)
    sooner, later = sorted((first, second))
    assert NINE <= clock.at(sooner) <= clock.at(later) <= later


def test_an_accelerated_clock_catches_up_and_goes_on_at_our_pace() -> None:
    clock = Clock(NINE, NOON, 61)
    assert clock.at(NOON) == NINE
    assert clock.at(NOON + timedelta(minutes=1)) == NINE + timedelta(minutes=61)
    assert clock.pace(NINE) == 61
    caught_up = NOON + timedelta(minutes=3)
    assert clock.at(caught_up) == caught_up
    assert clock.pace(caught_up) == 1


class Recorded(MemorySink):
    """A sink that is opened as those of Kafka and of the LRS are."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def test_the_morning_is_told_in_its_order_before_the_present(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    begun = now - timedelta(hours=4)
    day = simulate_day(begun.date())
    day = simulate_day(begun.date(), shift=begun - day.sessions[0].rows[0][0])
    target = Target("kafka", "http://lrs", "k", "s", "institut")
    sink, told = Recorded(), 0

    def note(_what: str, count: int, _total: int | None) -> None:
        nonlocal told
        told = count

    monkeypatch.setattr("jalon.demo.KafkaSink", lambda *_, **__: sink)
    monkeypatch.setattr("jalon.demo.LrsSink", lambda *_: sink)
    since = day.sessions[0].rows[0][0] - timedelta(minutes=30)
    files = write(day, tmp_path, target.naming, since)
    played = Played(day, since, find_truth(day, since), files, {})
    stream_live(target, played, rate=1, speed=200_000, stop=lambda: told >= 300, progress=note)
    moments = [statement["timestamp"] for statement in sink.statements]
    assert len(moments) == 300
    assert moments == sorted(moments)
    assert since <= datetime.fromisoformat(moments[0]) < since + timedelta(minutes=30)
    assert datetime.fromisoformat(moments[-1]) < now


def test_a_clock_without_a_speed_shows_ours() -> None:
    clock = Clock(NINE, NOON)
    assert clock.at(NOON) == NOON
    assert clock.pace(NINE) == 1


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that holds the page's `month`."""
    root = tmp_path_factory.mktemp("page")
    write_year(Size(300, 30), root / "month", Naming("institut"))
    return root


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_s_commands_read_the_files(
    capsys: pytest.CaptureFixture[str], month: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    assert dry_run(capsys, month, monkeypatch, command)["actor"]


@pytest.mark.parametrize(
    "source", ["moodle --platform magistere", "moodle-attendance --modality asynchronous --platform magistere"]
)
def test_the_page_s_options_read_a_moodle(
    capsys: pytest.CaptureFixture[str], month: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    assert MOODLE is not None
    statement = dry_run(capsys, month, monkeypatch, f"produce {source} {MOODLE[1]} {MOODLE[2]}")
    assert "/sessions/48" in json.dumps(statement)


def dry_run(
    capsys: pytest.CaptureFixture[str], month: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> dict[str, Any]:
    """Run a command of the page beside its `month` without sending; returns the first statement."""
    monkeypatch.setenv("JALON_DATA_DIR", str(month / "data"))
    monkeypatch.chdir(month)
    credential = month / "credential.json"
    credential.write_text(json.dumps({"endpoint": "http://127.0.0.1:9/xAPI/", "key": "k", "secret": "s"}))
    words = [
        name
        for word in shlex.split(command)
        for name in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
    ]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--tenant", "institut", "--lrs", str(credential), "--dry-run", "--first", "1"])
    printed = capsys.readouterr()
    assert ended.value.code == 0, printed.err
    statement: dict[str, Any] = json.loads(printed.out)
    return statement
