"""`jalon retention`: what an operator says and sees of how long a tenant keeps what."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from identity.audit import Event
from identity.duties import Duties
from jalon.installation import Installation
from jalon.retention import DUTY

COMMAND = "retention"

ATTENDED = "http://adlnet.gov/expapi/verbs/attended"

Run = Callable[..., tuple[int, str, str]]


def list_changes(installation: Installation) -> list[Event]:
    entries = installation.audit.read(tenant="institut")
    return [entry.event for entry in entries if entry.event.action == "retention-changed"]


def test_a_new_tenant_keeps_everything_and_is_told_so(installation: Installation, run: Run) -> None:
    del installation
    status, out, _ = run("show", "institut")
    assert status == 0
    assert out.count("no period") == 7


def test_a_change_is_shown_and_told_to_the_audit_trail(installation: Installation, run: Run) -> None:
    assert run("set", "institut", "statements", "365", "--why", "decided by the board")[0] == 0
    assert run("set", "institut", "attendance", "1825", "--verb", ATTENDED, "--why", "the law")[0] == 0
    assert run("set", "institut", "gaia", "keep", "--source", "gaia", "--why", "an archive")[0] == 0
    shown = json.loads(run("show", "institut", "--json")[1])
    assert [(rule["purpose"], rule["days"]) for rule in shown["rules"]][:4] == [
        ("attendance", 1825),
        ("gaia", None),
        ("statements", 365),
        ("attachments", None),
    ]
    _, out, _ = run("show", "institut")
    for text in ("1825 days", "for good", "365 days", f"verb {ATTENDED}"):
        assert text in out
    assert run("unset", "institut", "attendance", "--why", "no longer")[0] == 0
    told = list_changes(installation)
    assert [event.about for event in told] == ["statements", "attendance", "gaia", "attendance"]
    assert told[1].details == {
        "purpose": "attendance", "days": 1825, "sources": [], "verbs": [ATTENDED], "activityTypes": [],
    }  # fmt: skip
    assert told[1].why == "the law"
    installation.audit.verify()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("set", "institut", "statements", "soon", "--why", "x"), "whole days, or `keep`"),
        (("set", "institut", "statements", "0", "--why", "x"), "1 to 36500 days"),
        (("set", "institut", "attendance", "30", "--why", "x"), "by source, verb or type of activity"),
        (("set", "nobody", "statements", "30", "--why", "x"), "no tenant 'nobody'"),
        (("unset", "institut", "statements", "--why", "x"), "has no period"),
        (("show", "nobody"), "no tenant 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence_and_leaves_no_trace(
    installation: Installation, run: Run, arguments: tuple[str, ...], told: str
) -> None:
    status, _, err = run(*arguments)
    assert status in (1, 2)
    assert told in err
    assert list_changes(installation) == []


def test_a_reason_is_owed_for_a_change(installation: Installation, run: Run) -> None:
    assert run("set", "institut", "statements", "30")[0] == 2
    assert list_changes(installation) == []


def test_two_runs_for_one_tenant_do_not_go_on_at_once(
    installation: Installation, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Client:
        def close(self) -> None:
            return

    monkeypatch.setattr("jalon.commands.retention.connect", lambda _address: Client())
    with Duties(installation.engine, "another").holding(DUTY, "institut") as ours:
        assert ours
        status, _, err = run("run", "institut")
    assert status == 1
    assert "under way already" in err
