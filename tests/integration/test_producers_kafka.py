"""The producers against the running product: what they send is stored once, and adds up to the day's truth."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from jalon.cli import main
from jalon.demo import Target, play, stream_live
from producers.naming import Naming
from producers.simulation import find_truth, simulate_day, write
from producers.simulation.files import BIGBLUEBUTTON_PREFIX
from producers.sinks import KafkaSink
from tests.stack import Stack, TenantAccess
from tests.waiting import eventually

pytestmark = pytest.mark.integration

SOURCES = ("gaia", "bigbluebutton", "zoom")


def count(tenant: TenantAccess, source: str) -> int:
    query = "SELECT count() FROM statements FINAL WHERE source = {source:String}"
    return int(tenant.reader.query(query, parameters={"source": source}).first_row[0])


def target_of(stack: Stack, tenant: TenantAccess) -> Target:
    settings = stack.settings
    return Target(settings.kafka_servers, stack.xapi, tenant.key, tenant.secret, tenant.id, topic=settings.topic)


def test_a_sink_returns_once_every_record_is_on_the_topic(stack: Stack, tenant: TenantAccess) -> None:
    naming = Naming(tenant.id)
    statements = [
        {
            "id": naming.statement_id("gaia", str(number)),
            "actor": {"mbox": f"mailto:learner{number}@example.org"},
            "verb": {"id": "http://adlnet.gov/expapi/verbs/registered"},
            "object": {"id": naming.session("S1")},
            "timestamp": "2026-11-20T08:00:00.000Z",
        }
        for number in range(120)
    ]
    with KafkaSink(stack.settings.kafka_servers, tenant.id, "gaia", topic=stack.settings.topic) as sink:
        written = sink.write(statements)
    assert [part.stop - part.start for part, _ in written] == [50, 50, 20]
    assert len({place for _, place in written}) == 3
    eventually(lambda: count(tenant, "gaia") == 120)


def test_produced_files_are_stored_once_however_often_they_are_produced(
    stack: Stack,
    tenant: TenantAccess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("JALON_DATA_DIR", str(stack.settings.data_dir))
    day = simulate_day(date(2026, 11, 20))
    files, truth = write(day, tmp_path, Naming(tenant.id)), find_truth(day)
    arguments = {
        "gaia": [str(files.gaia)],
        "bigbluebutton": [str(files.bigbluebutton), "--prefix", BIGBLUEBUTTON_PREFIX],
        "zoom": list(map(str, files.zoom)),
    }

    def produce(source: str, *options: str) -> dict[str, int]:
        with pytest.raises(SystemExit) as ended:
            main(["produce", source, *arguments[source], "--tenant", tenant.id, *options])
        printed = capsys.readouterr()
        assert ended.value.code == 0, printed.err
        report: dict[str, int] = json.loads(printed.out.splitlines()[-1])
        return report

    for source in SOURCES:
        report = produce(source)
        assert (report["sent"], report["rejected"]) == (truth.statements[source], truth.rejected[source])
        assert produce(source)["sent"] == 0
    for source in SOURCES:
        eventually(lambda source=source: count(tenant, source) == truth.statements[source])
    # All of BigBlueButton's again, as after the loss of its checkpoint: the store knows them.
    assert produce("bigbluebutton", "--again")["sent"] == truth.statements["bigbluebutton"]
    accepted = "SELECT sum(accepted) FROM ledger FINAL WHERE source = 'bigbluebutton'"
    eventually(lambda: tenant.reader.query(accepted).first_row[0] == 2 * truth.statements["bigbluebutton"])
    assert count(tenant, "bigbluebutton") == truth.statements["bigbluebutton"]
    dead = tenant.reader.query("SELECT source, rule, pointer, detail FROM dead_letters FINAL").result_rows
    assert dead == []


def test_a_source_can_go_to_an_lrs_instead(
    stack: Stack,
    tenant: TenantAccess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("JALON_DATA_DIR", str(stack.settings.data_dir))
    credential = tmp_path / "credential.json"
    credential.write_text(json.dumps({"endpoint": stack.xapi, "key": tenant.key, "secret": tenant.secret}))
    day = simulate_day(date(2026, 11, 20))
    files = write(day, tmp_path, Naming(tenant.id))
    arguments = ["produce", "gaia", str(files.gaia), "--tenant", tenant.id, "--lrs", str(credential)]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--checkpoints", str(tmp_path / "checkpoints")])
    printed = capsys.readouterr()
    assert ended.value.code == 0, printed.err
    sent = json.loads(printed.out.splitlines()[-1])["sent"]
    assert sent == find_truth(day).statements["gaia"]
    eventually(lambda: count(tenant, "lrs") == sent)


def test_a_day_played_in_two_parts_adds_up_to_its_truth(stack: Stack, tenant: TenantAccess, tmp_path: Path) -> None:
    # A day that is over: its figures do not move while the test looks at them.
    target = target_of(stack, tenant)
    first = play(target, tmp_path, now=datetime(2026, 11, 20, 14, 0, tzinfo=UTC))
    rest = play(target, tmp_path, now=datetime(2026, 11, 20, 20, 0, tzinfo=UTC))
    truth = rest.truth
    assert rest.day == first.day
    assert rest.sent["gaia"] == 0
    for source in ("bigbluebutton", "zoom"):
        assert 0 < first.sent[source] < truth.statements[source] == first.sent[source] + rest.sent[source]

    def attended() -> bool:
        rows = tenant.reader.query("SELECT modality, sum(seconds) FROM attendance GROUP BY modality").result_rows
        hours = {modality: float(seconds) / 3600 for modality, seconds in rows}
        assert hours == pytest.approx(truth.hours)
        return True

    eventually(attended)
    registered = tenant.reader.query("SELECT count() FROM registrations").first_row[0]
    slots = tenant.reader.query("SELECT count(), uniqExact(session) FROM slots").first_row
    assert registered == len(truth.registrations)
    assert slots == (len(truth.slots), len(truth.sessions))
    learners = tenant.reader.query("SELECT uniqExact(session, actor, half_day, modality) FROM attendance").first_row[0]
    assert learners == len(truth.attendance)


def test_live_events_reach_the_store(stack: Stack, tenant: TenantAccess, tmp_path: Path) -> None:
    target = target_of(stack, tenant)
    played = play(target, tmp_path)
    before = played.truth.statements
    sent = 0

    def enough() -> bool:
        return sent >= 20

    def note(_what: str, number: int, _total: int | None) -> None:
        nonlocal sent
        sent = number

    assert stream_live(target, played, rate=20, stop=enough, progress=note) >= 20
    in_all = sum(before.values()) + sent
    eventually(lambda: tenant.reader.query("SELECT count() FROM statements FINAL").first_row[0] == in_all)
