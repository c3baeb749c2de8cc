"""What each process of the product is, built from the settings: the one place that hands every package its arguments.

The packages are imported inside the functions: a process loads what it runs, and the command line stays quick.
"""

from __future__ import annotations

import gc

from jalon.errors import WrongSettings
from jalon.settings import Settings, variable


def spare_collector() -> None:
    """Keep Python's cycle collector off what was loaded, and from going through every parsed body.

    Statements are trees without cycles, freed by counting; with Python's defaults a third of the time of parsing them
    went into looking for cycles (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


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
    from jalon.installation import Installation  # noqa: PLC0415
    from jalon.runtime.topics import await_topic  # noqa: PLC0415
    from stream_processors.app import WorkerSettings  # noqa: PLC0415
    from stream_processors.worker import serve  # noqa: PLC0415

    await_topic(settings)
    installation = Installation(settings)
    spare_collector()
    serve(
        WorkerSettings(
            bootstrap=settings.kafka_servers,
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
    from jalon.installation import Installation  # noqa: PLC0415
    from lrs.attachments.storage import AttachmentStore, open_store  # noqa: PLC0415
    from lrs.bearer import TokenRules  # noqa: PLC0415
    from lrs.limits import Limits  # noqa: PLC0415
    from lrs.server import serve  # noqa: PLC0415

    try:
        attachments = AttachmentStore(open_store(settings.attachments_address))
    except ValueError as error:
        raise WrongSettings(f"{variable('attachments_url')}: {error}.") from None
    installation = Installation(settings)
    spare_collector()
    serve(
        host=settings.lrs_host,
        port=settings.lrs_port,
        public_url=settings.lrs_url,
        kafka_bootstrap=settings.kafka_servers,
        topic=settings.topic,
        clickhouse=installation.owner_address,
        attachments=attachments,
        engine=installation.engine,
        vault=installation.vault,
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


def run_boards(settings: Settings) -> None:
    """Serve the built-in boards over HTTP until SIGTERM."""
    from grafana.boards.server import serve  # noqa: PLC0415
    from jalon.installation import Installation  # noqa: PLC0415

    installation = Installation(settings)
    serve(
        host=settings.boards_host,
        port=settings.boards_port,
        engine=installation.engine,
        vault=installation.vault,
        clickhouse=installation.owner_address,
        session_secret=settings.boards_secret.get_secret_value(),
        secure_cookies=settings.boards_url.startswith("https:"),
    )
