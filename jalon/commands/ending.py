"""How a command ends: an expected failure is a sentence and an exit status, anything else a bug that shows itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

# Every package has one tree of errors, whose root is in its errors.py and has a `code`. Told apart by name, so that a
# process need not load the packages that it does not run.
OWN = frozenset(
    {"clickhouse", "grafana", "identity", "jalon", "lrs", "producers", "stream_processors", "xapi_profiles"}
)


def is_expected(error: Exception) -> bool:
    """Whether an error is one of ours, whose text is meant for the user."""
    return hasattr(error, "code") and any(kind.__module__.partition(".")[0] in OWN for kind in type(error).__mro__)


@contextmanager
def telling_failures() -> Iterator[None]:
    """End the program with one sentence on an expected failure: exit status 1, or 2 for wrong input or settings."""
    try:
        yield
    except Exception as error:
        if not is_expected(error):
            raise
        sys.stderr.write(f"jalon: {error}\n")
        sys.exit(getattr(error, "exit_status", 1))


def run_and_exit(app: Callable[..., object], arguments: list[str] | None = None, *, name: str) -> NoReturn:
    """Run a Typer application and exit."""
    with telling_failures():
        app(arguments, prog_name=name)
    sys.exit(0)
