"""When is a process ready? When it does what it is for: asked over the network, as its users would."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import httpx
from kafka.errors import KafkaError

from identity.database import check_reachable, open_database
from identity.errors import IdentityUnavailable
from jalon import scheduling
from jalon.installation import Installation
from jalon.runtime.topics import answers, count_partitions, open_admin
from jalon.settings import Settings

Check = Callable[[], str]
"""Returns '' when ready, else what is still missing."""

_SECONDS = 5.0


def build_checks(settings: Settings) -> dict[str, Check]:
    """Return the check of every process of an instance, by the process's name."""
    scheme = "https" if settings.clickhouse_secure else "http"
    clickhouse = f"{scheme}://{settings.clickhouse_host}:{settings.clickhouse_port}/ping"
    checks: dict[str, Check] = {}
    if settings.runtime == "embedded":
        checks["kafka"] = lambda: check_kafka(settings)
        checks["clickhouse"] = lambda: check_http(clickhouse)
    for number in range(1, settings.workers + 1):
        checks[f"worker-{number}"] = lambda: check_workers(settings) or check_identity(settings)
    checks["lrs"] = lambda: check_lrs(f"{settings.lrs_local_url}/ready")
    checks["boards"] = lambda: check_http(f"{settings.boards_local_url}/healthz")
    checks["webhooks"] = lambda: check_http(f"{settings.webhooks_local_url}/ready")
    checks["scheduler"] = lambda: check_scheduler(settings)
    return checks


@cache
def _open_client() -> httpx.Client:
    """One for all checks: making one takes 30 ms of processor time, of which a start has none to spare."""
    return httpx.Client(timeout=_SECONDS, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


def check_http(url: str) -> str:
    """Ready when the address answers with success."""
    try:
        response = _open_client().get(url)
    except httpx.HTTPError as error:
        return f"{url} does not answer ({type(error).__name__})"
    return "" if response.is_success else f"{url} answers {response.status_code}"


def check_lrs(url: str) -> str:
    """Ready when it says so; what it says it lacks beside that is told."""
    try:
        response = _open_client().get(url)
    except httpx.HTTPError as error:
        return f"{url} does not answer ({type(error).__name__})"
    if not response.is_success:
        return f"{url} answers {response.status_code}"
    if response.json().get("identity") is False:
        return "it accepts from credentials that it knows only: the identity database does not answer"
    return ""


def check_identity(settings: Settings) -> str:
    """Ready when the identity database answers; without it processing waits."""
    try:
        engine = open_database(settings.identity_url, create=False)
        try:
            check_reachable(engine)
        finally:
            engine.dispose()
    except IdentityUnavailable as error:
        return f"processing waits. {error}"
    return ""


def check_kafka(settings: Settings) -> str:
    """Ready when a broker answers."""
    return "" if answers(settings) else f"Kafka at {settings.kafka_servers} does not answer"


def check_scheduler(settings: Settings) -> str:
    """Ready when it has given a sign of life."""
    installation = Installation(settings)
    try:
        return scheduling.check_scheduler(installation)
    finally:
        installation.close()


def check_workers(settings: Settings) -> str:
    """Ready when the workers have shared every partition of the topic between them."""
    if problem := check_kafka(settings):
        return problem
    try:
        admin = open_admin(settings)
        try:
            total = count_partitions(admin, settings.topic)
            group = admin.describe_groups([settings.worker_group])[settings.worker_group]
        finally:
            admin.close()
    except (KafkaError, KeyError) as error:
        return f"the workers have not joined ({type(error).__name__})"
    members = group["members"]
    assigned = sum(_count_assigned(member, settings.topic) for member in members)
    if len(members) < settings.workers:
        return f"{len(members)} of {settings.workers} workers have joined"
    return "" if assigned >= total else f"{assigned} of {total} partitions are taken"


def _count_assigned(member: dict[str, object], topic: str) -> int:
    assignment = member.get("member_assignment")
    if not isinstance(assignment, dict):
        return 0
    return sum(len(taken["partitions"]) for taken in assignment["assigned_partitions"] if taken["topic"] == topic)
