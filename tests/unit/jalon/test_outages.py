"""What a process does, and what `jalon status` says, while the identity database or the key service is out of reach."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from identity.errors import MasterKeyUnusable
from jalon.installation import Installation
from jalon.processes import open_identity
from jalon.runtime.readiness import check_identity, check_lrs
from jalon.settings import Settings
from tests.contract.transit_server import run_transit_server


def test_a_process_waits_for_the_key_service_and_says_so_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with run_transit_server(sealed=True) as server:
        settings = Settings.for_directory(
            tmp_path, master_key_source="transit", transit_url=server.address, transit_token=server.token
        )
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            server.sealed = len(pauses) < 6

        with caplog.at_level(logging.INFO):
            installation = open_identity(settings, pause)
        installation.close()
    assert pauses == [0.5, 1, 2, 4, 5, 5]
    told = [record for record in caplog.records if record.name == "jalon.processes"]
    assert [record.getMessage() for record in told] == ["identity-waits", "identity-goes-on"]
    assert "is sealed" in vars(told[0])["reason"]
    assert server.token not in caplog.text


def test_a_process_waits_for_the_database(tmp_path: Path) -> None:
    settings = Settings.for_directory(tmp_path / "data", database_url=f"sqlite:///{tmp_path}/mounted/identity.db")
    open_identity(settings, lambda _seconds: (tmp_path / "mounted").mkdir()).close()
    assert check_identity(settings) == ""


def test_what_waiting_does_not_mend_ends_the_process(tmp_path: Path) -> None:
    settings = Settings.for_directory(tmp_path)
    Installation(settings).prepare_identity()
    settings.master_key_path.unlink()
    with pytest.raises(MasterKeyUnusable):
        open_identity(settings, pytest.fail)


def test_a_worker_without_the_database_is_not_ready(tmp_path: Path) -> None:
    settings = Settings.for_directory(tmp_path)
    Installation(settings).prepare_identity()
    assert check_identity(settings) == ""
    (tmp_path / "identity.sqlite3").rename(tmp_path / "elsewhere")
    assert check_identity(settings).startswith("processing waits. The identity database does not answer")
    assert not (tmp_path / "identity.sqlite3").exists()


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/ready"
        thread.join()


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, b'{"kafka":true,"clickhouse":true,"identity":true}', ""),
        (200, b'{"kafka":true,"clickhouse":true,"identity":false}', "the identity database does not answer"),
        (503, b'{"kafka":false,"clickhouse":true,"identity":true}', "answers 503"),
    ],
)
def test_an_lrs_is_as_ready_as_it_says(status: int, body: bytes, problem: str) -> None:
    with answering(status, body) as url:
        found = check_lrs(url)
    assert (problem in found) if problem else found == ""
