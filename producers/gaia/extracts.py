"""A GAIA daily folder as it is on disk: three kinds of files, without headers, read into one snapshot."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from producers.errors import RowRejected, UnreadableInput
from producers.gaia.snapshots import Slot, Snapshot, merge
from producers.naming import slug
from producers.rows import Place, Rejected
from producers.statements import Training, learner_by_email
from xapi_profiles.vocabulary import Modality

SEPARATOR: Final = "|"

# The columns of each kind of file, in order. A separator at the end of a line adds an empty one.
FORMATIONS: Final = (
    "table", "dispositif_id", "dispositif_name", "module_id", "module_name", "session_id", "group",
    "start_date", "start_time", "end_date", "end_time", "place_type", "place",
)  # fmt: skip
INTERVENANTS: Final = ("table", "module_id", "name", "firstname", "email")
STAGIAIRES: Final = ("table", "session_id", "name", "firstname", "email")

# Values of place_type, compared without case or accents.
PLACE_TYPES: Final[Mapping[str, Modality]] = {
    "presentiel": Modality.IN_PERSON,
    "presence": Modality.IN_PERSON,
    "en-presence": Modality.IN_PERSON,
    "p": Modality.IN_PERSON,
    "distanciel": Modality.REMOTE,
    "distance": Modality.REMOTE,
    "a-distance": Modality.REMOTE,
    "classe-virtuelle": Modality.REMOTE,
    "d": Modality.REMOTE,
    "hybride": Modality.HYBRID,
    "mixte": Modality.HYBRID,
    "h": Modality.HYBRID,
    "autoformation": Modality.ASYNCHRONOUS,
    "asynchrone": Modality.ASYNCHRONOUS,
}
ANY_PLACE_TYPE: Final = "*"

_FOLDER = re.compile(r"\d{8}")
_NOON_BREAK = time(13)
_LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a folder: the institution's time zone, the files' encoding, and what its place types mean."""

    zone: ZoneInfo
    encoding: str = "cp1252"
    place_types: Mapping[str, Modality] = field(default_factory=dict)

    def modality(self, place_type: str) -> Modality:
        """Return the planned modality of a place type. Raises RowRejected for an unknown one."""
        name = slug(place_type)
        own = {slug(key) if key != ANY_PLACE_TYPE else key: value for key, value in self.place_types.items()}
        found = own.get(name) or PLACE_TYPES.get(name) or own.get(ANY_PLACE_TYPE)
        if found is None:
            raise RowRejected("place_type is unknown: say what it means with --place-type TYPE=MODALITY.")
        return found


class ReadRow(NamedTuple):
    """A row that was read: its text, the keys of what it says of the snapshot (none for a speaker), and that itself.

    `content` is the slots of the keys, or the name of a registration's learner.
    """

    raw: str
    keys: tuple[tuple[str, Any], ...]
    content: Any = None


Lines = Mapping[str, Mapping[bytes, ReadRow]]
"""What was read, by kind of file and by line."""


@dataclass(slots=True)
class Extract:
    """A whole folder. `names` are the learners' by e-mail; the two sets are the sessions with unreadable rows.

    `files` are the rows of each file, line by line: None for an empty or a rejected one.
    """

    snapshot: Snapshot = field(default_factory=Snapshot)
    names: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[ReadRow | None]] = field(default_factory=dict)
    lines: dict[str, dict[bytes, ReadRow]] = field(default_factory=lambda: defaultdict(dict))
    rejected: list[Rejected] = field(default_factory=list)
    broken_slots: set[str] = field(default_factory=set)
    broken_registrations: set[str] = field(default_factory=set)


def find_folders(path: Path) -> list[Path]:
    """Return the daily folders that a path means, oldest first: itself, or those in it. Raises UnreadableInput."""
    if not path.is_dir():
        raise UnreadableInput(f"{path} is not a folder: give a GAIA daily folder (YYYYMMDD) or the folder of them.")
    if _FOLDER.fullmatch(path.resolve().name):
        return [path]
    folders = sorted(child for child in path.iterdir() if child.is_dir() and _FOLDER.fullmatch(child.name))
    if not folders:
        raise UnreadableInput(f"{path} holds no GAIA daily folder (YYYYMMDD).")
    return folders


