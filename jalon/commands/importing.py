"""`jalon import` and `jalon smoke`: files of statements into a tenant, with a verdict for every one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from clickhouse.connection import connect
from identity.credentials import add_credential, disable_credential
from identity.tenants import get_tenant
from jalon.commands.output import StepsShown, err, print_json
from jalon.importing.files import read_statements
from jalon.importing.kafka_route import SOURCE, KafkaRoute
from jalon.importing.lrs_route import LrsRoute
from jalon.importing.run import Outcome, import_statements
from jalon.importing.store_view import TenantStore
from jalon.importing.verdicts import RejectedFile, Route
from jalon.installation import Installation
from jalon.runtime.instance import Instance
from jalon.settings import Settings
from producers.sinks import KafkaSink

SMOKE_TENANT = "smoke"


class Via(StrEnum):
    """The ways in."""

    LRS = "lrs"
    KAFKA = "kafka"


Files = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="JSON or JSON Lines, plain or gzipped; - is standard input.")
]
ViaOption = Annotated[Via, typer.Option(help="To the LRS over HTTP, or straight to Kafka.")]


def import_files(
    files: Files,
    tenant: Annotated[str, typer.Option(help="The tenant that the statements belong to.")],
    via: ViaOption = Via.LRS,
    rejected: Annotated[
        Path | None, typer.Option(help="Where rejected statements are written with their reasons.")
    ] = None,
) -> None:
    """Import statements, wait until all are stored, and end with one line of JSON.

    The exit status is 0 only if read = accepted + duplicate + rejected and the store grew by what was accepted.
    """
    installation = Installation.of(Settings.load())
    get_tenant(installation.engine, tenant)
    _finish(_import(installation, files, tenant, via, rejected))


def smoke(
    files: Files,
    via: ViaOption = Via.LRS,
    data: Annotated[Path | None, typer.Option(help="Keep the data in this directory.")] = None,
) -> None:
    """Start a throw-away instance on free ports, import the files, print the line of JSON last, and stop."""
    with ExitStack() as stack:
        directory = data or Path(stack.enter_context(TemporaryDirectory(prefix="jalon-smoke-")))
        instance = Instance(Settings.for_directory(directory.absolute()))
        try:
            with StepsShown() as steps:
                instance.start(steps.report, with_parent=True)
            instance.installation.add_tenant(SMOKE_TENANT, SMOKE_TENANT, "Europe/Paris")
            outcome = _import(instance.installation, files, SMOKE_TENANT, via, None)
        finally:
            instance.stop()
    _finish(outcome)


def _import(installation: Installation, files: list[str], tenant: str, via: Via, rejected_path: Path | None) -> Outcome:
    settings = installation.settings
    path = rejected_path or settings.data_dir / "rejected" / f"{tenant}-{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"
    with (
        closing(connect(installation.owner_address)) as client,
        RejectedFile(path) as rejected,
        _open_route(installation, tenant, via) as route,
        Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=err,
        ) as progress,
    ):
        task = progress.add_task(f"importing into {tenant}", total=None)
        outcome = import_statements(
            read_statements(files),
            route,
            TenantStore(settings, client, tenant),
            rejected,
            progress=lambda count: progress.advance(task, count),
        )
    if rejected.count:
        err.print(f"Rejected statements, with their reasons: {path}", markup=False)
    return outcome


@contextmanager
def _open_route(installation: Installation, tenant: str, via: Via) -> Iterator[Route]:
    settings = installation.settings
    if via is Via.KAFKA:
        with (
            closing(connect(installation.owner_address)) as client,
            KafkaSink(
                settings.kafka_servers, tenant, SOURCE, topic=settings.topic, access=settings.kafka_access
            ) as sink,
        ):
            yield KafkaRoute(sink, client, tenant, settings.topic)
        return
    # A credential for this import alone, refused as soon as it is over.
    credential, secret = add_credential(
        installation.engine,
        tenant,
        "import",
        scopes={"statements/write", "define"},
        key=f"import-{secrets.token_hex(8)}",
    )
    route = LrsRoute(f"{settings.lrs_local_url}/xAPI", credential.key, secret)
    try:
        yield route
    finally:
        route.close()
        disable_credential(installation.engine, credential.key)


def _finish(outcome: Outcome) -> None:
    if outcome.problem:
        err.print(outcome.problem, markup=False)
    print_json(outcome.report.to_json())
    if outcome.problem:
        raise typer.Exit(1)
