"""`jalon up`, `down` and `status`: the whole product, started, stopped and looked at."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.table import Table

from jalon.commands.output import StepsShown, err, out, print_json
from jalon.errors import NotRunning, StartFailed
from jalon.installation import find_running
from jalon.runtime.instance import Instance, ProcessStatus, list_addresses, stop_directory
from jalon.settings import Settings

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


class _Terminated(BaseException):
    """Ctrl-C, SIGTERM or the terminal's end: stop everything."""


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once everything is ready.")] = False,
) -> None:
    """Start everything, wait until it is ready, and stop it at Ctrl-C."""
    instance = Instance(Settings.load())
    with stopped_by_signals(instance):
        with StepsShown() as steps:
            instance.start(steps.report, with_parent=not detach)
        print_addresses(instance.settings)
        if not detach:
            err.print("Ctrl-C stops everything.")
            wait_for_end(instance)


@contextmanager
def stopped_by_signals(instance: Instance) -> Iterator[None]:
    """Take Ctrl-C, SIGTERM and the terminal's end as the order to stop an instance in peace, and return then."""
    # SIGINT too: a shell that starts a command in the background has it ignored, and it would stay so.
    previous = {number: signal.signal(number, _terminate) for number in _SIGNALS}
    try:
        yield
    except _Terminated:
        # Once is enough: an impatient second Ctrl-C must not leave things half-stopped.
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        signal.alarm(0)
        err.print("Stopping …")
        instance.stop()
        err.print("Stopped.")
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def wait_for_end(instance: Instance) -> None:
    """Return never, but by Ctrl-C; raises StartFailed when the supervisor ends by itself."""
    if instance.process is None:
        raise NotRunning("Nothing was started.")
    instance.process.wait()
    instance.stop()
    raise StartFailed(f"The supervisor ended: see {instance.settings.logs / 'supervisord.log'}.")


def print_addresses(settings: Settings) -> None:
    """Print where everything is reached."""
    addresses = list_addresses(settings)
    table = Table.grid(padding=(0, 2))
    table.add_row("LRS", addresses["lrs"])
    table.add_row("Boards", addresses["boards"])
    table.add_row("Webhooks", addresses["webhooks"])
    table.add_row("Kafka", addresses["kafka"])
    table.add_row("ClickHouse", addresses["clickhouse"])
    table.add_row("Data", str(settings.data_dir))
    out.print(table)


def down() -> None:
    """Stop everything that runs in the data directory."""
    names = stop_directory(Settings.load())
    err.print(f"Stopped {', '.join(names)}.")


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show every process; the exit status is 0 only if all are ready."""
    wanted = Settings.load()
    settings = find_running(wanted)
    if settings is None:
        raise NotRunning(f"Nothing runs in {wanted.data_dir}: start it with `jalon up`.")
    processes = Instance(settings).read_status()
    ready = all(not process.problem for process in processes)
    if as_json:
        print_json(
            {"ready": ready, "data_dir": str(settings.data_dir), "processes": [asdict(each) for each in processes]}
        )
    else:
        out.print(_draw(processes))
    if not ready:
        raise typer.Exit(1)


def _draw(processes: list[ProcessStatus]) -> Table:
    table = Table("process", "state", "pid", "up for", "memory", "address", "ready")
    for each in processes:
        table.add_row(
            each.name,
            each.state,
            str(each.pid or ""),
            _format_seconds(each.seconds),
            f"{each.memory_mib} MiB" if each.memory_mib else "",
            each.address,
            f"[red]{each.problem}[/red]" if each.problem else "[green]yes[/green]",
        )
    return table


def _format_seconds(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    # What a handler raises is lost where it runs inside a destructor: so it is raised again until it is heard.
    signal.alarm(2)
    raise _Terminated
