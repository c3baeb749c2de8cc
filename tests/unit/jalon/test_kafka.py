"""Kafka's jars and configuration."""

from __future__ import annotations

import hashlib
import re
import threading
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalon.errors import JarsUnavailable
from jalon.runtime import kafka_jars
from jalon.runtime.kafka import build_properties, draw_cluster_id, write_properties
from jalon.runtime.kafka_jars import Jar
from jalon.runtime.topics import forgets_after, topic_configuration
from jalon.settings import Settings


def decode_java(text: str) -> str:
    """What java.util.Properties makes of a value of ours."""
    out, rest = [], iter(text)
    for character in rest:
        if character != "\\":
            out.append(ord(character))
        elif (kind := next(rest)) == "u":
            out.append(int("".join(next(rest) for _ in range(4)), 16))
        else:
            out.append(ord(kind))
    return b"".join(unit.to_bytes(2, "big") for unit in out).decode("utf-16-be")


@given(value=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_path_survives_in_a_properties_file(value: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("properties") / "server.properties"
    write_properties(path, {"log.dirs": value})
    line = path.read_text(encoding="ascii")
    assert line.count("\n") == 1
    assert decode_java(line.removeprefix("log.dirs=").removesuffix("\n")) == value
    assert path.stat().st_mode & 0o077 == 0


def test_broker_listens_on_loopback_only_and_makes_no_topic_by_itself(tmp_path: Path) -> None:
    settings = Settings.for_directory(tmp_path)
    properties = build_properties(settings, tmp_path / "log")
    addresses = properties["listeners"].split(",") + properties["advertised.listeners"].split(",")
    assert all("//127.0.0.1:" in address for address in addresses)
    assert properties["auto.create.topics.enable"] == "false"
    assert int(properties["message.max.bytes"]) > settings.record_bytes > settings.max_body_bytes


@given(drawn=st.uuids())
def test_no_cluster_id_looks_like_an_option(drawn: UUID) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("jalon.runtime.kafka.uuid", SimpleNamespace(uuid4=lambda: drawn))
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{21}", draw_cluster_id())


def test_topic_stamps_the_brokers_time_and_forgets_in_time(tmp_path: Path) -> None:
    settings = Settings.for_directory(tmp_path, topic_retention_hours=24)
    configuration = topic_configuration(settings)
    assert configuration["message.timestamp.type"] == "LogAppendTime"
    assert configuration["retention.ms"] == str(24 * 3_600_000)
    # A segment is deleted as a whole, when its newest record may go.
    lasts = timedelta(milliseconds=int(configuration["retention.ms"]) + int(configuration["segment.ms"]))
    assert lasts < forgets_after(settings) < lasts + timedelta(hours=2)
    assert configuration["unclean.leader.election.enable"] == "false"


def test_replicated_topic_waits_for_more_than_one_copy(tmp_path: Path) -> None:
    assert topic_configuration(Settings.for_directory(tmp_path, kafka_replication=3))["min.insync.replicas"] == "2"


def test_lock_holds_kafka_its_clients_and_its_logging() -> None:
    version, jars = kafka_jars.read_lock()
    names = {jar.name for jar in jars}
    assert {f"kafka_2.13-{version}.jar", f"kafka-clients-{version}.jar"} <= names
    assert any(name.startswith("log4j-slf4j-impl-") for name in names)
    assert len(names) == len(jars)
    assert all(len(jar.sha256) == 64 and jar.bytes > 0 for jar in jars)


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A Maven repository on loopback with two jars, and the lock and jgo's settings that belong to it."""
    root = tmp_path / "remote"
    jars = []
    for artifact in ("one", "two"):
        content = f"the jar {artifact}".encode()
        jar = Jar(f"org.example:{artifact}:1.0", len(content), hashlib.sha256(content).hexdigest())
        (root / jar.path).parent.mkdir(parents=True)
        (root / jar.path).write_bytes(content)
        jars.append(jar)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(kafka_jars, "read_lock", lambda: ("1.0", tuple(jars)))
    configuration = tmp_path / "jgo.conf"
    configuration.write_text(
        f"[settings]\nm2Repo = {tmp_path / 'm2'}\n[repositories]\ncentral = http://127.0.0.1:{server.server_port}\n"
    )
    monkeypatch.setenv("JGO_CONFIG_FILE", str(configuration))
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    yield SimpleNamespace(root=root, jars=jars, local=tmp_path / "m2")
    server.shutdown()
    server.server_close()
    thread.join()


def test_jars_are_fetched_with_progress_and_then_complete(maven: Any, tmp_path: Path) -> None:
    folder, told = tmp_path / "share" / "1.0", []
    kafka_jars.fetch(folder, progress=lambda done, total: told.append((done, total)))
    total = sum(jar.bytes for jar in maven.jars)
    assert told == [(maven.jars[0].bytes, total), (total, total)]
    assert kafka_jars.are_complete(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["1.0"]


def test_jar_that_is_not_the_locked_one_is_refused_and_leaves_nothing(maven: Any, tmp_path: Path) -> None:
    (maven.root / maven.jars[1].path).write_bytes(b"something else")
    folder = tmp_path / "share" / "1.0"
    with pytest.raises(JarsUnavailable, match=r"org\.example:two:1\.0.*not the locked file"):
        kafka_jars.fetch(folder)
    assert list(folder.parent.iterdir()) == []


def test_missing_jar_is_told_by_name(maven: Any, tmp_path: Path) -> None:
    (maven.root / maven.jars[0].path).unlink()
    with pytest.raises(JarsUnavailable, match=r"org\.example:one:1\.0"):
        kafka_jars.fetch(tmp_path / "share" / "1.0")


def test_local_maven_repository_spares_the_network(maven: Any, tmp_path: Path) -> None:
    for jar in maven.jars:
        (maven.local / jar.path).parent.mkdir(parents=True)
        (maven.root / jar.path).rename(maven.local / jar.path)
    kafka_jars.fetch(tmp_path / "share" / "1.0")
    assert kafka_jars.are_complete(tmp_path / "share" / "1.0")


def test_damaged_local_repository_is_not_believed(maven: Any, tmp_path: Path) -> None:
    (maven.local / maven.jars[0].path).parent.mkdir(parents=True)
    (maven.local / maven.jars[0].path).write_bytes(b"damaged")
    kafka_jars.fetch(tmp_path / "share" / "1.0")
    assert (tmp_path / "share" / "1.0" / maven.jars[0].name).read_bytes() == b"the jar one"


def test_incomplete_folder_is_replaced(maven: Any, tmp_path: Path) -> None:
    folder = tmp_path / "share" / "1.0"
    kafka_jars.fetch(folder)
    (folder / maven.jars[0].name).write_bytes(b"half")
    assert not kafka_jars.are_complete(folder)
    kafka_jars.fetch(folder)
    assert kafka_jars.are_complete(folder)
