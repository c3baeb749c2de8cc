"""A real engine (chDB, in this process) holding two tenants whose figures were worked out by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from clickhouse.databases import name_tenant_database
from clickhouse.migration import load_migrations
from grafana.boards.reading import Answer
from grafana.errors import QueryFailed
from tests.people import House, build, open_house

HOME = "https://w3id.org/jalon/tenants/alpha"
SCHEDULE = "http://activitystrea.ms/schedule"
CANCEL = "http://activitystrea.ms/cancel"
REGISTERED = "http://adlnet.gov/expapi/verbs/registered"
UNREGISTERED = "http://id.tincanapi.com/verb/unregistered"
CHECKIN = "http://activitystrea.ms/checkin"
JOIN = "http://activitystrea.ms/join"
LEAVE = "http://activitystrea.ms/leave"
EXPERIENCED = "http://adlnet.gov/expapi/verbs/experienced"

DAY = datetime(2026, 9, 18, tzinfo=UTC)


class Engine:
    """One chDB session; a query runs in one tenant's database. It takes the place of ClickHouse behind a board."""

    def __init__(self, folder: str) -> None:
        from chdb.session import Session

        self.session = Session(folder)
        self.failing: dict[str, str] = {}
        self.queries: list[tuple[str, str]] = []

    def create(self, tenant: str) -> None:
        database = name_tenant_database(tenant)
        self.session.query(f"CREATE DATABASE {database}")
        self.session.query(f"USE {database}")
        for migration in load_migrations("tenant"):
            for statement in migration.statements:
                self.session.query(statement)

    def tell_all(self, tenant: str) -> None:
        """Have figures of one learner shown, so that they can be worked out by hand."""
        self.set_fewest(tenant, 1)

    def set_fewest(self, tenant: str, inside: int, published: int = 11) -> None:
        row = {"at": "2026-01-01 00:00:00.000", "inside": inside, "published": published}
        self.session.query(f"TRUNCATE TABLE {name_tenant_database(tenant)}.disclosure")
        self.insert(tenant, "disclosure", [row])

    def insert(self, tenant: str, table: str, rows: list[dict[str, Any]]) -> None:
        lines = "\n".join(json.dumps(row) for row in rows)
        self.session.query(f"INSERT INTO {name_tenant_database(tenant)}.{table} FORMAT JSONEachRow {lines}")

    def query(self, tenant: str, sql: str) -> Answer:
        self.queries.append((tenant, sql))
        for text, code in self.failing.items():
            if text in sql:
                raise QueryFailed(code, "as the test asks")
        self.session.query(f"USE {name_tenant_database(tenant)}")
        quiet = " SETTINGS output_format_json_quote_64bit_integers = 0"
        result = json.loads(str(self.session.query(sql + quiet, "JSONCompact")))
        columns = tuple((column["name"], column["type"]) for column in result["meta"])
        return Answer(
            columns,
            [[_read(value, kind) for value, (_, kind) in zip(row, columns, strict=True)] for row in result["data"]],
        )

    async def read(self, tenant: str, sql: str) -> Answer:
        await asyncio.sleep(0)
        return self.query(tenant, sql)

    async def close(self) -> None:
        self.session.query("SELECT 1")


def _read(value: Any, kind: str) -> Any:
    if isinstance(value, str) and "DateTime" in kind:
        return round(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp() * 1000)
    return value


def at(clock: str, days: int = 0) -> datetime:
    hours, minutes = clock.split(":")
    return DAY + timedelta(days=days, hours=int(hours), minutes=int(minutes))


def statement(number: int, verb: str, moment: datetime, **columns: Any) -> dict[str, Any]:
    """Return a row of `statements`; `stored` is the moment unless said otherwise."""
    stored = columns.pop("stored", moment)
    row = {
        "id": str(uuid5(UUID(int=7), str(number))),
        "timestamp": moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
        "stored": stored.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
        "verb": verb,
        "source": "gaia",
        "actor": "",
        "partition": 0,
        "offset": number,
        "position": 0,
    }
    return row | columns


def training(session: str) -> dict[str, Any]:
    """Return the columns that say which session, module and pathway a row is about."""
    modules = {"s1": "m1", "s2": "m2", "s3": "m3", "s4": "m2"}
    names = {
        "s1": "Conduire le changement - 1",
        "s2": "Achats publics - 1",
        "s3": "Laïcité - 1",
        "s4": "Achats publics - 2",
    }
    module_names = {"m1": "Conduire le changement", "m2": "Achats publics", "m3": "Laïcité"}
    pathway = "p1" if session in {"s1", "s2"} else "p2"
    return {
        "session": f"{HOME}/sessions/{session}",
        "session_name": names[session],
        "module": f"{HOME}/modules/{modules[session]}",
        "module_name": module_names[modules[session]],
        "pathway": f"{HOME}/pathways/{pathway}",
        "pathway_name": {"p1": "Encadrer", "p2": "Acheter"}[pathway],
    }


