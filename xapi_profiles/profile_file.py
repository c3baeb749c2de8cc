"""A profile that somebody brings as a file: read within bounds, and checked wholly before anything relies on it.

Beyond the specification it is held to limits that keep checking statements cheap, and to the profiles that are known
already: what it names has to exist, and it may not take their ids.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from xapi_profiles.errors import InvalidProfile, MalformedJson, Problem
from xapi_profiles.json_text import parse_json
from xapi_profiles.profile import Profile, check_profile
from xapi_profiles.profile_problems import find_conflicts, make_problem

MAX_BYTES: Final = 1_048_576
"""The largest file, in bytes: several times the largest profile that is published."""
MAX_DEPTH: Final = 40
"""How deep its objects and arrays may be nested in each other."""
MAX_TEMPLATES: Final = 500
MAX_RULES: Final = 2000
"""How many templates it may have, and how many rules they may have together."""
MAX_PATH: Final = 1000
"""The longest JSONPath, in characters."""
MAX_DESCENTS: Final = 1
"""How often a JSONPath may descend (`..`): each one may visit the whole statement again."""
_LIMIT: Final = "Jalon limits"


def read_profile(path: Path, known: Iterable[Profile] = ()) -> Profile:
    """Return the profile in a file, checked on its own and against the known ones.

    `known` are the profiles that it will stand beside: those that come with Jalon and the tenant's others, without an
    earlier version of itself. Raises InvalidProfile with the problems found, and OSError when the file cannot be read.
    """
    return parse_profile(read_bytes(path), known)


def read_bytes(path: Path) -> bytes:
    """Return what a file holds, of one that is too large as much as shows it. Raises OSError."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def parse_profile(raw: bytes, known: Iterable[Profile] = ()) -> Profile:
    """Return the profile that a file holds, checked as by `read_profile`. Raises InvalidProfile."""
    if len(raw) > MAX_BYTES:
        raise InvalidProfile((Problem("", _LIMIT, f"expected a file of {MAX_BYTES} bytes or less", "more"),))
    try:
        document = parse_json(raw.removeprefix(BOM_UTF8))
    except MalformedJson as error:
        found = f"line {error.line}, column {error.column}: {error.reason}"
        raise InvalidProfile((Problem("", "Profiles 2.0", "expected JSON", found),)) from None
    if _is_too_deep(document):
        raise InvalidProfile((Problem("", _LIMIT, f"expected values nested no deeper than {MAX_DEPTH}", "deeper"),))
    profile = check_profile(document)
    problems = (*_find_excesses(document, profile), *_find_strangers(document, profile))
    problems += tuple(find_conflicts(document, profile, known))
    if problems:
        raise InvalidProfile(problems)
    return profile


def _is_too_deep(document: object) -> bool:
    level = [document]
    for _ in range(MAX_DEPTH + 1):
        parents = [each for each in level if isinstance(each, dict | list)]
        if not parents:
            return False
        level = [child for each in parents for child in (each.values() if isinstance(each, dict) else each)]
    return True


def _find_excesses(document: object, profile: Profile) -> Iterator[Problem]:
    if len(profile.templates) > MAX_TEMPLATES:
        yield make_problem(document, ("templates",), f"expected {MAX_TEMPLATES} templates or less", _LIMIT)
    if sum(len(template.rules or ()) for template in profile.templates) > MAX_RULES:
        yield make_problem(document, ("templates",), f"expected {MAX_RULES} rules or less in all templates", _LIMIT)
    for index, template in enumerate(profile.templates):
        for number, rule in enumerate(template.rules or ()):
            for name in ("location", "selector"):
                text = getattr(rule, name) or ""
                if len(text) > MAX_PATH or text.count("..") > MAX_DESCENTS:
                    message = f"expected a JSONPath of {MAX_PATH} characters or less, with .. in it at most once"
                    yield make_problem(document, ("templates", index, "rules", number, name), message, _LIMIT)


def _find_strangers(document: object, profile: Profile) -> Iterator[Problem]:
    """Find members of patterns that the profile lacks: those of other profiles are not followed here."""
    own = {template.id for template in profile.templates} | {pattern.id for pattern in profile.patterns}
    for index, pattern in enumerate(profile.patterns):
        for member in pattern.members:
            if member not in own:
                message = f"expected members that are templates or patterns of this profile, as {member} is not"
                yield make_problem(document, ("patterns", index), message)
