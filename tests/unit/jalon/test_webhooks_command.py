"""`jalon webhook`: what an operator sees and does with the addresses of other systems."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from identity.tenants import add_tenant
from identity.webhooks import Webhooks
from jalon.cli import main
from jalon.commands.webhooks import SourceName
from jalon.installation import Installation
from jalon.settings import Settings
from receivers.sources import RECEIVERS

SECRET = "639259d4-9dd8-4b25-bf01-95f9567eaf4b"


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("JALON_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JALON_WEBHOOKS_PUBLIC_URL", "https://jalon.example.org/in/")
    monkeypatch.setenv("COLUMNS", "300")
    installation = Installation.of(Settings.load())
    add_tenant(installation.engine, installation.master, "institut", "Institut")
    return installation


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as end:
            main(["webhook", *arguments])
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err  # type: ignore[return-value]  # an int where it is one

    return run


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\nnot this\n", encoding="utf-8")
    return str(path)


def test_an_added_webhook_is_found_at_the_address_that_was_shown(
    installation: Installation, run: Any, secret_file: str
) -> None:
    code, out, _ = run("add", "institut", "zoom", "--secret-file", secret_file, "--host", "--json")
    told = json.loads(out)
    assert (code, told["tenant"], told["source"]) == (0, "institut", "zoom")
    assert told["address"].startswith("https://jalon.example.org/in/hooks/")
    found = Webhooks(installation.engine, installation.master).find(told["address"].rpartition("/")[2])
    assert found is not None
    assert (found.secret, found.options) == (SECRET.encode(), {"host": True})


def test_a_secret_can_be_piped_in_and_is_shown_nowhere(installation: Installation, run: Any) -> None:
    _, added, told = run("add", "institut", "bigbluebutton", "--prefix", "ih-", typed=f"{SECRET}\n")
    address = added.split()[1]
    assert "not shown again" in told
    _, listed, _ = run("list", "institut")
    assert "bigbluebutton" in listed
    assert "prefix=ih-" in listed
    for text in (added + told, listed, str(installation.audit.read(tenant="institut"))):
        assert SECRET not in text
    assert address not in listed
    found = Webhooks(installation.engine, installation.master).find(address.rpartition("/")[2])
    assert found is not None
    assert found.secret == SECRET.encode()


def test_a_removed_webhook_is_gone(installation: Installation, run: Any, secret_file: str) -> None:
    _, out, _ = run("add", "institut", "zoom", "--secret-file", secret_file, "--json")
    assert run("remove", "institut", "zoom")[0] == 0
    assert json.loads(run("list", "institut", "--json")[1]) == []
    token = json.loads(out)["address"].rpartition("/")[2]
    assert Webhooks(installation.engine, installation.master).find(token) is None
    code, _, err = run("remove", "institut", "zoom")
    assert code == 2
    assert "has no webhook of zoom" in err


@pytest.mark.usefixtures("installation")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("add", "institut", "zoom", "--prefix", "x"), "--prefix is no option of zoom"),
        (("add", "institut", "bigbluebutton", "--topic-pattern", "x"), "--topic-pattern is no option of bigbluebutton"),
        (("add", "institut", "zoom", "--topic-pattern", "("), "no regular expression"),
        (("add", "institut", "zoom", "--topic-pattern", "x"), "has no group"),
        (("add", "institut", "zoom", "--secret-file", "/nowhere"), "/nowhere cannot be read"),
        (("add", "institut", "zoom"), "at least 8 characters"),
        (("add", "nobody", "zoom"), "There is no tenant"),
        (("list", "nobody"), "There is no tenant"),
        (("add", "institut", "skype"), "skype"),
    ],
)
def test_what_cannot_be_done_is_told(run: Any, arguments: tuple[str, ...], sentence: str) -> None:
    code, out, err = run(*arguments, typed=SECRET if arguments[1] == "nobody" else "short")
    assert code in {1, 2}
    assert out == ""
    assert sentence in err


def test_every_source_that_can_be_added_is_one_that_is_received() -> None:
    assert {source.value for source in SourceName} == RECEIVERS.keys()
