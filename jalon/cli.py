"""The `jalon` command: every command in one place."""

from __future__ import annotations

import logging
from typing import NoReturn

import typer

from jalon import __version__
from jalon.commands import demo, importing, migrate, produce, run, running, tenants
from jalon.commands.ending import run_and_exit

app = typer.Typer(
    name="jalon",
    help="An event-streaming learning record store with real-time analytics.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they would print secrets that a frame holds
    add_completion=False,
)
app.command()(running.up)
app.command()(running.down)
app.command()(running.status)
app.command("import")(importing.import_files)
app.command()(importing.smoke)
app.command()(demo.demo)
app.command()(demo.demo)
app.add_typer(produce.app, name="produce")
app.add_typer(tenants.tenant_app, name="tenant")
app.add_typer(tenants.credential_app, name="credential")
app.add_typer(tenants.viewer_app, name="viewer")
app.command()(migrate.migrate)
app.add_typer(run.app, name="run", hidden=True)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and exit: 0 done, 1 refused or failed, 2 wrong usage or settings, 130 interrupted."""
    # A client's own complaints while it retries are not for the user; what fails in the end is told by an error.
    for name in ("aiokafka", "alembic", "httpx", "kafka", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    run_and_exit(app, arguments, name="jalon")