def extract_time(folder: Path, zone: ZoneInfo) -> datetime:
    """Return the moment for which a folder's extract stands: the start of its day. Raises UnreadableInput."""
    try:
        return datetime.strptime(folder.resolve().name, "%Y%m%d").replace(tzinfo=zone)
    except ValueError:
        raise UnreadableInput(f"{folder} is not named after a day (YYYYMMDD).") from None


def read_extract(folder: Path, reading: Reading, known: Lines | None = None) -> Extract:
    """Read the files of a daily folder, broken rows into `rejected`. Raises UnreadableInput for a missing file.

    Lines that are `known` from the extract before, as most are, are not parsed again.
    """
    extract, known = Extract(), known or {}
    snapshot, trainings = extract.snapshot, dict[str, Training]()
    for row in _read_files(folder, _FORMATIONS, reading, extract, known, extract.broken_slots):
        for key, slot in zip(row.keys, row.content, strict=True):
            other = snapshot.slots.get(key)
            snapshot.slots[key] = merge(other, slot) if other else slot
            trainings.setdefault(slot.training.session, slot.training)
    for row in _read_files(folder, _STAGIAIRES, reading, extract, known, extract.broken_registrations):
        for key in row.keys:
            session, email = key
            extract.names.setdefault(email, row.content)
            snapshot.registrations[key] = trainings.get(session) or Training(session)
    for _speaker in _read_files(folder, _INTERVENANTS, reading, extract, known, set()):
        pass
    return extract


def to_slots(fields: Mapping[str, str], reading: Reading) -> list[Slot]:
    """Return the half-day slots of a Formations row. Raises RowRejected."""
    modality = reading.modality(fields["place_type"])
    session, module_name = _required(fields, "session_id"), fields["module_name"].strip()
    training = Training(
        session=session,
        session_name=f"{module_name} (session {session})" if module_name else f"Session {session}",
        module=_required(fields, "module_id"),
        module_name=module_name,
        pathway=_required(fields, "dispositif_id"),
        pathway_name=fields["dispositif_name"].strip(),
    )
    starts, ends = _moment(fields, "start"), _moment(fields, "end")
    room = "" if modality in (Modality.REMOTE, Modality.ASYNCHRONOUS) else " ".join(fields["place"].split())
    return [
        Slot(training, begin, end - begin, modality, room) for begin, end in split_half_days(starts, ends, reading.zone)
    ]


