"""What this worker has told ClickHouse lately about activities and agents, so that it need not tell it again.

Nearly every statement repeats a definition and a name that are known. A worker that starts anew, or that could not
write, tells them once more, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from stream_processors.reading import Candidate
from stream_processors.relations import list_activities
from xapi_profiles.json_text import dump_json

CAPACITY = 200_000


class Seen:
    """The definitions and agents last listed, forgotten all at once when there are too many."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._definitions: dict[tuple[str, str], int] = {}
        self._agents: set[tuple[str, str, int]] = set()

    def list_new_definitions(
        self, tenant: str, candidates: Sequence[Candidate]
    ) -> Iterator[tuple[Candidate, str, bytes]]:
        """Yield activity and definition (JSON) where it is another one than the activity had last."""
        if len(self._definitions) > self._capacity:
            self._definitions.clear()
        for candidate in candidates:
            if not candidate.defines:
                continue
            for activity in list_activities(candidate.statement):
                definition = activity.get("definition")
                if not definition:
                    continue
                place, content = (tenant, activity["id"]), dump_json(definition)
                mark = hash(content)
                if self._definitions.get(place) != mark:
                    self._definitions[place] = mark
                    yield candidate, activity["id"], content

    def list_new_agents(
        self, tenant: str, originals: Iterable[tuple[int, str, bytes]]
    ) -> Iterator[tuple[int, str, bytes]]:
        """Yield those agents (milliseconds, pseudonym, JSON) that were not listed yet."""
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
