"""`jalon profile`: how a tenant's own profile is brought, seen and taken away."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from identity.tenants import add_tenant
from jalon.cli import main
from jalon.installation import Installation
from jalon.settings import Settings
from tests.unit.xapi_profiles.profiles import PROFILE, make_document
from xapi_profiles.profile import load_profiles

VERB = "http://adlnet.gov/expapi/verbs/attended"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("JALON_DATA_DIR", str(tmp_path))
    installation = Installation.of(Settings.load())
    add_tenant(installation.engine, installation.master, "institut", "Institut")
    return installation


@pytest.fixture
def run(installation: Installation, capsys: pytest.CaptureFixture[str]) -> Run:
    del installation

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["profile", *arguments])
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return run


def test_a_profile_is_added_shown_listed_and_removed(installation: Installation, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "own.jsonld"
    file.write_text(json.dumps(make_document({"verb": VERB}), indent=2))
    status, _, told = run("add", "institut", str(file), "--why", "simulators")
    assert (status, PROFILE in told) == (0, True)
    assert run("show", "institut", PROFILE)[1] == file.read_text() + "\n"
    listed = json.loads(run("list", "institut", "--json")[1])
    assert [one["id"] for one in listed if one["own"]] == [PROFILE]
    assert {one["id"] for one in listed if not one["own"]} == {profile.id for profile in load_profiles()}
    assert PROFILE in run("list", "institut")[1]
    assert run("remove", "institut", PROFILE)[0] == 0
    assert not [one for one in json.loads(run("list", "institut", "--json")[1]) if one["own"]]
    for command in ("show", "remove"):
        status, _, told = run(command, "institut", PROFILE)
        assert (status, "jalon profile list institut" in told) == (1, True)
    trail = [entry.event for entry in installation.audit.read(tenant="institut")]
    told_of = [(event.action, event.why) for event in trail if event.action.startswith("profile-")]
    assert told_of == [("profile-added", "simulators"), ("profile-removed", "")]


def test_a_profile_that_is_none_is_refused_with_every_problem_and_what_was_found(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "own.jsonld"
    rule = {"location": "$.a", "presence": "must"}
    file.write_text(json.dumps(make_document({"verb": "completed", "rules": [rule]})))
    status, _, told = run("add", "institut", str(file))
    assert status == 1
    assert "/templates/0/verb: expected an absolute IRI" in told
    assert 'found "completed"' in told
    assert "/templates/0/rules/0/presence: expected" in told
    assert 'found "must"' in told
    assert not [one for one in json.loads(run("list", "institut", "--json")[1]) if one["own"]]


def test_what_cannot_be_read_is_told_in_a_sentence(run: Run, tmp_path: Path) -> None:
    status, _, told = run("add", "institut", str(tmp_path / "none"))
    assert (status, "cannot be read" in told) == (2, True)
    file = tmp_path / "empty"
    file.write_text("")
    assert "expected JSON" in run("add", "institut", str(file))[2]
    assert "jalon tenant add" in run("list", "nobody")[2]
