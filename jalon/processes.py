"""What each process of the product is, built from the settings: the one place that hands every package its arguments.

The packages are imported inside the functions: a process loads what it runs, and the command line stays quick.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from jalon.settings import Settings

if TYPE_CHECKING:
    from jalon.installation import Installation

logger = logging.getLogger(__name__)

_LONGEST_PAUSE_SECONDS = 5.0


def spare_collector() -> None:
    """Keep Python's cycle collector off what was loaded, and from going through every parsed body.

    Statements are trees without cycles, freed by counting; with Python's defaults a third of the time of parsing them
    went into looking for cycles (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def open_identity(settings: Settings, pause: Callable[[float], None] = time.sleep) -> Installation:
    """Return the installation once its database answers and its vault is open, and say once if that has to be awaited.

    Raises what waiting will not mend: MasterKeyUnusable, InvalidValue.
    """
    from identity.errors import IdentityUnavailable  # noqa: PLC0415
    from jalon.installation import Installation  # noqa: PLC0415

    seconds, waiting = 0.5, False
    while True:
        installation = Installation(settings)
        try:
            installation.prepare_identity()
        except IdentityUnavailable as error:
            installation.close()
            if not waiting:
                logger.warning("identity-waits", extra={"code": error.code, "reason": str(error)})
            waiting = True
            pause(seconds)
            seconds = min(2 * seconds, _LONGEST_PAUSE_SECONDS)
        else:
            if waiting:
                logger.warning("identity-goes-on")
            return installation


def run_kafka(settings: Settings) -> None:
    """Become Kafka."""
    from jalon.runtime.kafka import exec_kafka  # noqa: PLC0415 (see the module's docstring)

    exec_kafka(settings)


def run_clickhouse(settings: Settings) -> None:
    """Serve the ClickHouse engine over HTTP until SIGTERM."""
    from clickhouse.embedded.server import serve  # noqa: PLC0415

    serve(
        settings.data_dir / "clickhouse",
        settings.clickhouse_host,
        settings.clickhouse_port,
        owner=settings.clickhouse_user,
        owner_password=settings.clickhouse_password.get_secret_value(),
    )


def run_worker(settings: Settings, number: int) -> None:
    """Process accepted records until SIGTERM, as the worker of this number."""
    from jalon.runtime.topics import await_topic  # noqa: PLC0415
    from stream_processors.app import WorkerSettings  # noqa: PLC0415
    from stream_processors.worker import serve  # noqa: PLC0415

    await_topic(settings)
    installation = open_identity(settings)
    spare_collector()
    serve(
        WorkerSettings(
            bootstrap=settings.kafka_servers,
            access=settings.kafka_access,
            instance=f"{settings.worker_group}-{number}",
            topic=settings.topic,
            group=settings.worker_group,
        ),
        installation.owner_address,
        installation.engine,
        installation.master,
    )


def run_lrs(settings: Settings) -> None:
    """Serve the xAPI over HTTP until SIGTERM."""
    from lrs.bearer import TokenRules  # noqa: PLC0415
    from lrs.limits import Limits  # noqa: PLC0415
    from lrs.server import serve  # noqa: PLC0415

    installation = open_identity(settings)
    attachments = installation.open_attachments()
    spare_collector()
    serve(
        host=settings.lrs_host,
        port=settings.lrs_port,
        public_url=settings.lrs_url,
        kafka_bootstrap=settings.kafka_servers,
        kafka_access=settings.kafka_access,
        topic=settings.topic,
        clickhouse=installation.owner_address,
        attachments=attachments,
        engine=installation.engine,
        vault=installation.vault,
        trail=installation.audit,
        limits=Limits(
            body_bytes=settings.max_body_bytes,
            attachment_bytes=settings.max_attachment_bytes,
            attachments_bytes=4 * settings.max_attachment_bytes,
            staged_bytes=16 * settings.max_attachment_bytes,
            record_bytes=settings.record_bytes,
            read_seconds=settings.barrier_seconds,
            rate_per_second=settings.lrs_rate_per_second,
            rate_burst=settings.lrs_rate_burst,
        ),
        token_rules=TokenRules(
            issuer=settings.oidc_issuer,
            audience=settings.oidc_audience,
            tenant_claim=settings.oidc_tenant_claim,
            scope_claim=settings.oidc_scope_claim,
            scope_prefix=settings.oidc_scope_prefix,
        )
        if settings.oidc_issuer
        else None,
        cors_origins=settings.lrs_cors_origins.split(),
    )


def run_webhooks(settings: Settings) -> None:
    """Take in webhooks over HTTP until SIGTERM."""
    from lrs.log import KafkaLog  # noqa: PLC0415
    from producers.naming import Naming  # noqa: PLC0415
    from receivers.app import LIMITS, Parts  # noqa: PLC0415
    from receivers.server import serve  # noqa: PLC0415

    installation = open_identity(settings)
    log = KafkaLog(
        settings.kafka_servers,
        settings.topic,
        record_bytes=settings.record_bytes,
        pending_bytes=LIMITS.pending_bytes,
        ack_seconds=LIMITS.ack_seconds,
        client_id="jalon-webhooks",
        access=settings.kafka_access,
    )
    serve(
        Parts(
            log=log,
            engine=installation.engine,
            master=installation.master,
            name_tenant=lambda tenant, home: Naming(tenant, home or None, installation.names_secret(tenant)),
            folder=settings.data_dir / "producers",
            public_url=settings.webhooks_url,
        ),
        host=settings.webhooks_host,
        port=settings.webhooks_port,
    )


def run_scheduler(settings: Settings) -> None:
    """Do what is due, for each tenant at night, until SIGTERM."""
    from jalon.installation import Installation  # noqa: PLC0415
    from jalon.scheduling import serve  # noqa: PLC0415

    serve(Installation(settings))


def run_boards(settings: Settings) -> None:
    """Serve the built-in boards over HTTP until SIGTERM."""
    from grafana.boards.app import People  # noqa: PLC0415
    from grafana.boards.provider import ProviderRules  # noqa: PLC0415
    from grafana.boards.server import serve  # noqa: PLC0415
    from identity.sessions import Limits, Sessions  # noqa: PLC0415
    from identity.tenants import get_active_tenant, list_tenants  # noqa: PLC0415

    installation = open_identity(settings)
    engine = installation.engine
    limits = Limits(timedelta(minutes=settings.session_idle_minutes), timedelta(hours=settings.session_hours))
    people = People(
        accounts=installation.accounts,
        sessions=Sessions(engine, installation.master, limits),
        find_tenant=partial(get_active_tenant, engine),
        list_tenants=partial(list_tenants, engine),
        provider=ProviderRules(
            issuer=settings.sign_in_issuer,
            client_id=settings.sign_in_client_id,
            client_secret=settings.sign_in_client_secret.get_secret_value(),
            scope=settings.sign_in_scope,
        )
        if settings.sign_in_issuer
        else None,
        roles_claim=settings.sign_in_roles_claim,
        roles_known=settings.known_roles,
    )
    serve(
        host=settings.boards_host,
        port=settings.boards_port,
        public_url=settings.boards_url,
        proxies=settings.boards_proxies,
        people=people,
        vault=installation.vault,
        clickhouse=installation.owner_address,
        session_secret=settings.boards_secret.get_secret_value(),
    )
