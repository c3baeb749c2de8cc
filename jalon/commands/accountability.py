"""Who gives a command, and why: what the audit trail is told of it."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

Why = Annotated[str, typer.Option("--why", help="The reason, for the audit trail. Name no person in it.")]


def name_operator() -> str:
    """Return who gives this command, as the audit trail names them."""
    try:
        return f"operator:{getpass.getuser()}"
    except (KeyError, OSError):  # a container may run under a number that has no name
        return "operator:unknown"
