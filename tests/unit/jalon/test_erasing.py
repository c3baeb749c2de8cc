"""`jalon subject erase` and `receipt`, as far as they go without a running product."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clickhouse.erasures import SealedLetter
from identity import receipts
from identity.erasures import list_numbers
from identity.persons import list_pseudonyms
from identity.tenants import add_tenant
from jalon.erasing import Erasing
from jalon.installation import Installation
from jalon.letters import find_mentions
from jalon.ports import free_ports
from jalon.settings import Settings
from lrs.attachments.erasure import AttachmentRemoval
from lrs.attachments.storage import open_store
from stream_processors.dead_letters import seal_payload
from stream_processors.reading import IncomingRecord

COMMAND = "subject"

ADA = {"mbox": "mailto:ada@example.org"}


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("JALON_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JALON_CLICKHOUSE_PORT", str(free_ports(1)[0]))  # where nobody listens
    monkeypatch.setenv("COLUMNS", "300")
    installation = Installation.of(Settings.load())
    add_tenant(installation.engine, installation.master, "institut", "Institut")
    return installation


@pytest.fixture
def ada(installation: Installation) -> str:
    (name,) = list_pseudonyms(installation.vault, "institut", [ADA])
    installation.vault.learner_keys("institut", [name])
    return name


def has_key(installation: Installation, name: str) -> bool:
    return bool(installation.vault.find_learner_keys("institut", [name]))


def list_repeated(installation: Installation) -> list[str]:
    return [entry.event.action for entry in installation.audit.read() if "erasure" in entry.event.action]


def write_receipt(installation: Installation, path: Path, **changes: Any) -> Path:
    content = {
        "kind": "erasure",
        "tenant": "institut",
        "pseudonyms": [],
        "erased_at": datetime.now(UTC).isoformat(),
        "later": "refuse",
        "reached": {},
        **changes,
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(receipts.sign(installation.master, content))
    return path


def test_keys_are_destroyed_first_and_the_rest_is_told_to_be_missing(
    installation: Installation, ada: str, run: Any
) -> None:
    code, out, err = run("erase", "institut", "ada@example.org", "--why", "asked", "--yes")
    assert (code, out) == (1, "")
    assert "The keys are destroyed" in err
    assert "ClickHouse does not answer" in err
    assert not has_key(installation, ada)
    (number,) = list_numbers(installation.engine, "institut", unfinished=True)
    entry = installation.audit.read()[-1]
    assert (entry.number, entry.event.action, entry.event.about) == (number, "subject-erased", ada)
    assert entry.event.who.startswith("operator:")
    # Again: the same erasure goes on.
    assert run("erase", "institut", "ada@example.org", "--why", "asked", "--yes")[0] == 1
    assert list_numbers(installation.engine, "institut") == [number]


def test_nothing_is_erased_that_nobody_has_confirmed(installation: Installation, ada: str, run: Any) -> None:
    for person in ("ada@example.org", "-"):
        code, _, err = run("erase", "institut", person, "--why", "asked")
        assert code == 2
        assert "--yes" in err
    assert run("erase", "institut", "ada@example.org", "--yes")[0] == 2  # without a reason
    code, _, err = run("erase", "institut", "ada@example.org", "--why", "asked", "--yes", "--later", "forget")
    assert code == 1
    assert "refuse, new-person" in err
    assert has_key(installation, ada)


def test_a_receipt_is_shown_only_if_it_is_ours_and_whole(installation: Installation, tmp_path: Path, run: Any) -> None:
    file = write_receipt(installation, tmp_path / "proof.jws", pseudonyms=["a" * 32])
    code, out, _ = run("receipt", "show", str(file), "--json")
    assert code == 0
    assert json.loads(out)["pseudonyms"] == ["a" * 32]
    assert "a" * 32 in run("receipt", "show", str(file))[1]
    head, payload, signature = file.read_text().split(".")
    file.write_text(f"{head}.{payload[:-4]}AAAA.{signature}")
    assert run("receipt", "show", str(file))[0] == 1


def test_a_receipt_of_something_else_erases_nobody(
    installation: Installation, ada: str, tmp_path: Path, run: Any
) -> None:
    for changes in ({"kind": "removal"}, {"later": "never"}, {"pseudonyms": None}):
        file = write_receipt(installation, tmp_path / "other.jws", **({"pseudonyms": [ada]} | changes))
        assert run("receipt", "apply", str(file), "--why", "restored")[0] == 1
    assert has_key(installation, ada)


def test_receipts_and_marks_are_heeded_before_anything_runs_unless_they_are_anothers(
    installation: Installation, ada: str, tmp_path: Path
) -> None:
    (tmp_path / "receipts").mkdir()
    (tmp_path / "receipts" / "erasure-institut-1.jws").write_text("no receipt")
    removal = AttachmentRemoval(open_store(installation.settings.attachments_address), "institut")
    removal.mark_erased(ada, "unsigned")
    installation.prepare_identity()
    assert has_key(installation, ada)

    other = "f" * 32
    installation.vault.learner_keys("institut", [other])
    write_receipt(installation, tmp_path / "receipts" / "erasure-institut-2.jws", pseudonyms=[other])
    mark = write_receipt(installation, tmp_path / "mark", pseudonyms=[ada], later="new-person")
    removal.mark_erased(ada, mark.read_text())
    installation.prepare_identity()
    assert not has_key(installation, ada)
    assert not has_key(installation, other)
    assert dict(installation.vault.erased("institut").items())[ada].later == "new-person"
    assert list_repeated(installation) == ["erasure-repeated"] * 2
    installation.prepare_identity()
    assert list_repeated(installation) == ["erasure-repeated"] * 2


def test_an_object_store_out_of_reach_does_not_hold_up_the_start(
    installation: Installation, ada: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("obstore.list", fail)
    installation.prepare_identity()
    assert has_key(installation, ada)
    assert "erasures-not-compared" in caplog.text


def test_a_person_who_came_back_is_erased_under_both_names(installation: Installation, ada: str) -> None:
    erasing = Erasing(installation)

    def order() -> list[int]:
        return erasing.order("institut", [ADA], later="new-person", who="operator:o", why="asked")

    first = order()
    assert order() == first
    keys = installation.vault.tenant_keys("institut")
    _, successor = installation.vault.erased("institut").list_names(keys, ada)
    installation.vault.learner_keys("institut", [successor])
    second = order()
    assert second != first
    assert order() == [*first, *second]
    assert not has_key(installation, successor)


@pytest.mark.parametrize(
    ("agent", "found"),
    [
        (ADA, True),
        ({"mbox": "mailto:ADA@Example.org"}, True),
        ({"account": {"homePage": "https://example.org", "name": "Emp-17"}}, True),
        ({"openid": "https://ada.example.org/"}, True),
        ({"mbox": "mailto:grace@example.org"}, False),
        ({"account": {"homePage": "https://example.org", "name": "emp-18"}}, False),
    ],
)
def test_letters_that_are_no_json_are_searched_as_text(agent: dict[str, Any], found: bool) -> None:
    payload = b'{"actor": Ada@example.org, emp-17, https://ada.example.org/'
    record = IncomingRecord("topic", 1, 2, 3, (), payload)
    letter = SealedLetter("topic", 1, 2, 0, seal_payload(b"k" * 32, payload, record))
    mentions = find_mentions([letter], [agent], b"k" * 32)
    assert (mentions.found, mentions.left) == (([letter], 0) if found else ([], 1))
    assert find_mentions([letter], [], b"k" * 32).left == 1
