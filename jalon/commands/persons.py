"""`jalon subject link|unlink|links|link-file|restrict|release|restrictions` and `jalon tenant rotate-key`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from identity.linking import link, list_links, rotate_key, unlink, write_moment
from identity.links import Link
from identity.orders import Order
from identity.restrictions import Ground, list_restrictions, release, restrict
from jalon.commands.accountability import Why, name_operator
from jalon.commands.output import err, out, print_json
from jalon.commands.subjects import Subject, app, read_subject
from jalon.commands.tenants import AsJson, tenant_app
from jalon.errors import WrongInput
from jalon.installation import Installation
from jalon.mapping import read_mapping
from jalon.persons import publishing
from jalon.replaying import RESTRICTED, Letters, read_letters, replay
from jalon.settings import Settings
from producers.sinks import RecordSink

Others = Annotated[list[str], typer.Argument(metavar="OTHER...", help="Other identifiers, named as PERSON is.")]
FromNow = Annotated[
    bool, typer.Option("--from-now", help="Only what is stored from now on counts as PERSON's, not the past.")
]


@app.command("link")
def link_subject(tenant: str, person: Subject, others: Others, from_now: FromNow = False, why: Why = "") -> None:
    """Say that identifiers are one person's. Boards and reads take them for one; nothing stored is rewritten."""
    people = [[read_subject(text) for text in (person, *others)]]
    _link(tenant, people, from_now=from_now, why=why)


@app.command("link-file")
def link_from_file(
    tenant: str,
    file: Annotated[Path, typer.Argument(help="CSV without a header: on each line all identifiers of one person.")],
    from_now: FromNow = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be linked.")] = False,
    why: Why = "",
) -> None:
    """Link what a file says, all of it or nothing. Running it again changes nothing."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongInput(f"{file} cannot be read as UTF-8 text ({type(error).__name__}).") from None
    _link(tenant, read_mapping(text, str(file)), from_now=from_now, why=why, rehearse=dry_run)


@app.command("unlink")
def unlink_subject(
    tenant: str,
    identifiers: Annotated[list[str], typer.Argument(metavar="IDENTIFIER...", help="Named as PERSON is elsewhere.")],
    why: Why = "",
) -> None:
    """Take back the link of an identifier to another person: it counts as before. A restriction stays with both."""
    installation = Installation.of(Settings.load())
    agents = [read_subject(text) for text in identifiers]
    with publishing(installation.owner_address, installation.vault, tenant):
        taken = unlink(installation.vault, installation.audit, _order(tenant, why), agents)
    _show(taken, as_json=False)
    err.print(f"{len(taken)} links are taken back.", markup=False)


@app.command("links")
def show_links(
    tenant: str,
    person: Annotated[str | None, typer.Argument(metavar="[PERSON]", help="Only those of this person.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show which pseudonyms count as which, of one person or of all."""
    installation = Installation.of(Settings.load())
    agent = None if person is None else read_subject(person)
    _show(list_links(installation.vault, tenant, agent), as_json=as_json)


@app.command("restrict")
def restrict_subject(
    tenant: str,
    person: Subject,
    why: Why,
    objection: Annotated[bool, typer.Option("--objection", help="On an objection (GDPR 21), not under 18.")] = False,
) -> None:
    """Pause the processing of a person: nothing of theirs is shown, and what comes is put aside until `release`."""
    installation = Installation.of(Settings.load())
    agent = read_subject(person)
    with publishing(installation.owner_address, installation.vault, tenant):
        ground: Ground = "objection" if objection else "restriction"
        members = restrict(installation.vault, installation.audit, _order(tenant, why), agent, ground)
    err.print(f"Processing is paused for this person ({len(members)} pseudonyms).", markup=False)


@app.command("release")
def release_subject(tenant: str, person: Subject, why: Why = "") -> None:
    """Let the processing of a person go on, with what was put aside meanwhile."""
    installation = Installation.of(Settings.load())
    settings = installation.settings
    agent = read_subject(person)
    with publishing(installation.owner_address, installation.vault, tenant):
        release(installation.vault, installation.audit, _order(tenant, why), agent)
    with publishing(installation.owner_address, installation.vault, tenant) as client:
        letters = read_letters(client, tenant, Letters(RESTRICTED))
        sent = replay(
            client,
            installation.vault,
            tenant,
            letters,
            lambda: RecordSink(settings.kafka_servers, settings.topic, access=settings.kafka_access),
        )
    err.print(f"Processing goes on for this person; {sent} statements put aside are on their way.", markup=False)


@app.command("restrictions")
def show_restrictions(tenant: str, as_json: AsJson = False) -> None:
    """Show for which pseudonyms processing is paused, since when and on which ground."""
    rows = [
        {"pseudonym": one.pseudonym, "ground": one.ground, "since": one.since.isoformat(timespec="seconds")}
        for one in list_restrictions(Installation.of(Settings.load()).vault, tenant)
    ]
    _print(rows, ("pseudonym", "ground", "since"), as_json=as_json)


@tenant_app.command("rotate-key")
def rotate_tenant_key(tenant: str, why: Why) -> None:
    """Give a tenant a new key for pseudonyms. Who was known stays the same person, and nothing is rewritten."""
    installation = Installation.of(Settings.load())
    with publishing(installation.owner_address, installation.vault, tenant):
        version = rotate_key(installation.vault, installation.audit, _order(tenant, why))
    err.print(f"Tenant {tenant} makes pseudonyms under version {version} of its key, within seconds.", markup=False)


def _link(tenant: str, people: list[list[dict[str, Any]]], *, from_now: bool, why: str, rehearse: bool = False) -> None:
    installation = Installation.of(Settings.load())
    vault = installation.vault
    since = datetime.now(UTC) if from_now else None
    with nullcontext() if rehearse else publishing(installation.owner_address, vault, tenant):
        made = link(vault, installation.audit, _order(tenant, why), people, since=since, rehearse=rehearse)
    _show(made, as_json=False)
    err.print(f"{len(made)} links {'would be' if rehearse else 'are'} made.", markup=False)


def _order(tenant: str, why: str) -> Order:
    return Order(tenant, name_operator(), why)


def _show(links: list[Link], *, as_json: bool) -> None:
    rows = [
        {
            "pseudonym": one.pseudonym,
            "person": one.person,
            "since": write_moment(one.since),
            "by": "rotation" if one.rotated else "operator",
        }
        for one in links
    ]
    _print(rows, ("pseudonym", "person", "since", "by"), as_json=as_json)


def _print(rows: Sequence[Mapping[str, str | None]], columns: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    if not rows:
        return
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(row[name] or "" for name in columns))
    out.print(table)
