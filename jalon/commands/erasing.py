"""`jalon subject erase` and `jalon subject receipt`: a person erased for good, and the proof of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from identity import receipts
from identity.erasures import parse_later
from jalon.commands.accountability import Why, name_operator
from jalon.commands.output import err, out, print_json
from jalon.commands.subjects import Subject, app, read_subject
from jalon.errors import WrongInput
from jalon.installation import Installation
from jalon.settings import Settings

receipt_app = typer.Typer(help="Receipts of erasures: signed by this installation.", no_args_is_help=True)
app.add_typer(receipt_app, name="receipt")

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A receipt.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command()
def erase(
    tenant: Annotated[str, typer.Argument(metavar="TENANT")],
    person: Subject,
    why: Why,
    later: Annotated[
        str, typer.Option(help="Statements of that person that come later: `refuse`, or take as of a `new-person`.")
    ] = "refuse",
    receipt: Annotated[Path | None, typer.Option(help="Also write the receipt here.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Destroy a person's key and what else is held, for good; again finishes what was broken off.

    Statements stay as nobody's, so that counts stay true.
    """
    from jalon.erasing import Erasing, write_receipt  # noqa: PLC0415 (few commands need the object store)

    becomes = parse_later(later)
    if not yes:
        if person == "-" or not sys.stdin.isatty():
            raise WrongInput("An erasure cannot be undone: give --yes where nobody can be asked.")
        typer.confirm("This cannot be undone, by nobody. Erase?", abort=True, err=True)
    agents = [read_subject(person)]
    installation = Installation.of(Settings.load())
    erasing = Erasing(installation)
    numbers = erasing.order(tenant, agents, later=becomes, who=name_operator(), why=why)
    err.print(
        "The keys are destroyed: from now on nobody is found. Reaching what else is held "
        "(if that is broken off, give the command again) …"
    )
    signed = ""
    for number in numbers:
        signed = erasing.finish(number, agents)
        err.print(f"Receipt: {erasing.locate_receipt(tenant, number)}", markup=False, soft_wrap=True)
    if receipt is not None:
        write_receipt(receipt, signed)
    content = receipts.read(installation.master, signed)
    _show(content, as_json=as_json)
    if not any(content["reached"].values()):
        err.print("Nothing was held under this name: is it the one that statements have?")


@receipt_app.command("show")
def show(file: File, as_json: AsJson = False) -> None:
    """Check that a receipt is this installation's and whole, and print what it says."""
    _show(receipts.read(Installation.of(Settings.load()).master, _read(file)), as_json=as_json)


@receipt_app.command("apply")
def apply(file: File, why: Why) -> None:
    """Erase again whom a receipt tells of, after every place was restored to a state from before."""
    from jalon.erasing import Erasing  # noqa: PLC0415

    number = Erasing(Installation.of(Settings.load())).apply(_read(file), who=name_operator(), why=why)
    err.print(f"Erased, as number {number} of the audit trail.")


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _show(content: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(content)
        return
    for name, value in _flatten(content):
        out.print(f"{name:32} {value}".rstrip(), markup=False, highlight=False, soft_wrap=True)


def _flatten(content: dict[str, Any]) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for name, value in content.items():
        if isinstance(value, dict):
            lines += [(name, ""), *((f"  {inner}", text) for inner, text in _flatten(value))]
        elif isinstance(value, list):
            lines += [(name, _one_line(item)) for item in value] or [(name, "none")]
        else:
            lines.append((name, str(value)))
    return lines


def _one_line(item: object) -> str:
    return " ".join(f"{key}={value}" for key, value in item.items()) if isinstance(item, dict) else str(item)
