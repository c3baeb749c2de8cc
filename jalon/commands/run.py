"""`jalon run …`: one process of the product, as a supervisor or a container starts it; people use `jalon up`."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from jalon import processes
from jalon.commands.ending import run_and_exit
from jalon.commands.output import StepsShown
from jalon.errors import NotRunning, WrongInput
from jalon.logs import configure_logging
from jalon.runtime import kafka_jars
from jalon.runtime.leftovers import read_recorded, record_process
from jalon.runtime.passwords import complete
from jalon.runtime.supervisor import end_with_parent, exec_supervisor, find_program
from jalon.settings import Settings

app = typer.Typer(help="Run one process of the product.", no_args_is_help=True)

SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="The settings as `jalon up` wrote them.", hidden=True)
]


@app.command()
def kafka(settings: SettingsFile = None) -> None:
    """Run the embedded Kafka."""
    processes.run_kafka(_begin("kafka", settings, becomes_another=True))


@app.command()
def clickhouse(settings: SettingsFile = None) -> None:
    """Run the embedded ClickHouse server."""
    processes.run_clickhouse(_begin("clickhouse", settings))


@app.command()
def lrs(settings: SettingsFile = None) -> None:
    """Run the LRS."""
    processes.run_lrs(_begin("lrs", settings))


@app.command()
def worker(
    settings: SettingsFile = None,
    number: Annotated[int, typer.Option(min=1, help="Which worker this is; every one needs its own.")] = 1,
) -> None:
    """Run a stream processor."""
    processes.run_worker(_begin(f"worker-{number}", settings), number)


@app.command()
def boards(settings: SettingsFile = None) -> None:
    """Run the built-in boards."""
    processes.run_boards(_begin("boards", settings))


@app.command()
def webhooks(settings: SettingsFile = None) -> None:
    """Run the receivers of other systems' webhooks."""
    processes.run_webhooks(_begin("webhooks", settings))


@app.command()
def scheduler(settings: SettingsFile = None) -> None:
    """Run the scheduler: what is done for each tenant at night, such as retention."""
    processes.run_scheduler(_begin("scheduler", settings))


@app.command()
def jars() -> None:
    """Fetch Kafka's jars into the virtual environment, unless they are there."""
    folder = kafka_jars.default_folder()
    if kafka_jars.are_complete(folder):
        return
    with StepsShown() as steps:
        kafka_jars.fetch(folder, progress=partial(_show_progress, steps))
        steps.report("jars", "")


@app.command()
def check(process: Annotated[str, typer.Argument(help="lrs, boards, worker-1, …")]) -> None:
    """Tell whether a process does its work; the exit status is 0 only if so. For the health checks of containers."""
    from jalon.runtime.readiness import build_checks  # noqa: PLC0415 (no other process needs it)

    checks = build_checks(Settings.load())
    if process not in checks:
        raise WrongInput(f"There is no process {process}; there are {', '.join(checks)}.")
    if problem := checks[process]():
        raise NotRunning(f"{process} is not ready: {problem}.")


@app.command(hidden=True)
def supervisor(config: Path, with_parent: Annotated[bool, typer.Option("--with-parent")] = False) -> None:
    """Run the supervisor with a configuration that `jalon up` wrote."""
    record_process(config.parent, "supervisor")
    exec_supervisor(config, with_parent=with_parent)


def _show_progress(steps: StepsShown, done: int, total: int) -> None:
    steps.report("jars", kafka_jars.describe_progress(done, total))


def main() -> NoReturn:
    """Run what the arguments say, as the supervisor calls it."""
    run_and_exit(app, name="jalon run")


def _begin(name: str, file: Path | None, *, becomes_another: bool = False) -> Settings:
    """Return the process's settings. One that is supervised ends with its supervisor, and leaves its pid.

    It may then take as long as when its supervisor ends it. What `becomes_another` program cannot watch that.
    """
    configure_logging()
    if file is None:
        return complete(Settings.load())
    settings = Settings.restore(file.read_text(encoding="utf-8")).with_vault_secrets(os.environ)
    seconds = None if becomes_another else find_program(settings, name).stop_seconds
    end_with_parent(read_recorded(settings.run, "supervisor"), seconds=seconds)
    for secret in settings.vault_secrets():
        del os.environ[secret]  # no program that this process starts, or becomes, has a use for it
    record_process(settings.run, name)
    return settings


if __name__ == "__main__":
    main()
