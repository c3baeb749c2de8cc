"""Groups of commands whose modules are loaded when they are called, or when help tells of all.

Together they take several times as long to load as most commands take to run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group


class Entry(NamedTuple):
    """Where a command is: a function or a Typer application of a module of `jalon.commands`.

    `also` names the modules that add commands of their own to the application; `wrap` makes a command of the function.
    """

    module: str
    attribute: str = "app"
    also: tuple[str, ...] = ()
    hidden: bool = False
    wrap: Callable[[Any], Callable[..., Any]] | None = None


def make_group(entries: Mapping[str, Entry]) -> type[TyperGroup]:
    """Return the class of a group that has these commands, and after them those declared on it."""

    class Group(TyperGroup):
        # Contexts and commands are of Typer's own copy of click, whose types it does not publish.
        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 (see above)
            return [*entries, *super().list_commands(ctx)]

        def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 (see above)
            entry = entries.get(cmd_name)
            return super().get_command(ctx, cmd_name) if entry is None else _load(cmd_name, entry)

    return Group


def _load(name: str, entry: Entry) -> Any:  # noqa: ANN401 (see make_group)
    found: Any = getattr(import_module(f"jalon.commands.{entry.module}"), entry.attribute)
    for module in entry.also:
        import_module(f"jalon.commands.{module}")
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
    else:
        single = typer.Typer(add_completion=False)
        single.command(name)(entry.wrap(found) if entry.wrap else found)
        command = get_command(single)
    command.name, command.hidden = name, entry.hidden
    return command
