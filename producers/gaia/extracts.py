"""A GAIA daily folder as it is on disk: three kinds of files, without headers, read into one snapshot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, timezone
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from producers.errors import RowRejected, UnreadableInput
from producers.gaia.snapshots import RegistrationKey, Slot, SlotKey, Snapshot, merge
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
    """A row that was read, and what of the snapshot it says (nothing for a speaker)."""

    place: Place
    raw: str
    keys: tuple[SlotKey | RegistrationKey, ...]


@dataclass(slots=True)
class Extract:
    """A whole folder. `names` are the learners' by e-mail; the two sets are the sessions with unreadable rows."""

    snapshot: Snapshot = field(default_factory=Snapshot)
    names: dict[str, str] = field(default_factory=dict)
    rows: list[ReadRow] = field(default_factory=list)
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


def read_extract(folder: Path, reading: Reading) -> Extract:
    """Read the files of a daily folder, broken rows into `rejected`. Raises UnreadableInput for a missing file."""
    extract = Extract()
    trainings: dict[str, Training] = {}

    def take_formation(fields: dict[str, str]) -> tuple[SlotKey, ...]:
        slots = to_slots(fields, reading)
        for slot in slots:
            known = extract.snapshot.slots.get(slot.key)
            extract.snapshot.slots[slot.key] = merge(known, slot) if known else slot
            trainings.setdefault(slot.training.session, slot.training)
        return tuple(slot.key for slot in slots)

    def take_learner(fields: dict[str, str]) -> tuple[RegistrationKey, ...]:
        session = _required(fields, "session_id")
        learner = learner_by_email(fields["email"], f"{fields['firstname']} {fields['name']}")
        email = learner.ifi["mbox"].removeprefix("mailto:")
        extract.names.setdefault(email, learner.name)
        extract.snapshot.registrations[session, email] = trainings.get(session, Training(session))
        return ((session, email),)

    def take_speaker(fields: dict[str, str]) -> tuple[()]:
        _required(fields, "module_id")
        learner_by_email(fields["email"])
        return ()

    for path in _find_files(folder, "Formations", required=True):
        _read_file(path, reading, extract, FORMATIONS, take_formation, extract.broken_slots)
    for path in _find_files(folder, "Stagiaires", required=True):
        _read_file(path, reading, extract, STAGIAIRES, take_learner, extract.broken_registrations)
    for path in _find_files(folder, "Intervenants", required=False):
        _read_file(path, reading, extract, INTERVENANTS, take_speaker, set())
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


def _find_files(folder: Path, kind: str, *, required: bool) -> list[Path]:
    files = sorted(folder.glob(f"*_{kind}_*.csv"))
    if required and not files:
        raise UnreadableInput(f"{folder} holds no *_{kind}_*.csv: wait until the extract is complete.")
    return files


def _read_file(
    path: Path,
    reading: Reading,
    extract: Extract,
    columns: tuple[str, ...],
    take: Callable[[dict[str, str]], tuple[SlotKey | RegistrationKey, ...]],
    broken: set[str],
) -> None:
    place = f"{path.parent.name}/{path.name}"
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UnreadableInput(f"{path} cannot be read: {error.strerror}.") from error
    for number, line in enumerate(lines, start=1):
        line = line.rstrip(b"\r")  # noqa: PLW2901 - the line without its end is the line
        if not line.strip():
            continue
        raw, values = line.decode(reading.encoding, "replace"), []
        try:
            values = _values(line, columns, reading.encoding)
            keys = take(dict(zip(columns, values, strict=False)))
        except RowRejected as rejection:
            extract.rejected.append(Rejected(Place(place, number), str(rejection), raw))
            if "session_id" in columns:
                # What this row would have said is unknown: nothing of its session is withdrawn today.
                position = columns.index("session_id")
                broken.update(value.strip() for value in raw.split(SEPARATOR)[position : position + 1])
        else:
            extract.rows.append(ReadRow(Place(place, number), raw, keys))


def _values(line: bytes, columns: tuple[str, ...], encoding: str) -> list[str]:
    try:
        values = line.decode(encoding).split(SEPARATOR)
    except UnicodeDecodeError:
        raise RowRejected(f"The row is not encoded in {encoding}.") from None
    if len(values) == len(columns) + 1 and not values[-1].strip():
        values.pop()
    if len(values) != len(columns):
        raise RowRejected(f"The row has another number of columns than {len(columns)}.")
    return values
