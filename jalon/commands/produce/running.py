"""One run of a source from the command line: the options that all sources have, progress, and the closing line."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from identity.tenants import get_tenant
from jalon.commands.output import err, print_json
from jalon.errors import JalonError, NotRunning, WrongInput
from jalon.installation import Installation
from jalon.settings import Settings
from producers.checkpoint import Checkpoint
from producers.errors import DeliveryError, ProducerError
from producers.naming import DEFAULT_HOME, Naming
from producers.production import Report, Sink, map_rows, produce
from producers.rows import Rejected, Source
from producers.sinks import KafkaSink, LrsSink
from xapi_profiles.record import VERSIONS, check_origin

DEFAULT_ZONE = "Europe/Paris"
FIRST = 3
"""How many statements a dry run prints."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What every source may need to know: how the tenant's things are named, and its time zone."""

    naming: Naming
    zone: ZoneInfo


def _common(
    tenant: Annotated[str, typer.Option(help="The tenant that the statements belong to.")],
    home: Annotated[
        str, typer.Option(help=f"Base of the IRIs of the institution's activities; else {DEFAULT_HOME}.")
    ] = "",
    timezone: Annotated[
        str, typer.Option(help=f"IANA time zone of the source's times; else the tenant's, or {DEFAULT_ZONE}.")
    ] = "",
    lrs: Annotated[
        Path | None,
        typer.Option(help="Send to an LRS, not to Kafka: the file that `jalon credential add --json` printed."),
    ] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder that remembers what was sent; else `producers` in the data directory.")
    ] = None,
    rejected: Annotated[
        Path | None, typer.Option(help="File to which rejected rows are added; else beside the checkpoints.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Forget what was sent before, and send all again (under the same ids).")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the first statements as JSON; send and remember nothing.")
    ] = False,
    first: Annotated[int, typer.Option(min=1, help="How many statements --dry-run prints.")] = FIRST,
) -> None:
    """Declare the options of every source."""


def source_command(build: Callable[..., Source]) -> Callable[..., None]:
    """Return the Typer command of a source: `build`'s parameters after the Setting, then the common options."""
    own = list(inspect.signature(build, eval_str=True).parameters.values())[1:]
    common = list(inspect.signature(_common, eval_str=True).parameters.values())
    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in sorted([*own, *common], key=lambda one: one.default is not one.empty)
    ]

    @wraps(build)
    def command(**options: Any) -> None:  # noqa: ANN401 (Typer passes what the signature declares)
        shared = {parameter.name: options.pop(parameter.name) for parameter in common}
        _run(lambda setting: build(setting, **options), **shared)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _run(
    build: Callable[[Setting], Source],
    *,
    tenant: str,
    home: str,
    timezone: str,
    lrs: Path | None,
    checkpoints: Path | None,
    rejected: Path | None,
    again: bool,
    dry_run: bool,
    first: int,
) -> None:
    installation = Installation.of(Settings.load())
    # To an LRS elsewhere, the tenant need not exist here: its name is in the ids alone.
    known = get_tenant(installation.engine, tenant) if lrs is None else None
    naming = Naming(tenant, home or None, installation.names_secret(tenant) if known else b"")
    setting = Setting(naming, _zone(timezone or (known.timezone if known else DEFAULT_ZONE)))
    try:
        source = build(setting)
        check_origin(tenant, source.name, VERSIONS[0])
        if dry_run:
            _show(source, setting.naming, first)
            return
    except ProducerError as error:
        raise _translate(error) from error
    directory = checkpoints or installation.settings.data_dir / "producers"
    rejected_file = rejected or directory / tenant / f"{source.name}-rejected.jsonl"
    started = time.monotonic()
    try:
        with (
            Checkpoint(directory, tenant, source.name) as checkpoint,
            _open_sink(installation.settings, lrs, tenant, source.name) as sink,
            _progress(source.name) as show,
        ):
            if again:
                checkpoint.forget()
            report = produce(source, setting.naming, sink, checkpoint, rejected_file, progress=show)
    except ProducerError as error:
        raise _translate(error) from error
    for reason, count in report.reasons.most_common():
        err.print(f"  {count} rejected: {reason}", markup=False, highlight=False)
    if report.rejected:
        err.print(f"Rejected rows, with their reasons: {rejected_file}", markup=False, highlight=False)
    counts = {key: value for key, value in asdict(report).items() if key != "reasons"}
    print_json({**counts, "seconds": round(time.monotonic() - started, 3)})


def _show(source: Source, naming: Naming, first: int) -> None:
    """Print the first statements, one a line, and what was rejected before them."""
    shown = 0
    for outcome in map_rows(source, source.read(None), naming):
        if isinstance(outcome, Rejected):
            err.print(f"  {outcome.place.file}:{outcome.place.line} rejected: {outcome.reason}", markup=False)
            continue
        print_json(outcome)
        shown += 1
        if shown == first:
            return


@contextmanager
def _open_sink(settings: Settings, lrs: Path | None, tenant: str, source: str) -> Iterator[Sink]:
    if lrs is None:
        with KafkaSink(
            settings.kafka_servers, tenant, source, topic=settings.topic, access=settings.kafka_access
        ) as kafka:
            yield kafka
        return
    try:
        credential = orjson.loads(lrs.read_bytes())
        endpoint, key, secret = (str(credential[name]) for name in ("endpoint", "key", "secret"))
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise WrongInput(
            f"{lrs} is no credential: give the file that `jalon credential add --json` printed (endpoint, key, secret)."
        ) from error
    with LrsSink(endpoint, key, secret, through_proxy=True) as sink:
        yield sink


@contextmanager
def _progress(source: str) -> Iterator[Callable[[Report], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(source)

        def show(report: Report) -> None:
            progress.update(
                task,
                description=f"{source}: {report.read} rows read, {report.sent} statements sent, "
                f"{report.skipped} known, {report.rejected} rows rejected",
            )

        yield show


def _translate(error: ProducerError) -> JalonError:
    kind = NotRunning if isinstance(error, DeliveryError) else WrongInput
    return kind(str(error))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise WrongInput(f"{name} is no IANA time zone, such as {DEFAULT_ZONE}.") from error