def alpha() -> list[dict[str, Any]]:
    """Return tenant alpha's statements: three learners a, b, d registered, c withdrawn, e walking in."""
    rows: list[dict[str, Any]] = []

    def add(verb: str, moment: datetime, **columns: Any) -> None:
        rows.append(statement(len(rows), verb, moment, **columns))

    def plan(session: str, start: datetime, half_day: str, modality: str, room: str = "", verb: str = SCHEDULE) -> None:
        planned = start.strftime("%Y-%m-%d %H:%M:%S")
        place = f"{HOME}/rooms/{room}" if room else ""
        moment = at("06:00", -1) if verb == SCHEDULE else at("07:00", -1)
        add(
            verb,
            moment,
            **training(session),
            planned_start=planned,
            planned_seconds=10800,
            half_day=half_day,
            modality=modality,
            place=place,
        )

    plan("s1", at("08:00"), "2026-09-18 am", "hybrid", "Amphi%20A")
    plan("s1", at("13:00"), "2026-09-18 pm", "hybrid", "Amphi%20A")
    plan("s2", at("13:00"), "2026-09-18 pm", "remote")
    plan("s3", at("08:00"), "2026-09-18 am", "in-person", "B12")
    plan("s3", at("08:00"), "2026-09-18 am", "in-person", "B12", verb=CANCEL)
    plan("s4", at("08:00", 3), "2026-09-21 am", "in-person", "B12")
    for session, learner in ("s1", "a"), ("s1", "b"), ("s1", "c"), ("s1", "d"), ("s2", "a"), ("s2", "b"), ("s4", "a"):
        add(REGISTERED, at("06:30", -1), **training(session), actor=learner * 32)
    add(UNREGISTERED, at("06:45", -1), **training("s1"), actor="c" * 32)

    def stay(session: str, learner: str, modality: str, start: str, end: str = "", connection: str = "") -> None:
        shared = training(session) | {
            "actor": learner * 32,
            "modality": modality,
            "connection": connection,
            "source": "lrs" if modality == "in-person" else "bigbluebutton",
        }
        add(CHECKIN if modality == "in-person" else JOIN, at(start), **shared)
        if end:
            add(LEAVE, at(end), **shared)

    stay("s1", "a", "in-person", "08:05", "10:05")
    stay("s1", "a", "in-person", "13:00")
    stay("s1", "b", "remote", "07:50", "09:00", "one")
    stay("s1", "b", "remote", "08:30", "10:00", "two")
    stay("s1", "e", "in-person", "09:00", "09:30")
    stay("s2", "b", "remote", "13:30", "15:00", "three")
    for learner, clock in ("a", "17:00"), ("a", "17:10"), ("d", "17:20"):
        add(
            EXPERIENCED,
            at(clock),
            actor=learner * 32,
            source="lrs",
            activity="http://films.example/2026#le%20film",
            activity_name="",
        )
    return rows


def beta() -> list[dict[str, Any]]:
    """Return tenant beta's statements, whose every name gives it away."""
    return [
        statement(
            1000 + number,
            EXPERIENCED,
            at("09:00"),
            actor="f" * 32,
            source="beta-source",
            activity="http://beta.example/x",
            activity_name="BETA-ONLY",
        )
        for number in range(7)
    ]


@pytest.fixture(scope="session")
def _engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    engine = Engine(str(tmp_path_factory.mktemp("chdb")))
    engine.create("alpha")
    engine.create("beta-x")
    for tenant in ("alpha", "beta-x"):
        engine.tell_all(tenant)
    engine.insert("alpha", "statements", alpha())
    # The same id again, later and in another partition: it must not count.
    engine.insert(
        "alpha", "statements", [alpha()[-1] | {"partition": 3, "offset": 900, "stored": "2026-09-18 17:25:00.000"}]
    )
    engine.insert("beta-x", "statements", beta())
    clock = "2026-09-18 08:00:00"
    record = {"topic": "jalon.accepted", "partition": 0, "at": clock}
    engine.insert(
        "alpha",
        "ledger",
        [
            record | {"offset": 0, "source": "gaia", "accepted": 10, "stored": 9, "duplicate": 1, "dead": 0},
            record | {"offset": 1, "source": "lrs", "accepted": 5, "stored": 3, "duplicate": 0, "dead": 1},
            record | {"offset": 1, "source": "lrs", "accepted": 5, "stored": 3, "duplicate": 0, "dead": 1},
        ],
    )
    engine.insert(
        "alpha", "dead_letters", [record | {"offset": 1, "position": 0, "source": "lrs", "code": "malformed"}]
    )
    return engine


@pytest.fixture
def engine(_engine: Engine) -> Iterator[Engine]:
    """The engine with its two tenants, as found by every test."""
    yield _engine
    _engine.failing.clear()
    _engine.queries.clear()


@pytest.fixture(scope="session")
def _people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("people") / "template.sqlite3")


@pytest.fixture
def house(_people: Path, tmp_path: Path) -> Iterator[House]:
    """Accounts of people at the engine's two tenants."""
    house = open_house(_people, tmp_path)
    yield house
    house.engine.dispose()
