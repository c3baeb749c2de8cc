"""Running the application as a process: uvicorn on uvloop and httptools, stopped by SIGTERM without losing anything."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Iterator, Sequence

import uvicorn
from sqlalchemy import Engine
from starlette.types import ASGIApp

from clickhouse.connection import ClickHouseAddress
from identity.audit import AuditTrail
from identity.credentials import Authenticator
from identity.standing import Standing
from identity.vault import Vault
from lrs.app import create_app
from lrs.attachments.storage import AttachmentStore
from lrs.bearer import BearerTokens, TokenRules
from lrs.documents.storage import DocumentStore
from lrs.heads import bound_head
from lrs.issuer_keys import IssuerKeys
from lrs.limits import Limits
from lrs.log import KafkaLog
from lrs.services import Services
from lrs.store import ClickHouseStore
from xapi_profiles.kafka_access import KafkaAccess

_DRAIN_SECONDS = 15


def serve(
    *,
    host: str,
    port: int,
    public_url: str,
    kafka_bootstrap: str,
    kafka_access: KafkaAccess,
    topic: str,
    clickhouse: ClickHouseAddress,
    attachments: AttachmentStore,
    engine: Engine,
    vault: Vault,
    trail: AuditTrail,
    limits: Limits | None = None,
    token_rules: TokenRules | None = None,
    cors_origins: Sequence[str] = ("*",),
) -> None:
    """Serve until SIGTERM or SIGINT: then finish the requests under way, flush Kafka, and return.

    Starts although Kafka or ClickHouse cannot be reached, and answers 503 until they can. Logging is the caller's to
    configure. Raises SystemExit when the port cannot be had.
    """
    limits = limits or Limits()
    services = Services(
        log=KafkaLog(
            kafka_bootstrap,
            topic,
            record_bytes=limits.record_bytes,
            pending_bytes=limits.pending_bytes,
            ack_seconds=limits.ack_seconds,
            access=kafka_access,
        ),
        store=ClickHouseStore(clickhouse, topic),
        attachments=attachments,
        authenticator=Authenticator(engine, ttl=limits.credential_seconds, outage_ttl=limits.credential_outage_seconds),
        keys=vault,
        documents=DocumentStore(engine, vault, threads=limits.document_threads, waiting=limits.documents_waiting),
        trail=trail,
        public_url=public_url,
        limits=limits,
        tokens=None if token_rules is None else BearerTokens(token_rules, IssuerKeys(token_rules.issuer)),
        cors_origins=cors_origins,
        standing=Standing(engine),
    )
    configure(services, host=host, port=port).run()


class _Server(uvicorn.Server):
    """Uvicorn's server, except that a signal ends it as asked: uvicorn raises the signal again at the end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop gracefully at SIGTERM and SIGINT while the block runs."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def configure(services: Services, *, host: str, port: int) -> uvicorn.Server:
    """Return the server for these services, not yet running."""
    return build_server(create_app(services), services.limits, host=host, port=port)


def build_server(app: ASGIApp, limits: Limits, *, host: str, port: int) -> uvicorn.Server:
    """Return a server for an application, not yet running: it bounds the heads of requests, and logs none of them."""
    # An access log would hold query strings, and those name agents: whoever configures logging cannot turn it on.
    logging.getLogger("uvicorn.access").disabled = True
    # It warns of every malformed body, which is the client's to know.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    return _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="uvloop",
            http=bound_head(limits),
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            date_header=True,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
            backlog=1024,
        )
    )
