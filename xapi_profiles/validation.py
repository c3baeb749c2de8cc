"""Whether what somebody sent is statements that follow the specification.

A refusal names every place, the requirement broken there and what is expected, so that a sender can mend all
of it at once. Sound statements are what comes in by the thousand: they pay for validation alone, and the
places are worked out only when something is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, Final, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, SchemaValidator

from xapi_profiles import requirements
from xapi_profiles.errors import InvalidStatement, Problem
from xapi_profiles.pointers import ABSENT, excerpt, step, value_at, write_pointer
from xapi_profiles.record import VERSIONS
from xapi_profiles.rules import find_breaches
from xapi_profiles.statement import TAG, Statement1, Statement2

MAX_PROBLEMS: Final = 20
MAX_FAULTS: Final = 1000


def check_statements(statements: object, version: str = "1.0.3") -> list[dict[str, Any]]:
    """Return the statements of a request, a list of them or a single one, as the very objects given.

    `version` is the xAPI version whose rules apply: one of record.VERSIONS. Raises InvalidStatement with all
    the problems found, the first MAX_PROBLEMS of them; their pointers start with the statement's index, also
    for a single one. Several statements with one id, and a list without any, are problems too. Two copies of
    one statement are refused as well (Communication 2.1.2).
    """
    batch: list[Any] = statements if isinstance(statements, list) else [statements]
    check = _validator(version).validate_python
    sound = bool(batch)
    ids = set()
    for statement in batch:
        try:
            check(statement)
        except ValidationError:
            sound = False
            break
        if next(find_breaches(statement), None) is not None:
            sound = False
            break
        identifier = statement.get("id")
        if identifier is not None:
            ids.add(identifier.lower())
    if sound and (len(batch) == 1 or len(ids) == sum("id" in statement for statement in batch)):
        return batch
    problems = tuple(islice(_find_problems(batch, version), MAX_PROBLEMS + 1))
    raise InvalidStatement(problems[:MAX_PROBLEMS], more=len(problems) > MAX_PROBLEMS)


@lru_cache(maxsize=len(VERSIONS))
def _validator(version: str) -> SchemaValidator:
    # Built when first needed: it takes tens of milliseconds, which importing must not.
    if version not in VERSIONS:
        raise ValueError(f"the xAPI version is one of {', '.join(VERSIONS)}")
    model: Any = Statement1 if version == "1.0.3" else Statement2
    return cast("SchemaValidator", TypeAdapter(model).validator)


def _find_problems(batch: list[Any], version: str) -> Iterator[Problem]:
    if not batch:
        yield Problem("", requirements.BATCH, "expected one statement at least", "[]")
    first_with: dict[str, int] = {}
    for index, statement in enumerate(batch):
        faults = _find_faults(index, statement, _validator(version))
        reported = {problem.pointer for problem in faults}
        yield from faults
        if not isinstance(statement, dict):
            continue
        for breach in find_breaches(statement):
            pointer = write_pointer((index, *breach.path))
            if pointer not in reported:
                yield Problem(pointer, breach.rule, breach.message, excerpt(value_at(statement, breach.path)))
        identifier = statement.get("id")
        if isinstance(identifier, str) and first_with.setdefault(identifier.lower(), index) != index:
            message = "each statement of a request has an id of its own; an earlier one has this id"
            yield Problem(f"/{index}/id", requirements.REPEATED_ID, message, excerpt(identifier))


def _find_faults(index: int, statement: object, validator: SchemaValidator) -> list[Problem]:
    """Return what the model finds wrong with one statement."""
    try:
        validator.validate_python(statement)
    except ValidationError as error:
        # Naming a fault costs a thousand times what finding it did: a flood of them is not worth it.
        if error.error_count() > MAX_FAULTS:
            message = f"more than {MAX_FAULTS} faults, too many to name; is this an xAPI statement?"
            return [Problem(write_pointer((index,)), requirements.FAULTS, message, excerpt(statement))]
        return [_to_problem(index, statement, fault) for fault in error.errors(include_url=False)]
    return []


def _to_problem(index: int, statement: object, fault: ErrorDetails) -> Problem:
    """Turn one of pydantic's errors into a Problem: union tags and key marks leave the location."""
    kind = fault["type"]
    path: list[str | int] = []
    within = ""
    location = fault["loc"]
    value: object = statement
    is_key = False
    for place, part in enumerate(location):
        last = place == len(location) - 1
        if isinstance(part, str) and part.startswith(TAG) and not _is_key(value, part, location[place + 1 :]):
            within = part[len(TAG) :]
            continue
        if last and part == "[key]" and not (isinstance(value, dict) and part in value):
            is_key = True
            continue
        path.append(part)
        value = step(value, part)
    found: object = fault["input"]
    if kind == "object_type":
        path.append("objectType")
        found = value = step(value, "objectType")
    keys = tuple(part for part in path if isinstance(part, str))
    shown = ABSENT if kind == "missing" else keys[-1] if is_key else value
    if is_key:
        keys = (*keys[:-1], "*")
    rule, message = requirements.describe(
        kind, keys, found, said=fault["msg"], context=fault.get("ctx", {}), within=within
    )
    return Problem(write_pointer((index, *path)), rule, message, excerpt(shown))


def _is_key(value: object, part: str, rest: tuple[str | int, ...]) -> bool:
    """Tell a key that looks like a union tag from the tag: a tag is no key, or comes before the key like it."""
    return isinstance(value, dict) and part in value and rest[:1] != (part,)
