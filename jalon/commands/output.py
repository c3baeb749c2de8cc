"""How the command line talks: results on stdout, everything else on stderr, colours only where somebody looks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

out = Console()
err = Console(stderr=True)


def print_json(value: Any) -> None:  # noqa: ANN401 (anything that JSON carries)
    """Print one JSON document on one line, for programs."""
    print(json.dumps(value, ensure_ascii=False))  # rich would wrap it


def print_once(fields: Mapping[str, str], *, beside: Mapping[str, Any], as_json: bool) -> None:
    """Print what somebody signs in with; the last field is the one that is kept nowhere. `beside` is for programs."""
    if as_json:
        print_json({**beside, **fields})
        return
    width = max(map(len, fields)) + 2
    for name, value in fields.items():
        out.print(f"{name:{width}}{value}", markup=False, highlight=False, soft_wrap=True)
    err.print(f"The {list(fields)[-1]} is not shown again.")


class StepsShown:
    """Shows steps that go on side by side: live where somebody looks, a line each where the output goes to a file."""

    def __init__(self, console: Console = err) -> None:
        """Show nothing before `__enter__`."""
        self._console = console
        self._states: dict[str, str] = {}
        self._live = Live(console=console, transient=True, refresh_per_second=8) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def report(self, what: str, state: str) -> None:
        """Show that `what` is in this state; '' means that it is done."""
        if self._states.get(what) == state:
            return
        first_word = self._states.get(what, "").partition(",")[0]
        self._states[what] = state
        if self._live:
            self._live.update(self._draw())
        if not state:
            self._console.print(f"[green]✓[/green] {what}")
        elif not self._live and state.partition(",")[0] != first_word:
            self._console.print(f"  {what}: {state}", markup=False)

    def _draw(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for what, state in self._states.items():
            if state:
                table.add_row(Spinner("dots"), what, f"[dim]{state}[/dim]")
        return table
