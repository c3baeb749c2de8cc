"""Somebody who reads every figure of every board, knows how small groups are cut, and subtracts.

What is told becomes linear constraints over whole numbers (how many are registered, in the room, remote, …); a search
then says whether a hidden number could be another one. It is exact: a number is safe only if there is a world with
another number in which every figure reads the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Bounds = dict[str, tuple[int, int]]


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
