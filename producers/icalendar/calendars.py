"""An iCalendar (RFC 5545) cut into its events, so that a broken one breaks no other.

Only the properties that a booking is made of are kept; who organises and who attends is dropped before anything is
parsed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from producers.errors import UnreadableInput

_KEPT: Final = frozenset(
    {
        "BEGIN",
        "END",
        "UID",
        "DTSTART",
        "DTEND",
        "DURATION",
        "RRULE",
        "RDATE",
        "EXDATE",
        "EXRULE",
        "RECURRENCE-ID",
        "STATUS",
        "SUMMARY",
        "LOCATION",
        "CREATED",
        "LAST-MODIFIED",
    }
)


class Block(NamedTuple):
    """The text of one event, its lines still folded, and the number of the line that begins it."""

    line: int
    text: str


class Calendar(NamedTuple):
    """A calendar cut up: its time zones as one calendar of their own, and its events."""

    zones: str
    events: list[Block]


class Property(NamedTuple):
    """One property: its line, its name, its text before the first colon (name and parameters) and the value after it.

    `text` is all of it as it stands, folded.
    """

    line: int
    name: str
    head: str
    value: str
    text: str


def split_calendar(text: str, name: str) -> Calendar:
    """Cut a calendar up. Raises UnreadableInput for what is none, is cut short, or is a message and no calendar."""
    zones: list[str] = []
    events: list[Block] = []
    kept: list[Property] = []
    for inside, one in _walk(text, name):
        if inside[1:2] == ["VTIMEZONE"]:
            zones.append(one.text)
        elif inside[1:] == ["VEVENT"] and one.name in _KEPT:
            kept.append(one)
            if one.name == "END":
                events.append(Block(kept[0].line, "".join(each.text for each in kept)))
                kept = []
        elif one.name == "METHOD":
            _check_method(one.value, name)
    return Calendar("".join(["BEGIN:VCALENDAR\r\n", *zones, "END:VCALENDAR\r\n"]), events)


def find_uid(block: Block) -> str | None:
    """Return the UID of an event that may be broken otherwise, None if even that is."""
    uids = [" ".join(one.value.split()) for one in read_properties(block.text) if one.name == "UID"]
    return uids[0] or None if uids else None


def read_properties(text: str) -> Iterator[Property]:
    """Yield the properties of a text, unfolded."""
    lines = text.splitlines()
    start = 0
    while start < len(lines):
        end = start + 1
        while end < len(lines) and lines[end].startswith((" ", "\t")):
            end += 1
        if lines[start].strip():
            head, value = _part("".join([lines[start], *(line[1:] for line in lines[start + 1 : end])]))
            name = head.partition(";")[0].strip().upper()
            if name in {"BEGIN", "END"}:
                value = value.strip().upper()
            yield Property(start + 1, name, head, value, "".join(line + "\r\n" for line in lines[start:end]))
        start = end


def _walk(text: str, name: str) -> Iterator[tuple[list[str], Property]]:
    """Yield the properties with the components that they stand in, the outermost first."""
    inside: list[str] = []
    for one in read_properties(text):
        if one.name == "BEGIN":
            inside.append(one.value)
        if inside[:1] != ["VCALENDAR"]:
            raise UnreadableInput(f"{name} is no calendar: line {one.line} is not between BEGIN:VCALENDAR and its end.")
        yield inside, one
        if one.name == "END" and inside.pop() != one.value:
            raise UnreadableInput(f"{name} is no calendar: line {one.line} ends what is not open.")
    if inside or not text.strip():
        raise UnreadableInput(f"{name} is cut short: it does not end with END:VCALENDAR. Get it again.")


def _check_method(method: str, name: str) -> None:
    if method.strip().upper() != "PUBLISH":
        raise UnreadableInput(f"{name} is a message about single events (METHOD), no calendar: export the calendar.")


def _part(line: str) -> tuple[str, str]:
    """Return what stands before and after the first colon that no parameter quotes."""
    head, _, value = line.partition(":")
    while head.count('"') % 2 and value:
        more, _, value = value.partition(":")
        head = f"{head}:{more}"
    return head, value