def split_half_days(starts: datetime, ends: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """Return the half-day slots of a row, in the zone; a half-day ends at 13:00 and at midnight, local time.

    A row over several days means these hours on each day, unless it ends at an earlier hour than it began: then it
    lasts through one night. Raises RowRejected when the end is not after the start, or too far from it.
    """
    if ends <= starts:
        raise RowRejected("The end is not after the start.")
    if ends - starts > _LONGEST:
        raise RowRejected("The end is more than a year after the start.")
    days = [(starts, ends)]
    if ends.date() > starts.date() and ends.time() > starts.time():
        count = (ends.date() - starts.date()).days + 1
        last = datetime.combine(starts.date(), ends.time())
        days = [(starts + timedelta(days=day), last + timedelta(days=day)) for day in range(count)]
    elif ends - starts > timedelta(days=1):
        raise RowRejected("The end is at an earlier hour than the start, more than one night later.")
    slots = [(_fix(begin, zone), _fix(end, zone)) for day in days for begin, end in _cut(*day)]
    if any(end <= begin for begin, end in slots):
        raise RowRejected("The end is not after the start: these hours do not exist on the day the clock goes forward.")
    return slots


def _fix(local: datetime, zone: ZoneInfo) -> datetime:
    # A fixed offset makes differences true across a change of the clock, and equality that of instants.
    offset = local.replace(tzinfo=zone).utcoffset()
    return local.replace(tzinfo=timezone(offset or timedelta()))


def _cut(starts: datetime, ends: datetime) -> Iterator[tuple[datetime, datetime]]:
    while True:
        midnight = datetime.combine(starts.date() + timedelta(days=1), time())
        noon = datetime.combine(starts.date(), _NOON_BREAK)
        border = noon if starts < noon else midnight
        if ends <= border:
            yield starts, ends
            return
        yield starts, border
        starts = border


def _moment(fields: Mapping[str, str], which: str) -> datetime:
    date, clock = fields[f"{which}_date"].strip(), fields[f"{which}_time"].strip()
    try:
        return datetime.strptime(f"{date} {clock}", "%d/%m/%Y %H:%M")  # noqa: DTZ007 - local; the zone is put on later
    except ValueError:
        raise RowRejected(f"{which}_date or {which}_time is not dd/mm/yyyy and HH:MM.") from None


def _required(fields: Mapping[str, str], column: str) -> str:
    value = fields[column].strip()
    if not value:
        raise RowRejected(f"{column} is empty.")
    return value


class _Kind(NamedTuple):
    """A kind of file: the name that its files bear, their columns, and what reads a row's fields and its text."""

    name: str
    columns: tuple[str, ...]
    read: Callable[[dict[str, str], str, Reading], ReadRow]
    required: bool = True


def _read_formation(fields: dict[str, str], raw: str, reading: Reading) -> ReadRow:
    slots = to_slots(fields, reading)
    return ReadRow(raw, tuple(slot.key for slot in slots), slots)


def _read_learner(fields: dict[str, str], raw: str, _reading: Reading) -> ReadRow:
    session = _required(fields, "session_id")
    learner = learner_by_email(fields["email"], f"{fields['firstname']} {fields['name']}")
    return ReadRow(raw, ((session, learner.ifi["mbox"].removeprefix("mailto:")),), learner.name)


def _read_speaker(fields: dict[str, str], raw: str, _reading: Reading) -> ReadRow:
    _required(fields, "module_id")
    learner_by_email(fields["email"])
    return ReadRow(raw, ())


_FORMATIONS = _Kind("Formations", FORMATIONS, _read_formation)
_STAGIAIRES = _Kind("Stagiaires", STAGIAIRES, _read_learner)
_INTERVENANTS = _Kind("Intervenants", INTERVENANTS, _read_speaker, required=False)


def _read_files(
    folder: Path, kind: _Kind, reading: Reading, extract: Extract, known: Lines, broken: set[str]
) -> Iterator[ReadRow]:
    """Yield the rows of all files of a kind, and note them in the extract with the rejected ones."""
    files = sorted(folder.glob(f"*_{kind.name}_*.csv"))
    if kind.required and not files:
        raise UnreadableInput(f"{folder} holds no *_{kind.name}_*.csv: wait until the extract is complete.")
    before, lines = known.get(kind.name, {}), extract.lines[kind.name]
    for path in files:
        file = f"{path.parent.name}/{path.name}"
        rows = extract.files[file] = []
        for number, line in enumerate(_read_lines(path), start=1):
            row = before.get(line)
            if row is None and line.strip():
                raw = line.decode(reading.encoding, "replace")
                try:
                    row = kind.read(_to_fields(line, kind.columns, reading.encoding), raw, reading)
                except RowRejected as rejection:
                    extract.rejected.append(Rejected(Place(file, number), str(rejection), raw))
                    if "session_id" in kind.columns:
                        # What this row would have said is unknown: nothing of its session is withdrawn today.
                        position = kind.columns.index("session_id")
                        broken.update(value.strip() for value in raw.split(SEPARATOR)[position : position + 1])
            rows.append(row)
            if row is not None:
                lines[line] = row
                yield row


def _read_lines(path: Path) -> list[bytes]:
    try:
        return [line.rstrip(b"\r") for line in path.read_bytes().split(b"\n")]
    except OSError as error:
        raise UnreadableInput(f"{path} cannot be read: {error.strerror}.") from error


def _to_fields(line: bytes, columns: tuple[str, ...], encoding: str) -> dict[str, str]:
    try:
        values = line.decode(encoding).split(SEPARATOR)
    except UnicodeDecodeError:
        raise RowRejected(f"The row is not encoded in {encoding}.") from None
    if len(values) == len(columns) + 1 and not values[-1].strip():
        values.pop()
    if len(values) != len(columns):
        raise RowRejected(f"The row has another number of columns than {len(columns)}.")
    return dict(zip(columns, values, strict=True))
