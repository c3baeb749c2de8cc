"""`jalon produce NAME ...`: what a source system holds, as statements, to Kafka or to an LRS.

A source's command says which options it has and returns the source; `source_command` adds what all have in common
and runs it. A new source is a module of `producers` and one function here.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
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
from producers.bigbluebutton import BigBlueButtonSource, Conventions
from producers.checkpoint import Checkpoint
from producers.errors import DeliveryError, ProducerError
from producers.gaia import GaiaSource
from producers.gaia.extracts import Reading
from producers.naming import DEFAULT_HOME, Naming
from producers.production import Report, Sink, produce
from producers.rows import Source
from producers.sinks import KafkaSink, LrsSink
from producers.zoom import ZoomSource, reports
from producers.zoom.source import TOPIC_PATTERN, Meetings
from xapi_profiles.record import VERSIONS, check_origin
from xapi_profiles.vocabulary import Modality

app = typer.Typer(help="Source systems: read what they hold and send it as statements.", no_args_is_help=True)

DEFAULT_ZONE = "Europe/Paris"


class DateOrder(StrEnum):
    """How dates such as 03/04/2026 are read."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


_DATE_ORDERS: dict[DateOrder, reports.DateOrder] = {
    DateOrder.DAY_FIRST: "day-first",
    DateOrder.MONTH_FIRST: "month-first",
}


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


@app.command("gaia")
@source_command
def read_gaia(
    setting: Setting,
    folder: Annotated[Path, typer.Argument(help="A daily folder (YYYYMMDD), or the folder of them.")],
    encoding: Annotated[str, typer.Option(help="Encoding of the files.")] = "cp1252",
    place_type: Annotated[
        list[str] | None,
        typer.Option(metavar="TYPE=MODALITY", help="What a place type means, such as VISIO=remote; * is any other."),
    ] = None,
    largest_loss: Annotated[
        float, typer.Option(min=0, max=1, help="Share of slots or registrations that one extract may withdraw.")
    ] = 0.5,
) -> Source:
    """GAIA's daily extracts: sessions planned, changed and cancelled, registrations and withdrawals."""
    reading = Reading(setting.zone, encoding, dict(map(_parse_place_type, place_type or ())))
    return GaiaSource(folder, reading, largest_loss=largest_loss)


@app.command("bigbluebutton")
@source_command
def read_bigbluebutton(
    setting: Setting,
    file: Annotated[str, typer.Argument(help="Bodies of webhooks, one a line; - follows standard input.")],
    prefix: Annotated[str, typer.Option(help="What stands before the session in a meeting's external id.")] = "",
    home_page: Annotated[
        str, typer.Option(help="Home page of accounts made of external user ids that are no e-mail addresses.")
    ] = "",
    moderators: Annotated[bool, typer.Option("--moderators", help="Count moderators as learners.")] = False,
) -> Source:
    """BigBlueButton's webhooks: who joined a session and who left it."""
    page = home_page or setting.naming.system(BigBlueButtonSource.name)
    return BigBlueButtonSource(file, Conventions(page, prefix, moderators))


@app.command("zoom")
@source_command
def read_zoom(
    setting: Setting,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Participant reports (CSV).")],
    session: Annotated[str, typer.Option(help="The session of these reports; else the topic tells it.")] = "",
    topic_pattern: Annotated[
        str, typer.Option(help="Regular expression whose first group finds the session in a topic.")
    ] = TOPIC_PATTERN,
    dates: Annotated[DateOrder | None, typer.Option(help="How dates are read where a report leaves it open.")] = None,
    host: Annotated[bool, typer.Option("--host", help="Count the host as a learner.")] = False,
) -> Source:
    """Zoom's participant reports: who joined a session and who left it."""
    order = _DATE_ORDERS[dates] if dates else None
    return ZoomSource(files, Meetings(setting.zone, session, topic_pattern, order, host))


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
) -> None:
    installation = Installation.of(Settings.load())
    # To an LRS elsewhere, the tenant need not exist here: its name is in the ids alone.
    known = get_tenant(installation.engine, tenant) if lrs is None else None
    setting = Setting(Naming(tenant, home or None), _zone(timezone or (known.timezone if known else DEFAULT_ZONE)))
    source = build(setting)
    check_origin(tenant, source.name, VERSIONS[0])
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


@contextmanager
def _open_sink(settings: Settings, lrs: Path | None, tenant: str, source: str) -> Iterator[Sink]:
    if lrs is None:
        with KafkaSink(settings.kafka_servers, tenant, source, topic=settings.topic) as kafka:
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


def _parse_place_type(text: str) -> tuple[str, Modality]:
    place_type, _, modality = text.rpartition("=")
    try:
        return place_type, Modality(modality)
    except ValueError:
        choices = ", ".join(one.value for one in Modality)
        raise WrongInput(f"--place-type {text} is not TYPE=MODALITY, with a modality of {choices}.") from None
