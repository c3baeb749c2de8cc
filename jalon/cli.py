"""The `jalon` command: every command in one place."""

from __future__ import annotations

import logging
from typing import NoReturn

import typer

from jalon import __version__
from jalon.commands.ending import run_and_exit
from jalon.commands.loading import Entry, make_group

_ENTRIES = {
    "up": Entry("running", "up"),
    "down": Entry("running", "down"),
    "status": Entry("running", "status"),
    "import": Entry("importing", "import_files"),
    "smoke": Entry("importing", "smoke"),
    "demo": Entry("demo", "demo"),
    "simulate": Entry("simulating", "simulate"),
    "produce": Entry("produce"),
    "tenant": Entry("tenants", "tenant_app", also=("persons",)),
    "credential": Entry("tenants", "credential_app"),
    "account": Entry("accounts"),
    "analyst": Entry("analysts"),
    "webhook": Entry("webhooks"),
    "checkin": Entry("checkin"),
    "subject": Entry("subjects", also=("persons", "erasing", "subject_export")),
    "dead-letters": Entry("dead_letters"),
    "policy": Entry("policies"),
    "profile": Entry("profiles"),
    "disclosure": Entry("disclosure"),
    "retention": Entry("retention"),
    "audit": Entry("audit"),
    "vault": Entry("vault"),
    "migrate": Entry("migrate", "migrate"),
    "run": Entry("run", hidden=True),
}


app = typer.Typer(
    name="jalon",
    cls=make_group(_ENTRIES),
    help="An event-streaming learning record store with real-time analytics.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they would print secrets that a frame holds
    add_completion=False,
)


@app.callback()
def _have_commands() -> None:
    """Make a group of the application, although only one command is declared here."""


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
