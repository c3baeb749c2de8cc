"""GAIA's daily folders to statements: each extract is compared with the last one, and what changed is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from producers.errors import SuspiciousInput, UnreadableInput
from producers.gaia.extracts import Extract, Lines, Reading, extract_time, find_folders, read_extract
from producers.gaia.snapshots import (
    Cancelled,
    Change,
    Registered,
    Scheduled,
    Snapshot,
    Unregistered,
    diff,
    dump,
    load,
    retain,
    settle,
)
from producers.naming import Naming, derive_uuid
from producers.rows import Draft, Milestone, Place, Rejected, Row
from producers.statements import Training, cancel, learner_by_email, register, schedule, unregister

_ENOUGH_TO_JUDGE: Final = 20


class DatedChange(NamedTuple):
    """A change, the extract that shows it (`20261122.0`), the moment it stands for, and the learner's name if known."""

    change: Change
    extract: str
    at: datetime
    name: str


class GaiaSource:
    """The daily folders at a path: one of them, or a folder of them.

    The last extract is kept with the checkpoint. An extract that would withdraw more than `largest_loss` (a share)
    of the slots or registrations known before raises SuspiciousInput: it is more likely to be cut short.
    """

    name = "gaia"

    def __init__(self, path: Path, reading: Reading, *, largest_loss: float = 0.5) -> None:
        self._path, self._reading, self._largest_loss = path, reading, largest_loss

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:
        """Yield the rows of every folder not older than the last one done; a Milestone closes each folder."""
        folders = find_folders(self._path)
        date, revision, previous = load(state)
        lines: Lines | None = None
        if folders == [self._path] and self._path.resolve().name < date:
            raise UnreadableInput(
                f"{self._path} is older than the last extract done ({date}): extracts go forward only."
            )
        for folder in folders:
            name = folder.resolve().name
            if name < date:
                continue
            extract = read_extract(folder, self._reading, lines)
            lines = extract.lines
            revision = revision + 1 if name == date else 0
            at = extract_time(folder, self._reading.zone) + timedelta(seconds=revision)
            current = retain(previous, extract.snapshot, extract.broken_slots, extract.broken_registrations)
            previous = settle(previous, current, at)
            changes = diff(previous, current)
            self._check_loss(folder, previous, changes)
            yield from extract.rejected
            yield from _to_rows(changes, extract, Place(name, 0), f"{name}.{revision}", at)
            if name == date and not changes:
                revision -= 1
            date, previous = name, current
            yield Milestone(dump(date, revision, previous))

    def map(self, row: Row, naming: Naming) -> Iterable[Draft]:
        """Return a statement per change that a row brings."""
        return [_to_draft(dated, naming) for dated in row.fields]

    def _check_loss(self, folder: Path, previous: Snapshot, changes: list[Change]) -> None:
        for what, kind, known in (
            ("slots", Cancelled, len(previous.slots)),
            ("registrations", Unregistered, len(previous.registrations)),
        ):
            lost = sum(isinstance(change, kind) for change in changes)
            if known >= _ENOUGH_TO_JUDGE and lost > known * self._largest_loss:
                raise SuspiciousInput(
                    f"The extract {folder.name} lacks {lost} of the {known} {what} known before: it looks cut short. "
                    "Get it again, or accept it with --largest-loss 1."
                )


def _to_draft(dated: DatedChange, naming: Naming) -> Draft:
    """Return the statement of a change. The key has the content too: a corrected extract makes another statement."""
    at = dated.at
    match dated.change:
        case Scheduled(slot):
            kind, content = "schedule", (*_text(slot.training), str(slot.duration), slot.modality, slot.room)
            what = slot.starts.isoformat()
            statement = schedule(
                naming,
                GaiaSource.name,
                slot.training,
                starts=slot.starts,
                duration=slot.duration,
                modality=slot.modality,
                room=slot.room,
                at=at,
            )
        case Cancelled(slot):
            kind, content, what = "cancel", _text(slot.training), slot.starts.isoformat()
            statement = cancel(naming, GaiaSource.name, slot.training, starts=slot.starts, at=at)
        case Registered(training, email):
            kind, content, what = "registered", _text(training), email
            statement = register(naming, training, learner_by_email(email, dated.name), at=at)
        case Unregistered(training, email):
            kind, content, what = "unregistered", _text(training), email
            statement = unregister(naming, training, learner_by_email(email), at=at)
    return Draft(derive_uuid(dated.extract, kind, what, dated.name, *content), statement)


def _text(training: Training) -> tuple[str, ...]:
    return (
        training.session,
        training.session_name,
        training.module,
        training.module_name,
        training.pathway,
        training.pathway_name,
    )


def _to_rows(changes: list[Change], extract: Extract, withdrawn: Place, revision: str, at: datetime) -> Iterator[Row]:
    """Yield a row per withdrawal (no line says it), then every row read, with the changes that it is first to tell."""
    told: dict[tuple[str, object], DatedChange] = {}
    for change in changes:
        match change:
            case Cancelled() | Unregistered():
                yield Row(withdrawn, [DatedChange(change, revision, at, "")])
            case Scheduled(slot):
                told[slot.key] = DatedChange(change, revision, at, "")
            case Registered(training, email):
                told[training.session, email] = DatedChange(change, revision, at, extract.names.get(email, ""))
    for file, rows in extract.files.items():
        for number, row in enumerate(rows, start=1):
            if row is not None:
                yield Row(Place(file, number), [told.pop(key) for key in row.keys if key in told], row.raw)
