"""`jalon subject export`: all that is held on a person, for that person."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from clickhouse.connection import connect
from identity.audit import Event
from identity.persons import list_pseudonyms
from identity.tenants import get_tenant
from jalon.commands.accountability import Why, name_operator
from jalon.commands.output import err, print_json
from jalon.commands.subjects import Subject, app, read_subject
from jalon.exporting.archive import writing_archive
from jalon.exporting.subject import Counts, SubjectExport
from jalon.importing.store_view import TenantStore
from jalon.installation import Installation
from jalon.settings import Settings


@app.command("export")
def export_subject(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")],
    person: Subject,
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="Where to write it; nothing may be there yet.")],
    why: Why,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Gather all that is held on a person into a ZIP archive, for that person alone.

    Written whole or not at all, readable by you only. Where nothing is held, it says so and writes no file.
    """
    installation = Installation.of(Settings.load())
    agent = read_subject(person)
    pseudonyms = list_pseudonyms(installation.vault, tenant, [agent])
    digest, counts = _export(installation, tenant, pseudonyms, file.absolute(), why)
    if as_json:
        print_json({"file": str(file.absolute()) if digest else None, "sha256": digest or None, **asdict(counts)})
    elif digest:
        told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in asdict(counts).items() if count)
        err.print(f"{file}: {told}. SHA-256 {digest}", markup=False, soft_wrap=True)
    else:
        err.print(f"Nothing is held on this person in tenant {tenant}: no file was written.", markup=False)


def _export(
    installation: Installation, tenant: str, pseudonyms: frozenset[str], path: Path, why: str
) -> tuple[str, Counts]:
    """Write the archive and tell the audit trail, before the archive is where it is to be; "" when nothing is held."""
    found = get_tenant(installation.engine, tenant)
    about = " ".join(sorted(pseudonyms))
    with closing(connect(installation.owner_address)) as client:
        # What was accepted is held, whether or not it can be read yet.
        TenantStore(installation.settings, client, tenant).wait_until_stored()
        with writing_archive(path) as archive:
            export = SubjectExport(installation, client, installation.open_attachments(), found, pseudonyms)
            counts = export.write(archive)
            digest = "" if counts.nothing else archive.complete(export.describe(counts))
            details = {"sha256": digest, **asdict(counts)}
            installation.audit.append(Event(tenant, name_operator(), "subject-exported", about, why, details))
    return digest, counts
