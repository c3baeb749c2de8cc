"""Sessions of one morning in numbers, and the statements of a tenant that has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.unit.grafana.conftest import CHECKIN, EXPERIENCED, HOME, JOIN, LEAVE, REGISTERED, SCHEDULE, at, statement

BROKEN = {
    "conformance": "nonconformant",
    "profile": "https://w3id.org/jalon/xapi/profiles/training/v1.0",
    "template": "https://w3id.org/jalon/xapi/profiles/training/templates/join",
    "failed_rule": "$.result: expected nothing",
}
"""As every stay is told: as a source of one learner's statements would, each breaks a rule."""
SLOT_HOURS = 3


@dataclass(frozen=True)
class Group:
    """A session of a morning: who is registered, who of them came where, who left before 9:15, who came as well."""

    module: int
    pathway: int
    registered: int
    in_room: int
    remote: int
    left: int = 0
    walk_ins: int = 0
    day: int = 0

    @property
    def came(self) -> int:
        return self.in_room + self.remote

    @property
    def attended(self) -> int:
        return self.came + self.walk_ins

    @property
    def room_now(self) -> int:
        return max(0, self.in_room - self.left) + self.walk_ins

    @property
    def here(self) -> int:
        """How many are there at 9:15."""
        return self.room_now + self.remote

    @property
    def present(self) -> int:
        """How many of the registered are there at 9:15."""
        return max(0, self.in_room - self.left) + self.remote


def write_rows(groups: list[Group], readers: int = 0) -> list[dict[str, Any]]:
    """Return the statements of a tenant with these sessions, and `readers` of a film on their own."""
    rows: list[dict[str, Any]] = []

    def add(verb: str, clock: str, day: int, **columns: Any) -> None:
        rows.append(statement(len(rows), verb, at(clock, day), **columns))

    for number, group in enumerate(groups):
        training = {
            "session": f"{HOME}/sessions/{number}",
            "session_name": f"Session {number}",
            "module": f"{HOME}/modules/{group.module}",
            "module_name": f"Module {group.module}",
            "pathway": f"{HOME}/pathways/{group.pathway}",
            "pathway_name": f"Pathway {group.pathway}",
        }
        half_day = f"2026-09-{18 + group.day} am"
        planned = at("08:00", group.day).strftime("%Y-%m-%d %H:%M:%S")
        slot = {
            "planned_start": planned,
            "planned_seconds": SLOT_HOURS * 3600,
            "half_day": half_day,
            "modality": "hybrid",
        }
        add(SCHEDULE, "06:00", -1, **training, **slot)
        for place in range(group.registered):
            add(REGISTERED, "06:30", -1, **training, actor=f"{number:04}{place:04}" * 4)
        for place in range(group.attended):
            is_guest = place >= group.came
            learner = (f"{number:04}{place:04}" if not is_guest else f"9{number:03}{place:04}") * 4
            in_room = is_guest or place < group.in_room
            stay = training | {"actor": learner, "modality": "in-person" if in_room else "remote"} | BROKEN
            add(CHECKIN if in_room else JOIN, "08:00", group.day, **stay)
            add(LEAVE, "09:00" if in_room and place < group.left else "11:00", group.day, **stay)
    for reader in range(readers):
        add(EXPERIENCED, "17:00", 0, actor=f"7777{reader:04}" * 4, activity="http://films.example/2026", source="lrs")
    return rows
