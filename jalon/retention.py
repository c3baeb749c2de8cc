"""Retention of one tenant: what would go, and its going, wherever it lies (docs/retention.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from clickhouse.connection import Client
from clickhouse.databases import name_tenant_database
from clickhouse.retention import Share, TenantTables
from identity.audit import Event
from identity.forgetting import (
    count_documents,
    delete_documents,
    forget_learners,
    list_departing,
    list_owners,
    list_without_documents,
    note_departing,
)
from identity.person_changes import list_restricted
from identity.retention import ATTACHMENTS, DOCUMENTS, STATEMENTS, Periods, find_cutoff, read_periods
from jalon.installation import Installation
from lrs.attachments.retention import TenantObjects

DUTY = "retention"
"""The name of the duty, of which one process at a time takes care (identity/duties.py)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has passed its period, or had and is gone; `at` is the instant that periods were counted back from."""

    tenant: str
    at: datetime
    shares: tuple[Share, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many went of what, by purpose and place; for the audit trail."""
        return {f"{share.purpose}/{share.place}": share.count for share in self.shares if share.count}


class Retention:
    """The retention of one tenant, seen at one instant.

    Raises StoreUnavailable, IdentityUnavailable, AttachmentsUnavailable: what was not deleted is deleted next time.
    """

    def __init__(self, installation: Installation, client: Client, tenant: str, *, now: datetime | None = None) -> None:
        self._installation = installation
        self._engine = installation.engine
        self._tenant = tenant
        self._at = now or datetime.now(UTC)
        self._now = int(self._at.timestamp() * 1000)
        self._periods: Periods = read_periods(self._engine, tenant)
        # Who has processing paused may need the data for a claim of theirs: nothing of it goes meanwhile (GDPR 18).
        self._held = list_restricted(installation.vault, tenant)
        self._tables = TenantTables(client, name_tenant_database(tenant), self._periods, self._now, held=self._held)
        self._objects = TenantObjects(installation.open_object_store(), tenant, self._at)
        self._references: Mapping[str, int] | None = None

    def plan(self) -> Outcome:
        """Tell what would go, changing nothing."""
        shares = [*self._tables.count(), *self._count_documents()]
        if self._deletes_attachments:
            shares.append(self._count_attachments())
        if self._deletes_people:
            gone, activities = self._find_gone(self._list_leaving()), self._tables.list_forgotten_activities()
            shares += [
                Share(STATEMENTS, "learners", len(gone), 0),
                Share(STATEMENTS, "activities", len(activities), 0),
            ]
        return Outcome(self._tenant, self._at, tuple(shares))

    def run(self, who: str, why: str) -> Outcome:
        """Delete what has passed its period, and return what went.

        The audit trail is told before anything goes: whatever happens then, nothing went of which it does not tell.
        """
        outcome = self.plan()
        if outcome.counts:
            details: dict[str, Any] = {"deleted": outcome.counts}
            self._installation.audit.append(Event(self._tenant, who, "retention-applied", "", why, details))
        if self._deletes_people:
            note_departing(self._engine, self._tenant, self._list_leaving())
        self._tables.delete()
        for resource, before in self._document_cutoffs.items():
            delete_documents(self._engine, self._tenant, resource, before, self._held)
        if self._deletes_attachments:
            self._remove_attachments()
        if self._deletes_people:
            self._forget()
        return outcome

    @property
    def _deletes_people(self) -> bool:
        return self._periods.delete_statements or bool(self._document_cutoffs)

    @property
    def _deletes_attachments(self) -> bool:
        return self._periods.delete_statements or self._periods.days_of(ATTACHMENTS) is not None

    @property
    def _document_cutoffs(self) -> dict[str, datetime]:
        """Before when documents have passed their period, by resource."""
        return {
            resource: _to_datetime(find_cutoff(self._now, days))
            for resource in DOCUMENTS
            if (days := self._periods.days_of(resource)) is not None
        }

    def _list_leaving(self) -> list[str]:
        """Return the learners of whom something goes, those of an earlier run that was cut short too."""
        leaving = set(list_departing(self._engine, self._tenant))
        if self._periods.delete_statements:
            leaving.update(self._tables.list_named())
        for resource, before in self._document_cutoffs.items():
            leaving.update(list_owners(self._engine, self._tenant, resource, before))
        return sorted(leaving)

    def _find_gone(self, pseudonyms: list[str]) -> list[str]:
        """Return those of whom nothing is left: no statement that names them, and no document."""
        named = self._tables.find_named("related-agent", pseudonyms)
        unnamed = [each for each in pseudonyms if each not in named]
        without = list_without_documents(self._engine, self._tenant, unnamed, self._document_cutoffs)
        return [each for each in without if each not in self._held]

    def _forget(self) -> None:
        noted = list_departing(self._engine, self._tenant)
        gone = self._find_gone(noted)
        self._tables.delete_activities(self._tables.list_forgotten_activities())
        self._tables.delete_forms(gone)
        forget_learners(self._engine, self._tenant, gone, noted)

    def _count_documents(self) -> list[Share]:
        shares = []
        for resource, before in self._document_cutoffs.items():
            old = count_documents(self._engine, self._tenant, resource, before, self._held)
            shares.append(Share(resource, "documents", old.count, old.bytes, old.oldest_left))
        return shares

    def _count_attachments(self) -> Share:
        removable = self._objects.find(self._stays)
        staying = [latest for sha2, latest in self._list_references().items() if self._stays(sha2)]
        oldest = _to_datetime(min(staying)) if staying else None
        return Share(ATTACHMENTS, "contents", len(removable.names), removable.bytes, oldest)

    def _remove_attachments(self) -> None:
        self._objects.set_aside(self._objects.find(self._stays))
        self._objects.settle(self._stays)
        marks = list(self._objects.list_marks())
        left = self._tables.find_stored([UUID(each) for each in dict(marks)])
        for statement_id, sha2 in marks:
            if UUID(statement_id) not in left:
                self._objects.remove_mark(statement_id, sha2)

    def _stays(self, sha2: str) -> bool:
        """Whether a content is named by a statement that stays, and that is not too old for attachments."""
        latest = self._list_references().get(sha2)
        days = self._periods.days_of(ATTACHMENTS)
        return latest is not None and (days is None or latest >= find_cutoff(self._now, days))

    def _list_references(self) -> Mapping[str, int]:
        if self._references is None:
            self._references = self._tables.list_references()
        return self._references


def _to_datetime(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
