"""Erasing a person in every place that Jalon keeps, with a signed receipt, and again where a place was restored.

The keys go first, in one transaction with the tombstones (identity/erasures.py): from then on nobody is found. What
follows can be repeated, and is until a receipt is kept. Each place keeps a mark of every erasure: the identity
database, the tenant's database in ClickHouse, the object store, and the folder of receipts. What any of them knows as
erased and another does not is erased again there, when `jalon up` or `jalon migrate` runs.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from clickhouse import erasures as stored
from clickhouse.connection import Client, connect
from clickhouse.databases import name_tenant_database
from identity import receipts
from identity.audit import Event
from identity.database import forget_deleted
from identity.erasures import (
    Erasure,
    Later,
    erase,
    find_erasure,
    keep_receipt,
    list_exports,
    list_numbers,
    list_targets,
    parse_later,
)
from identity.errors import InvalidValue
from identity.persons import list_pseudonyms
from identity.tenants import list_tenants
from jalon.errors import WrongSettings
from jalon.importing.store_view import TenantStore
from jalon.installation import Installation
from jalon.letters import find_mentions
from jalon.runtime.topics import forgets_after
from jalon.settings import variable
from lrs.attachments.descriptions import describe
from lrs.attachments.erasure import AttachmentRemoval, choose_contents
from lrs.attachments.storage import open_store
from lrs.errors import AttachmentsUnavailable

logger = logging.getLogger(__name__)

_KIND = "erasure"
_AGAIN = "erasure-repeated"
_FINISHED = "erasure-finished"
_PROCESS = "process:jalon"
_ELSEWHERE = "known as erased elsewhere"


@dataclass(frozen=True, slots=True)
class Told:
    """An erasure as a place other than the identity database tells of it."""

    tenant: str
    pseudonym: str
    at: datetime
    later: Later
    where: str


class Erasing:
    """Erases persons of one installation."""

    def __init__(self, installation: Installation) -> None:
        """Nothing is opened yet."""
        self._installation = installation
        self._settings = installation.settings

    @cached_property
    def _objects(self) -> Any:  # noqa: ANN401 (one of obstore's stores)
        try:
            return open_store(self._settings.attachments_address)
        except ValueError as error:
            raise WrongSettings(f"{variable('attachments_url')}: {error}.") from None

    def order(self, tenant: str, agents: Sequence[dict[str, Any]], *, later: Later, who: str, why: str) -> list[int]:
        """Destroy the keys of the person with these identifiers; return the numbers of their erasures, oldest first.

        Whoever was erased already is left so. Raises InvalidValue, UnknownTenant, IdentityUnavailable.
        """
        here = self._installation
        names = list_pseudonyms(here.vault, tenant, agents)
        keys, erased = here.vault.tenant_keys(tenant), here.vault.erased(tenant)
        targets = list_targets(here.engine, keys, names, erased)
        if targets:
            number = erase(here.engine, here.audit, tenant, targets, later=later, who=who, why=why)
            forget_deleted(here.engine)
            return [number]
        return list_numbers(here.engine, tenant, [past for name in names for past in erased.list_names(keys, name)])

    def finish(self, number: int, agents: Sequence[dict[str, Any]] = ()) -> str:
        """Reach what else is held of an erased person and return the receipt; a finished erasure has its own already.

        `agents` are the identifiers by which dead letters are searched that could not be read. Needs the running
        product: it waits until what was accepted before is stored. Raises InvalidValue, IdentityUnavailable,
        StoreUnavailable, AttachmentsUnavailable, NotRunning, StillProcessing; then it is to be run again.
        """
        here = self._installation
        erasure = find_erasure(here.engine, here.audit, number)
        if erasure.receipt is not None:
            return erasure.receipt
        with closing(connect(self._installation.owner_address)) as client:
            return self._finish(client, erasure, agents, TenantStore(self._settings, client, erasure.tenant))

    def apply(self, receipt: str, *, who: str, why: str) -> int:
        """Erase again whom a receipt tells of, where everything was restored to before; return the number.

        Raises as `finish`, and InvalidValue for what is no receipt of an erasure by this installation.
        """
        told = _read_receipt(receipts.read(self._installation.master, receipt), "a receipt")
        here = self._installation
        self._repeat(told, who, why)
        number = list_numbers(here.engine, told[0].tenant, [one.pseudonym for one in told])[-1]
        erasure = find_erasure(here.engine, here.audit, number)
        with closing(connect(self._installation.owner_address)) as client:
            store = TenantStore(self._settings, client, erasure.tenant)
            if erasure.receipt is None:
                self._finish(client, erasure, (), store)
            else:
                self._reach(client, erasure, (), store)
        return number

    def repeat_known(self) -> None:
        """Destroy again the keys that a restored identity database has brought back, before anybody reads.

        Goes by the receipts and by the marks in the object store, which need no running product.
        """
        told = [*self._list_receipts(), *self._list_object_marks()]
        self._repeat(told, _PROCESS, _ELSEWHERE)

    def reconcile(self, client: Client) -> None:
        """Have every place know and hold to what any of them knows as erased. Raises as `finish`."""
        here = self._installation
        tenants = [tenant.id for tenant in list_tenants(here.engine)]
        marked = self._read_object_marks(tenants)
        for tenant in tenants:
            marks = stored.read_marks(client, name_tenant_database(tenant))
            told = [Told(tenant, one.pseudonym, one.at, parse_later(one.later), "clickhouse") for one in marks]
            self._repeat(told, _PROCESS, _ELSEWHERE)
            known = {pseudonym for pseudonym, _ in here.vault.erased(tenant).items()}
            lacking = known - {one.pseudonym for one in marks}
            if tenant in marked:
                lacking |= known - marked[tenant]
            numbers = {*list_numbers(here.engine, tenant, unfinished=True)}
            if lacking:
                numbers.update(list_numbers(here.engine, tenant, lacking))
            for number in sorted(numbers):
                self._complete(client, number)

    def _complete(self, client: Client, number: int) -> None:
        here = self._installation
        erasure = find_erasure(here.engine, here.audit, number)
        with _told_when_away():
            if erasure.receipt is None:
                self._finish(client, erasure, (), None)
            else:
                self._reach(client, erasure, (), None)
                self._write_receipt(erasure, erasure.receipt)

    def _finish(
        self, client: Client, erasure: Erasure, agents: Sequence[dict[str, Any]], store: TenantStore | None
    ) -> str:
        here = self._installation
        reached = self._reach(client, erasure, agents, store)
        event = Event(erasure.tenant, erasure.who, _FINISHED, " ".join(erasure.pseudonyms), erasure.why, reached)
        head = here.audit.append(event)
        receipt = receipts.sign(here.master, self._describe(erasure, reached) | {"audit_head": str(head)})
        self._write_receipt(erasure, receipt)
        keep_receipt(here.engine, erasure.number, receipt)
        return receipt

    def _describe(self, erasure: Erasure, reached: dict[str, Any]) -> dict[str, Any]:
        here = self._installation
        return {
            "kind": _KIND,
            "tenant": erasure.tenant,
            "number": erasure.number,
            "pseudonyms": list(erasure.pseudonyms),
            "erased_at": erasure.at.isoformat(timespec="milliseconds"),
            "finished_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "by": erasure.who,
            "why": erasure.why,
            "later": erasure.later,
            "reached": reached,
            "exports": list_exports(here.audit, erasure.tenant, erasure.pseudonyms),
            "stays": {
                "statements": "as nobody's: the pseudonym stands for no one, what was sealed cannot be opened",
                "log_of_accepted_records_until": _day_after(erasure.at, forgets_after(self._settings)),
                "backups_until": _day_after(erasure.at, timedelta(days=self._settings.backup_days)),
            },
        }

    def _reach(
        self, client: Client, erasure: Erasure, agents: Sequence[dict[str, Any]], store: TenantStore | None
    ) -> dict[str, Any]:
        """Remove what is held beside the keys, and count; the same again finds less and changes nothing.

        With a `store`, first wait until nothing is under way that was accepted before.
        """
        here = self._installation
        database, names = name_tenant_database(erasure.tenant), erasure.pseudonyms
        forget_deleted(here.engine)
        marks = [stored.MarkedErasure(name, erasure.at, erasure.later) for name in names]
        stored.mark_erased(client, database, marks)
        if store is not None:
            store.wait_until_stored()
        letters = find_mentions(
            stored.read_unreadable(client, database), agents, here.vault.tenant_keys(erasure.tenant).dead_letter
        )
        stored.empty_letters(client, database, letters.found)
        return {
            "keys_destroyed": erasure.keys,
            "documents_removed": erasure.documents,
            "statements_made_nobodys": stored.count_statements(client, database, names),
            "postings_made_nobodys": stored.count_postings(client, database, names),
            "names_removed": stored.remove_agents(client, database, names),
            "dead_letters_emptied": stored.empty_dead_letters(client, database, names) + len(letters.found),
            "dead_letters_unreadable": letters.left,
            **self._remove_attachments(client, erasure, store),
        }

    def _remove_attachments(self, client: Client, erasure: Erasure, store: TenantStore | None) -> dict[str, int]:
        database = name_tenant_database(erasure.tenant)
        removal = AttachmentRemoval(self._objects, erasure.tenant)
        erased = {pseudonym for pseudonym, _ in self._installation.vault.erased(erasure.tenant).items()}
        having = stored.find_statements_with_contents(client, database, erasure.pseudonyms).values()
        hashes = {one.sha2 for statement in having for one in describe(statement, 0)}

        def choose() -> dict[str, bool]:
            statements = stored.find_statements_of_contents(client, database, asked).values()
            return {sha2: goes for sha2, goes in choose_contents(statements, erased).items() if sha2 in asked}

        asked = hashes
        going = {sha2 for sha2, goes in choose().items() if goes}
        for sha2 in going:
            removal.set_aside(sha2)
        # What a stopped run has set aside is decided as well.
        asked = going.union(removal.list_aside())
        if asked and store is not None:
            # A statement may have come with one of them just before it was set aside.
            store.wait_until_stored()
        decided = choose()
        for sha2 in sorted(asked):
            if decided.get(sha2, True):
                statements = stored.find_statements_of_contents(client, database, [sha2])
                removal.remove(sha2, map(str, statements))
            else:
                removal.put_back(sha2)
        removed = sum(decided.get(sha2, True) for sha2 in asked)
        for pseudonym in erasure.pseudonyms:
            removal.mark_erased(pseudonym, self._sign_mark(erasure, pseudonym))
        return {"attachments_removed": removed, "attachments_kept_for_others": len(hashes) - len(hashes & going)}

    def _repeat(self, told: Iterable[Told], who: str, why: str) -> None:
        """Erase again those that the identity database does not know as erased."""
        here = self._installation
        lacking: dict[tuple[str, datetime, Later, str], set[str]] = {}
        for one in told:
            if one.pseudonym not in here.vault.erased(one.tenant):
                lacking.setdefault((one.tenant, one.at, one.later, one.where), set()).add(one.pseudonym)
        for (tenant, at, later, where), pseudonyms in lacking.items():
            logger.warning("erasure-repeated", extra={"tenant": tenant, "known_by": where, "persons": len(pseudonyms)})
            erase(
                here.engine,
                here.audit,
                tenant,
                sorted(pseudonyms),
                later=later,
                who=who,
                why=f"{why} ({where})",
                at=at,
                action=_AGAIN,
            )

    def _list_receipts(self) -> Iterator[Told]:
        for path in sorted(self._settings.receipts.glob(f"{_KIND}-*.jws")):
            try:
                content = receipts.read(self._installation.master, path.read_text(encoding="utf-8"))
                yield from _read_receipt(content, "receipts")
            except InvalidValue:
                logger.warning("receipt-not-ours", extra={"file": path.name})

    def _list_object_marks(self) -> Iterator[Told]:
        here = self._installation
        tenants = [tenant.id for tenant in list_tenants(here.engine)]
        for tenant, marks in self._read_object_marks(tenants).items():
            removal = AttachmentRemoval(self._objects, tenant)
            erased = here.vault.erased(tenant)
            for pseudonym in sorted(mark for mark in marks if mark not in erased):
                try:
                    with _told_when_away():
                        yield from _read_receipt(
                            receipts.read(here.master, removal.read_mark(pseudonym)), "attachments"
                        )
                except InvalidValue:
                    logger.warning("mark-not-ours", extra={"tenant": tenant})

    def _read_object_marks(self, tenants: Iterable[str]) -> dict[str, set[str]]:
        """Return who has a mark in the object store, by tenant; nothing while it does not answer."""
        with _told_when_away():
            return {tenant: AttachmentRemoval(self._objects, tenant).list_marks() for tenant in tenants}
        return {}

    def _sign_mark(self, erasure: Erasure, pseudonym: str) -> str:
        content = {
            "kind": _KIND,
            "tenant": erasure.tenant,
            "pseudonyms": [pseudonym],
            "erased_at": erasure.at.isoformat(timespec="milliseconds"),
            "later": erasure.later,
        }
        return receipts.sign(self._installation.master, content)

    def _write_receipt(self, erasure: Erasure, receipt: str) -> None:
        write_receipt(self.locate_receipt(erasure.tenant, erasure.number), receipt)

    def locate_receipt(self, tenant: str, number: int) -> Path:
        """Return the file in which a receipt is kept."""
        return self._settings.receipts / f"{_KIND}-{tenant}-{number}.jws"


def write_receipt(path: Path, receipt: str) -> None:
    """Write a receipt to a file that only its owner reads, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(receipt + "\n", encoding="utf-8")
    draft.replace(path)


def _read_receipt(content: dict[str, Any], where: str) -> list[Told]:
    """Return whom a receipt or a mark tells of. Raises InvalidValue for one of something else."""
    try:
        if content["kind"] != _KIND:
            raise InvalidValue("This is the receipt of something else than an erasure.")
        at, later = datetime.fromisoformat(content["erased_at"]), parse_later(content["later"])
        return [Told(content["tenant"], name, at, later, where) for name in content["pseudonyms"]]
    except (KeyError, TypeError, ValueError):
        raise InvalidValue("This is no receipt of an erasure.") from None


def _day_after(moment: datetime, period: timedelta) -> str:
    return (moment + period).isoformat(timespec="minutes")


@contextmanager
def _told_when_away() -> Iterator[None]:
    """Log that the object store does not answer, and go on: the start of everything does not hang on it."""
    try:
        yield
    except AttachmentsUnavailable as error:
        logger.warning("erasures-not-compared", extra={"reason": str(error)})
