"""What this worker has told ClickHouse lately about activities and agents, so that it need not tell it again.

Nearly every statement repeats a definition and a name that are known. A worker that starts anew, or that could not
write, tells them once more, which changes nothing. So does every worker once an hour: what retention deletes, when it
was told a day ago or longer and nothing refers to it, is there again when somebody needs it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from identity.sealing import Sealed
from stream_processors.reading import Candidate
from stream_processors.relations import list_activities
from xapi_profiles.json_text import dump_json

CAPACITY = 200_000
SECONDS = 3600.0


class Definition(NamedTuple):
    """The definition of an activity in JSON: what a policy left of it, and with what was sealed."""

    activity: str
    content: bytes
    original: bytes


class Seen:
    """The definitions and agents last listed, forgotten all at once when there are too many."""

    def __init__(self, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._clock = clock
        self._until = clock() + SECONDS
        self._definitions: dict[tuple[str, str], int] = {}
        self._agents: set[tuple[str, str, int]] = set()

    def list_new_definitions(
        self, tenant: str, candidates: Iterable[tuple[Candidate, Sealed]]
    ) -> Iterator[tuple[Candidate, Sealed, Definition]]:
        """Yield candidates that give an activity another definition than it had last, as stored and as sent."""
        self._forget_in_time()
        if len(self._definitions) > self._capacity:
            self._definitions.clear()
        for candidate, sealed in candidates:
            if not candidate.defines:
                continue
            # Both have the same activities at the same places: what was taken out of one is all that differs.
            pairs = zip(list_activities(sealed.statement), list_activities(sealed.shown), strict=True)
            for activity, shown in pairs:
                definition = activity.get("definition")
                if not definition:
                    continue
                content = dump_json(definition)
                original = content if shown is activity else dump_json(shown["definition"])
                place, mark = (tenant, activity["id"]), hash(original)
                if self._definitions.get(place) != mark:
                    self._definitions[place] = mark
                    yield candidate, sealed, Definition(activity["id"], content, original)

    def list_new_agents(
        self, tenant: str, originals: Iterable[tuple[int, str, bytes]]
    ) -> Iterator[tuple[int, str, bytes]]:
        """Yield those agents (milliseconds, pseudonym, JSON) that were not listed yet."""
        self._forget_in_time()
        if len(self._agents) > self._capacity:
            self._agents.clear()
        for timestamp, pseudonym, original in originals:
            mark = (tenant, pseudonym, hash(original))
            if mark not in self._agents:
                self._agents.add(mark)
                yield timestamp, pseudonym, original

    def forget(self) -> None:
        """List everything anew: what was listed may not have been written."""
        self._definitions.clear()
        self._agents.clear()

    def _forget_in_time(self) -> None:
        now = self._clock()
        if now >= self._until:
            self._until = now + SECONDS
            self.forget()
