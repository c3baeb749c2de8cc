"""`jalon simulate`: a year of an invented institute as its systems' files, or its present day into what runs."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jalon.commands.output import err, print_json
from jalon.errors import NotRunning, WrongInput
from jalon.installation import Installation, find_running
from jalon.settings import Settings
from producers.errors import DeliveryError, ProducerError
from producers.naming import DEFAULT_HOME, Naming

_DAY = "%Y-%m-%d"


def simulate(
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="A new or empty directory for the files.")] = None,
    trainees: Annotated[int, typer.Option(min=1, help="Who trains in all these days.")] = 24_000,
    days: Annotated[int, typer.Option(min=1, max=3660, help="Days from the first one on.")] = 365,
    seed: Annotated[int, typer.Option(min=0, help="Another institute.")] = 7,
    first_day: Annotated[datetime, typer.Option(formats=[_DAY], help="The first day.")] = datetime(2025, 9, 1),  # noqa: DTZ001 - a date
    tenant: Annotated[str, typer.Option(help="The tenant in whose name the rooms' tablets speak.")] = "institut",
    home: Annotated[str, typer.Option(help=f"Base of the IRIs in what they say; else {DEFAULT_HOME}.")] = "",
    live: Annotated[
        bool,
        typer.Option("--live", help="Instead, play the present day into the running instance, as `make demo`."),
    ] = False,
    speed: Annotated[float, typer.Option(min=1.1, help="With --live: how fast the day so far is told.")] = 60.0,
    rate: Annotated[float, typer.Option(min=0.1, max=200, help="With --live: events a second, about.")] = 2.0,
) -> None:
    """Simulate an institute: its systems' files with the truth that boards must show, or its present day."""
    if live == (out is not None):
        raise WrongInput("Give either a directory to write to with --out, or --live.")
    if out is None:
        _play(seed, speed, rate)
        return
    from producers.simulation.year import Size, write_year  # noqa: PLC0415 - numpy and mimesis are slow to load

    started = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("days")
        try:
            truth = write_year(
                Size(trainees, days, seed, first_day.date()),
                out,
                Naming(tenant, home or None),
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
        except ProducerError as error:
            raise WrongInput(str(error)) from error
    told = orjson.loads(truth.read_bytes())
    counts = {
        "truth": str(truth),
        "sessions": told["sessions"]["planned"],
        "registrations": told["registrations"]["happened"],
        "statements": sum(source["statements"] for source in told["sources"].values()),
    }
    print_json({**counts, "seconds": round(time.monotonic() - started, 3)})


def _play(seed: int, speed: float, rate: float) -> None:
    """Play the present day, from its beginning and in accelerated time, into the running instance; until Ctrl-C."""
    from jalon.commands.demo import find_target, play_shown, prepare_tenant  # noqa: PLC0415 - for this way alone
    from jalon.demo import stream_live  # noqa: PLC0415

    settings = Settings.load()
    if settings.runtime == "embedded" and find_running(settings) is None:
        raise NotRunning(f"Nothing runs in {settings.data_dir}: start it with `jalon up`.")
    installation = Installation.of(settings)
    target = find_target(installation, prepare_tenant(installation))
    try:
        played = play_shown(installation, target, seed, to_its_start=True)
        err.print(f"The day goes on {speed:g} times as fast, until it has caught up. Ctrl-C stops it.")
        stream_live(target, played, rate=rate, speed=speed)
    except DeliveryError as error:
        raise NotRunning(str(error)) from error
    except ProducerError as error:
        raise WrongInput(str(error)) from error
