"""A month of the simulated institute: its systems' files through every producer and Kafka to ClickHouse's figures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from jalon.importing.store_view import TenantStore
from producers.checkpoint import Checkpoint
from producers.naming import Naming
from producers.production import produce
from producers.simulation.year import Size, write_year
from producers.sinks import KafkaSink, LrsSink
from tests.contract.producers.month import TABLET, list_sources
from tests.stack import Stack, TenantAccess

pytestmark = pytest.mark.integration

REQUEST = 200
OF_LRS = "lrs"


@dataclass(frozen=True)
class Told:
    """The truth of the month, what each producer reports, and the tenant that holds it."""

    truth: dict[str, Any]
    sent: Counter[str]
    rejected: Counter[str]
    tenant: TenantAccess

    def query(self, text: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.tenant.reader.query(text).result_rows]


@pytest.fixture(scope="module")
def told(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    settings, root = stack.settings, tmp_path_factory.mktemp("month")
    directory = root / "institute"
    with stack.add_tenant("Institut d'un mois") as tenant:
        naming = Naming(tenant.id)
        truth = orjson.loads(write_year(Size(trainees=300, days=30), directory, naming).read_bytes())
        sent: Counter[str] = Counter()
        rejected: Counter[str] = Counter()
        for source in list_sources(directory, naming):
            with (
                KafkaSink(settings.kafka_servers, tenant.id, source.name, topic=settings.topic) as sink,
                Checkpoint(root / "checkpoints", tenant.id, source.name) as checkpoint,
            ):
                report = produce(source, naming, sink, checkpoint, root / "rejected" / f"{source.name}.jsonl")
            sent[source.name] += report.sent
            rejected[source.name] += report.rejected
        sent[OF_LRS] = post_tablets(stack, tenant, directory / "tablets.jsonl")
        with stack.connect_owner() as owner:
            TenantStore(settings, owner, tenant.id).wait_until_stored()
        yield Told(truth, sent, rejected, tenant)


def post_tablets(stack: Stack, tenant: TenantAccess, path: Path) -> int:
    statements = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    with LrsSink(stack.xapi.rstrip("/"), tenant.key, tenant.secret) as lrs:
        for start in range(0, len(statements), REQUEST):
            lrs.deliver(statements[start : start + REQUEST])
    return len(statements)


def test_each_source_s_statements_are_stored_once(told: Told) -> None:
    truth = {OF_LRS if source == TABLET else source: count for source, count in told.truth["sources"].items()}
    expected = {source: count["statements"] for source, count in truth.items()}
    assert told.sent == expected
    assert dict(told.query("SELECT source, count() FROM statements FINAL GROUP BY source")) == expected
    assert told.rejected == Counter({source: count["rejected"] for source, count in truth.items()})
    assert told.query("SELECT source, rule, pointer FROM dead_letters FINAL") == []


def test_sessions_and_slots_are_the_truth(told: Told) -> None:
    slots = dict(told.query("SELECT extract(session, '[^/]+$'), count() FROM slots GROUP BY 1"))
    assert slots == {session: one["slots"] for session, one in told.truth["by_session"].items()}
    by_modality = dict(told.query("SELECT modality, count() FROM slots GROUP BY modality"))
    assert by_modality == told.truth["sessions"]["slots_by_modality"]


def test_registrations_are_the_truth_but_for_malformed_addresses(told: Told) -> None:
    sessions = told.truth["by_session"]
    registered = Counter(dict(told.query("SELECT extract(session, '[^/]+$'), count() FROM registrations GROUP BY 1")))
    assert {session: registered[session] for session in sessions} == {
        session: one["registered_told"] for session, one in sessions.items()
    }
    assert registered.total() == (
        told.truth["registrations"]["told"] + told.truth["registrations"]["elsewhere"]["openedx"]
    )


def test_modules_are_chosen_as_often_as_in_the_truth(told: Told) -> None:
    chosen = Counter(dict(told.query("SELECT extract(module, '[^/]+$'), count() FROM registrations GROUP BY 1")))
    spoiled = Counter[str]()
    for one in told.truth["by_session"].values():
        spoiled[one["module"]] += one["registered"] - one["registered_told"]
    truth = Counter(told.truth["analyses"]["1_choice"]["registrations_by_module"])
    truth.subtract(spoiled)
    assert {module: chosen[module] for module in truth} == truth


def test_attended_hours_by_modality_are_what_the_systems_can_tell(told: Told) -> None:
    seconds = Counter(dict(told.query("SELECT modality, sum(seconds) FROM attendance GROUP BY modality")))
    assert seconds == pytest.approx(told.truth["hours"]["told"]["by_modality"])
    happened = told.truth["hours"]["happened"]["by_modality"]
    explained = Counter[str]()
    for cause in told.truth["differences"].values():
        explained.update({modality: change for modality, change in cause.items() if modality != "half_days"})
    assert {modality: seconds[modality] - explained[modality] for modality in seconds} == pytest.approx(happened)


def test_a_board_s_half_days_are_the_truth(told: Told) -> None:
    rows, half_days = told.query("SELECT count(), uniqExact(session, actor, half_day, modality) FROM attendance")[0]
    assert rows == half_days == told.truth["hours"]["half_days"]


def test_attended_hours_of_each_session_are_the_truth(told: Told) -> None:
    seconds: dict[str, dict[str, float]] = defaultdict(dict)
    for session, modality, length in told.query(
        "SELECT extract(session, '[^/]+$') AS name, modality, sum(seconds) FROM attendance GROUP BY name, modality"
    ):
        seconds[session][modality] = length
    assert seconds == {
        session: pytest.approx(one["seconds_told"])
        for session, one in told.truth["by_session"].items()
        if one["seconds_told"]
    }
