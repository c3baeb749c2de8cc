"""`jalon demo`: the whole product with a lively simulated day of an institute in it, and live events after it."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table

from clickhouse.connection import connect
from identity.credentials import add_credential
from identity.roles import Role
from jalon.commands.output import StepsShown, err, out
from jalon.commands.running import stopped_by_signals
from jalon.demo import Played, Target, play, stream_live
from jalon.errors import StartFailed
from jalon.importing.store_view import TenantStore
from jalon.installation import Installation
from jalon.runtime.instance import Instance
from jalon.settings import Settings
from producers.errors import DeliveryError

TENANT = "demo"


@dataclass(frozen=True, slots=True)
class SignIn:
    """How one signs in to the demonstration; kept beside its data, so that a second start can say it again."""

    key: str
    secret: str
    viewer: str
    password: str


def demo(
    rate: Annotated[float, typer.Option(min=0.1, max=200, help="Live events a second, about.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Another day of the institute.")] = 7,
) -> None:
    """Run everything with a simulated day of an institute, go on with live events, and stop at Ctrl-C."""
    instance = Instance(Settings.load())
    with stopped_by_signals(instance):
        with StepsShown() as steps:
            instance.start(steps.report, with_parent=True)
        try:
            sign_in = prepare_tenant(instance.installation)
            target = find_target(instance.installation, sign_in)
            played = play_shown(instance.installation, target, seed)
            _print_welcome(instance.settings, sign_in, played)
            _stream(instance, target, played, rate)
        except Exception:
            instance.stop()
            raise


def prepare_tenant(installation: Installation) -> SignIn:
    """Have the demonstration's tenant, credential and viewer in place; the same ones at every start."""
    path = installation.settings.data_dir / "demo" / "sign-in.json"
    installation.add_tenant(TENANT, "Institut de démonstration", "Europe/Paris")
    if path.is_file():
        sign_in = SignIn(**json.loads(path.read_text(encoding="utf-8")))
    else:
        sign_in = SignIn("demo", secrets.token_urlsafe(24), "demo", secrets.token_urlsafe(9))
        _write_private(path, json.dumps(asdict(sign_in)))
    add_credential(
        installation.engine,
        TENANT,
        "demo",
        key=sign_in.key,
        secret=sign_in.secret,
        scopes={"all"},
        sees_identities=True,
    )
    roles = {Role(TENANT, "viewer")}
    installation.accounts.add(sign_in.viewer, roles, by="process:demo", password=sign_in.password)
    return sign_in


def find_target(installation: Installation, sign_in: SignIn) -> Target:
    """Return where the demonstration's day is to be sent."""
    settings = installation.settings
    return Target(
        kafka_bootstrap=settings.kafka_servers,
        kafka_access=settings.kafka_access,
        lrs_url=f"{settings.lrs_local_url}/xAPI",
        key=sign_in.key,
        secret=sign_in.secret,
        tenant=TENANT,
        topic=settings.topic,
        names_secret=installation.names_secret(TENANT),
    )


def play_shown(installation: Installation, target: Target, seed: int, *, to_its_start: bool = False) -> Played:
    """Play the day so far, show how far that is, and wait until all of it is stored."""
    settings = installation.settings
    tasks: dict[str, TaskID] = {}
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True) as progress:

        def show(what: str, count: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=count, total=total)

        played = play(target, settings.data_dir / "demo", seed=seed, to_its_start=to_its_start, progress=show)
    with closing(connect(installation.owner_address)) as client:
        TenantStore(settings, client, TENANT).wait_until_stored()
    err.print(f"[green]✓[/green] the day so far: {sum(played.sent.values()):,} statements")
    return played


def _stream(instance: Instance, target: Target, played: Played, rate: float) -> None:
    """Send live events until a signal comes; a process that comes back after a crash is waited for."""
    process = instance.process

    def ended() -> bool:
        return process is not None and process.poll() is not None

    while not ended():
        try:
            stream_live(target, played, rate=rate, stop=ended)
        except DeliveryError as error:
            err.print(str(error), markup=False)
    instance.stop()
    raise StartFailed(f"The supervisor ended: see {instance.settings.logs / 'supervisord.log'}.")


def _print_welcome(settings: Settings, sign_in: SignIn, played: Played) -> None:
    rows = Table.grid(padding=(0, 2))
    rows.add_row("Boards", f"{settings.boards_url}/")
    rows.add_row("  sign in as", f"{sign_in.viewer}  /  {sign_in.password}")
    rows.add_row("LRS", f"{settings.lrs_url}/xAPI/")
    rows.add_row("  key / secret", f"{sign_in.key}  /  {sign_in.secret}")
    sessions = len(played.truth.sessions)
    closing = (
        f"{sessions} sessions today; live events go on. Ctrl-C stops everything, `make demo` finds its data again."
    )
    out.print(Panel(Group(rows, "", closing), title="Jalon", expand=False))


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
