"""Every source, killed half-way and run again: a store that keeps the first version of an id notices nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from jalon.commands.produce import app
from producers.mapping import list_shipped
from tests.contract.producers.killing import Forks, Institute, Kill, open_forks
from tests.contract.producers.recorded import RECORDED

FEW, MANY = 3, 1_000
"""Batches: smaller than what any recorded run tells, and larger."""
STATEFUL = [name for name, runs in RECORDED.items() if len(runs) > 1]


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with open_forks() as opened:
        yield opened


def keep(deliveries: Iterable[Iterable[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Return the statements by id; the same id always has the same content."""
    kept: dict[str, dict[str, Any]] = {}
    for statement in (one for delivery in deliveries for one in delivery):
        assert kept.setdefault(statement["id"], statement) == statement
    return kept


def test_every_command_and_every_shipped_mapping_is_recorded() -> None:
    command = get_command(app)
    assert {name.split()[0] for name in RECORDED} == set(command.list_commands(None))
    assert [name.split()[1] for name in RECORDED if name.startswith("map ")] == list_shipped()


@pytest.mark.parametrize("name", RECORDED)
def test_a_source_that_was_killed_tells_in_the_end_what_it_would_have_told(
    name: str, forks: Forks, tmp_path: Path
) -> None:
    quiet, killed = Institute(forks, tmp_path / "quiet"), Institute(forks, tmp_path / "killed")
    twice = 0
    for number in range(len(RECORDED[name])):
        before = len(quiet.deliveries)
        assert quiet.run(name, number, batch=FEW) == 0
        told = keep(quiet.deliveries)
        for minutes, (batch, kill) in enumerate(choose_kills(quiet.deliveries[before:])):
            assert killed.run(name, number, batch=batch, minutes=minutes, kill=kill) == -signal.SIGKILL
            *_, arrived = killed.deliveries
            assert arrived
            assert len(keep(killed.deliveries)) < len(told) or batch == MANY
            twice += len(arrived)

        assert killed.run(name, number, batch=FEW, minutes=5) == 0
        deliveries = killed.deliveries
        assert keep(deliveries) == told
        assert sum(map(len, deliveries)) == len(told) + twice, "more came again than what had no checkpoint"
        assert sorted(killed.rejected) == sorted(set(killed.rejected)) == sorted(quiet.rejected)
        assert killed.run(name, number, batch=FEW, minutes=6) == 0
        assert killed.deliveries == deliveries
        assert sorted(killed.rejected) == sorted(quiet.rejected)


def choose_kills(deliveries: list[list[dict[str, Any]]]) -> list[tuple[int, Kill]]:
    """Return moments at which the checkpoint is behind, each with the size of batches."""
    several = [delivery for delivery in deliveries if len(delivery) > 1]
    return [
        # The first delivery has arrived.
        (1, Kill(deliveries[0][0]["id"], whole=True)),
        # Half of one in the middle has.
        (FEW, Kill(several[len(several) // 2][0]["id"], whole=False)),
        # All has arrived, and the state of the source is not saved.
        (MANY, Kill(deliveries[-1][-1]["id"], whole=True)),
    ]


@pytest.mark.parametrize("name", STATEFUL)
def test_a_source_that_was_killed_contradicts_nothing_when_its_input_has_moved_on(
    name: str, forks: Forks, tmp_path: Path
) -> None:
    quiet, killed = Institute(forks, tmp_path / "quiet"), Institute(forks, tmp_path / "killed")
    assert quiet.run(name, 0, batch=FEW) == 0
    *_, (batch, kill) = choose_kills(quiet.deliveries)
    assert quiet.run(name, 1, batch=FEW) == 0
    assert killed.run(name, 0, batch=batch, kill=kill) == -signal.SIGKILL
    assert killed.run(name, 1, batch=FEW) == 0
    deliveries = killed.deliveries
    assert keep(deliveries) == keep(quiet.deliveries)
    assert killed.run(name, 1, batch=FEW, minutes=5) == 0
    assert killed.deliveries == deliveries
