"""What was taken out of a statement beside its agents, and how it is put back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
"""The keys and indices that lead to a place."""


class Patch(NamedTuple):
    """An original to seal: the value that stood at `path`, or with `is_key` the key that the last part of it was.

    `about` are the pseudonyms of whom it names beside the actor.
    """

    path: Path
    original: Any
    is_key: bool
    about: frozenset[str]


def put_back(statement: dict[str, Any], patches: Iterable[Sequence[Any]]) -> None:
    """Put originals back into a statement, which is changed; what it shares with others is copied first.

    A patch is a Patch, or what JSON made of its first three fields.
    """
    patches = list(patches)
    copied: dict[Path, Any] = {(): statement}
    for path, original, is_key, *_ in patches:
        if not is_key:
            _copy_at(tuple(path[:-1]), copied)[path[-1]] = original
    # The paths are those of the redacted statement: keys get their own names back from the innermost outwards.
    for path, original, *_ in sorted((patch for patch in patches if patch[2]), key=lambda patch: -len(patch[0])):
        parent = _copy_at(tuple(path[:-1]), copied)
        renamed = {original if key == path[-1] else key: value for key, value in parent.items()}
        parent.clear()
        parent.update(renamed)


def _copy_at(path: Path, copied: dict[Path, Any]) -> Any:  # noqa: ANN401 (an object or a list)
    node = copied.get(path)
    if node is None:
        parent = _copy_at(path[:-1], copied)
        node = copied[path] = parent[path[-1]] = parent[path[-1]].copy()
    return node
