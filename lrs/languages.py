"""Which language of a language map a client gets, by its Accept-Language (RFC 9110 12.5.4, RFC 4647)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

_LONGEST_HEADER = 1_000


def parse_accept_language(header: str | None) -> list[str]:
    """Return the language ranges of a header, the preferred first; what is malformed or refused (q=0) is left out."""
    ranges: list[tuple[float, str]] = []
    for part in (header or "")[:_LONGEST_HEADER].split(","):
        name, _, parameter = part.strip().partition(";")
        weight = _parse_weight(parameter)
        if name.strip() and weight > 0:
            ranges.append((weight, name.strip().lower()))
    ranges.sort(key=lambda each: -each[0])
    return [name for _, name in ranges]


def choose_language(texts: Mapping[str, str], ranges: Sequence[str]) -> str | None:
    """Return the tag of the text to show, None of an empty map; without a match the first text is the default."""
    tags = {tag.lower(): tag for tag in texts}
    for wanted in ranges:
        if wanted == "*":
            break
        if (tag := tags.get(wanted)) is not None:
            return tag
        nearby = next((tag for lower, tag in tags.items() if lower.startswith(f"{wanted}-")), None)
        if nearby is not None:
            return nearby
        # A more general text serves, too: who asks for fr-CA can read fr.
        while "-" in wanted:
            wanted = wanted.rpartition("-")[0]  # noqa: PLW2901 (the range is shortened part by part)
            if (tag := tags.get(wanted)) is not None:
                return tag
    return next(iter(texts), None)


def _parse_weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if math.isfinite(weight) else 0.0
