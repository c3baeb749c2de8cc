"""How far a video was watched, from one event of its player to the next: the log tells moments alone."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from xapi_profiles.vocabulary import Verb

_VIEWINGS = 50_000
_SEGMENTS = 100


@dataclass(slots=True)
class Viewing:
    """What one learner has watched of one video since it was loaded: seconds from its start.

    `text` is the parts watched, in their order, as the video profile writes them; `watched` is their length together.
    """

    length: float | None = None
    since: float | None = None
    text: str = ""
    watched: float = 0.0
    segments: list[tuple[float, float]] = field(default_factory=list)

    def take(self, verb: str, time: float, came_from: float | None = None) -> None:
        """Go on to an event of the player: `time` is where the video stands then, `came_from` where a jump began."""
        reached = time if came_from is None else came_from
        if self.since is not None and reached > self.since and verb != Verb.PLAYED:
            self._add(self.since, reached)
        if verb == Verb.PLAYED or (verb == Verb.SEEKED and self.since is not None):
            self.since = time
        else:
            self.since = None

    @property
    def progress(self) -> float | None:
        """The share watched so far, 0 to 1, None while the length is not known."""
        return round(min(self.watched / self.length, 1.0), 4) if self.length else None

    def _add(self, begin: float, end: float) -> None:
        if len(self.segments) == _SEGMENTS:
            return
        self.segments.append((begin, end))
        self.text += f"{'[,]' if self.text else ''}{begin:g}[.]{end:g}"
        self.watched, reached = 0.0, 0.0
        for start, stop in sorted(self.segments):
            self.watched += max(0.0, stop - max(start, reached))
            reached = max(reached, stop)


class Viewings:
    """The viewings under way, the latest of them: an older one begins anew."""

    def __init__(self) -> None:
        self._viewings: dict[Hashable, Viewing] = {}

    def find(self, key: Hashable, *, anew: bool = False) -> Viewing:
        """Return the viewing of a learner and a video; `anew` when it has just been loaded."""
        viewing = self._viewings.pop(key, None)
        if viewing is None or anew:
            viewing = Viewing()
        self._viewings[key] = viewing
        if len(self._viewings) > _VIEWINGS:
            del self._viewings[next(iter(self._viewings))]
        return viewing
