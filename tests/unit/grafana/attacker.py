"""Somebody who reads every figure of every board, knows how small groups are cut, and subtracts.

What is told becomes linear constraints over whole numbers (how many are registered, in the room, remote, …); a search
then says whether a hidden number could be another one. It is exact: a number is safe only if there is a world with
another number in which every figure reads the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.unit.grafana.sessions import SLOT_HOURS, Group

Bounds = dict[str, tuple[int, int]]
Figures = dict[tuple[str, int], list[dict[str, Any]]]
"""The rows of panels, by board and number."""


@dataclass
class Knowledge:
    """Bounds of unknown numbers, and sums of them that lie between two numbers."""

    bounds: Bounds = field(default_factory=dict)
    sums: list[tuple[Mapping[str, int], int | None, int | None]] = field(default_factory=list)

    def learn(self, name: str, least: int, most: int) -> None:
        """Note that a number lies between two."""
        known = self.bounds.get(name, (least, most))
        self.bounds[name] = (max(known[0], least), min(known[1], most))

    def learn_sum(self, terms: Mapping[str, int], least: int | None, most: int | None) -> None:
        """Note that a weighted sum lies between two numbers; None is no limit."""
        self.sums.append((terms, least, most))

    def learn_at_most(self, smaller: str, *larger: str) -> None:
        """Note that one number is at most the sum of others."""
        self.learn_sum({smaller: 1} | dict.fromkeys(larger, -1), None, 0)

    def admits(self, terms: Mapping[str, int], value: int) -> bool:
        """Whether there is a world in which the weighted sum has this value."""
        return _search(dict(self.bounds), [*self.sums, (terms, value, value)])


def _search(bounds: Bounds, sums: Sequence[tuple[Mapping[str, int], int | None, int | None]]) -> bool:
    narrowed = _narrow(bounds, sums)
    if narrowed is None:
        return False
    open_names = [name for name, (least, most) in narrowed.items() if least < most]
    if not open_names:
        return True
    name = min(open_names, key=lambda each: narrowed[each][1] - narrowed[each][0])
    least, most = narrowed[name]
    return any(_search(narrowed | {name: (value, value)}, sums) for value in range(least, most + 1))


def _narrow(bounds: Bounds, sums: Sequence[tuple[Mapping[str, int], int | None, int | None]]) -> Bounds | None:
    """Return bounds as narrow as each sum alone makes them; None when no world is left."""
    bounds = dict(bounds)
    changed = True
    while changed:
        changed = False
        for terms, least, most in sums:
            low = sum(weight * bounds[name][weight < 0] for name, weight in terms.items())
            high = sum(weight * bounds[name][weight > 0] for name, weight in terms.items())
            if (most is not None and low > most) or (least is not None and high < least):
                return None
            for name, weight in terms.items():
                old = bounds[name]
                down, up = old
                others_low = low - weight * old[weight < 0]
                others_high = high - weight * old[weight > 0]
                if most is not None:  # weight * x <= most - others_low
                    room = most - others_low
                    up, down = (min(up, room // weight), down) if weight > 0 else (up, max(down, -(room // -weight)))
                if least is not None:  # weight * x >= least - others_high
                    need = least - others_high
                    if weight > 0:
                        down = max(down, -(-need // weight))
                    else:
                        up = min(up, -need // -weight)
                if down > up:
                    return None
                if (down, up) != old:
                    bounds[name] = (down, up)
                    low += weight * (bounds[name][weight < 0] - old[weight < 0])
                    high += weight * (bounds[name][weight > 0] - old[weight > 0])
                    changed = True
    return bounds


@dataclass
class Learnt(Knowledge):
    """What is learnt from figures that are told in steps of k."""

    k: int = 1

    def in_steps(self, name: str, told: float | None) -> None:
        if told is None:
            self.learn(name, 1, max(1, self.k - 1))
        else:
            self.learn(name, round(told), round(told) + self.k - 1 if told else 0)

    def sum_in_steps(self, names: list[str], told: int | None) -> None:
        """Groups are told together: as the sum of the steps that they are in."""
        if names and told is not None:
            self.learn_sum(dict.fromkeys(names, 1), told, told + len(names) * (self.k - 1))


def learn(now: Figures, day: Figures, parts: list[Group], k: int) -> Knowledge:
    """Return what the figures of a moment and of its day tell somebody who knows the rules, and who is no walk-in."""
    known = Learnt(k=k)
    learn_sessions(known, now, day, parts)
    learn_totals(known, now, day, parts)
    if not any(group.walk_ins for group in parts):
        for n in range(len(parts)):
            known.learn_sum({f"room {n}": 1, f"remote {n}": 1, f"present {n}": -1}, 0, 0)
            known.learn_sum({f"came {n}": 1, f"attended {n}": -1}, 0, 0)
    return known


NAMES = ("registered", "here", "room", "remote", "present", "came", "attended")


def learn_sessions(known: Learnt, now: Figures, day: Figures, parts: list[Group]) -> None:
    running = {row["title"]: row for row in now["attendance", 6]}
    rates = {row["title"]: row["rate"] for row in day["attendance", 7]}
    for number in range(len(parts)):
        row = running[f"Session {number}"]
        names = {name: f"{name} {number}" for name in NAMES}
        if row["registered"] is None:
            known.learn(names["registered"], 1, known.k - 1)
        else:
            known.learn(names["registered"], row["registered"], row["registered"])
        known.in_steps(names["here"], row["present"])
        for name, told in (("room", row["in_person"]), ("remote", row["remote"])):
            if told is None:
                known.learn(names[name], 0, known.k - 1)
            elif told < 0:
                known.learn(names[name], 1, 60)
            else:
                known.in_steps(names[name], told)
        known.learn_sum({names["room"]: 1, names["remote"]: 1, names["here"]: -1}, 0, 0)
        for name, rate in (("present", row["rate"]), ("came", rates.get(f"Session {number}"))):
            known.learn(names[name], 0, 60)
            if row["registered"]:
                known.in_steps(names[name], None if rate is None else rate * row["registered"])
        known.learn(names["attended"], 0, 60)
        known.learn_at_most(names["present"], names["came"])
        known.learn_at_most(names["came"], names["registered"])
        known.learn_at_most(names["present"], names["room"], names["remote"])
        for name in ("came", "room", "remote"):
            known.learn_at_most(names[name], names["attended"])


def learn_totals(known: Learnt, now: Figures, day: Figures, parts: list[Group]) -> None:
    """The attacker is even told which groups are the ones that were counted."""
    k = known.k
    counted = [number for number, group in enumerate(parts) if group.attended >= k]
    (present,) = now["attendance", 1]
    large = [number for number, group in enumerate(parts) if group.here >= k]
    apart = [
        number for number in large if not any(0 < part < k for part in (parts[number].room_now, parts[number].remote))
    ]
    known.sum_in_steps([f"room {n}" for n in apart if parts[n].room_now], present["in_person"])
    known.sum_in_steps([f"remote {n}" for n in apart if parts[n].remote], present["remote"])
    known.sum_in_steps([f"here {n}" for n in large if n not in apart], present["together"])
    for row in day["pathways", 2]:
        inside = [n for n in counted if row["title"] == f"Pathway {parts[n].pathway}"]
        known.sum_in_steps([f"attended {n}" for n in inside], row["attended"])
        if inside and row["hours"]:
            # They may have left early, so that they are more than their hours say.
            steps = row["hours"] / SLOT_HOURS - len(inside) * (k - 1) / 2
            known.learn_sum({f"attended {n}": 1 for n in inside}, math.ceil(steps), None)
    for row in day["attendance", 8]:
        inside = [n for n in counted if row["module_title"] == f"Module {parts[n].module}"]
        known.sum_in_steps([f"attended {n}" for n in inside], row["learners"])


def find_secrets(parts: list[Group], k: int) -> Iterator[tuple[dict[str, int], int]]:
    """Yield the sums that a reader must not know, each a group of fewer than k learners, with their true values."""
    for number, group in enumerate(parts):
        for terms, value in (
            ({f"registered {number}": 1}, group.registered),
            ({f"room {number}": 1}, group.room_now),
            ({f"remote {number}": 1}, group.remote),
            ({f"present {number}": 1}, group.present),
            ({f"came {number}": 1}, group.came),
            ({f"registered {number}": 1, f"present {number}": -1}, group.registered - group.present),
            ({f"registered {number}": 1, f"came {number}": -1}, group.registered - group.came),
        ):
            if 0 < value < k:
                yield terms, value


def find_pinned(known: Knowledge, parts: list[Group], k: int) -> list[dict[str, int]]:
    """Return the secrets that the figures give away."""
    pinned = []
    for terms, value in find_secrets(parts, k):
        assert known.admits(terms, value), f"{terms} is {value}: the attacker has learnt something untrue"
        if not any(known.admits(terms, other) for other in range(k + 3) if other != value):
            pinned.append(terms)
    return pinned
