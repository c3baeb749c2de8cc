"""Statements for tests: a plain one to override, random valid ones, and ways to break them."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import strategies as st

from xapi_profiles.validation import InvalidStatement, Problem, check_statements

Statement = dict[str, Any]
Path = tuple[str | int, ...]

VERSIONS = ("1.0.3", "2.0.0")


def make_statement(**overrides: Any) -> Statement:
    """Return a small valid statement; an override replaces a property, and None leaves it out."""
    statement: Statement = {
        "actor": {"objectType": "Agent", "mbox": "mailto:ada.lovelace@example.org"},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/attended", "display": {"en": "attended", "fr": "a suivi"}},
        "object": {"objectType": "Activity", "id": "https://example.org/sessions/1"},
    }
    statement.update(overrides)
    return {name: value for name, value in statement.items() if value is not None}


def find_problems(statements: object, version: str = "1.0.3") -> tuple[Problem, ...]:
    """Return what is wrong with statements, nothing if they are valid."""
    try:
        check_statements(statements, version)
    except InvalidStatement as error:
        return error.problems
    return ()


def assert_accepted(statement: object, version: str | None = None) -> None:
    """Assert that a statement is valid, in both versions unless one is given."""
    for each in (version,) if version else VERSIONS:
        assert find_problems(statement, each) == (), each


def assert_refused(statement: object, pointer: str, rule: str, version: str | None = None) -> None:
    """Assert that a statement is refused for this requirement at this place, and for no other reason."""
    for each in (version,) if version else VERSIONS:
        with pytest.raises(InvalidStatement) as caught:
            check_statements(statement, each)
        assert [(problem.pointer, problem.rule) for problem in caught.value.problems] == [(pointer, rule)], each


def replace(statement: Statement, path: Path, value: Any) -> Statement:
    """Return a copy of a statement with the value at a path replaced, or added."""
    changed = copy.deepcopy(statement)
    parent: Any = changed
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = value
    return changed


def remove(statement: Statement, path: Path) -> Statement:
    """Return a copy of a statement without the property at a path."""
    changed = copy.deepcopy(statement)
    parent: Any = changed
    for part in path[:-1]:
        parent = parent[part]
    del parent[path[-1]]
    return changed


def pointer_to(path: Path, index: int = 0) -> str:
    """Return the pointer of a path in a statement of a batch."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in (index, *path))


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every place of a statement that the specification rules: all but what is within extensions."""
    if path:
        yield path, value
    if path and path[-1] == "extensions":
        return
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from walk(child, (*path, key))


# What is below builds random valid statements.

_WORD = st.text("abcxyz059-", max_size=6).map("w{}".format)
_HOST = st.sampled_from(("example.org", "a.fr", "learn.example"))
_TEXT = st.text(max_size=12)
_HEX = "0123456789abcdefABCDEF"
_LANGUAGES = ("fr", "en-US", "zh-Hant-TW", "sl-rozaj-biske", "de-DE-u-co-phonebk", "es-419", "x-cp-maths", "i-klingon")

iris = st.one_of(
    st.builds("https://{}/{}".format, _HOST, _WORD),
    st.builds("http://{}/{}?q={}#{}".format, _HOST, _WORD, _WORD, _WORD),
    st.builds("urn:{}:{}".format, _WORD, _WORD),
    st.builds("uuid://{}".format, st.uuids()),
    st.builds("https://{}/caf\u00e9/%C3%A9{}".format, _HOST, _WORD),
    st.builds("course-v1:{}+{}".format, _WORD, _WORD),
)
uuids = st.builds(str, st.uuids()) | st.uuids().map(lambda value: str(value).upper())
language_maps = st.dictionaries(st.sampled_from(_LANGUAGES), _TEXT, max_size=3)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)
extensions = st.dictionaries(iris, json_values, max_size=2)
durations = st.sampled_from(
    ("PT0S", "PT1H30M", "P4W", "P3Y1M29DT4H35M59.14S", "PT16559.14S", "PT0,5H", "P1Y", "P1DT12H")
)
timestamps = st.sampled_from(
    ("2026-11-22T09:30:00.123Z", "2024-02-29T23:59:60Z", "2008-09-15T15:53:00.601+00:00", "1999-12-31T00:00:00-05:30")
)
_ISO_ONLY = st.sampled_from(("20081115T155300Z", "2008-09-15T15:53:00", "2008-09-15T15:53+0200", "2008-09-15T15"))


def _optional(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


_IDENTIFIERS: dict[str, st.SearchStrategy[Any]] = {
    "mbox": st.builds("mailto:{}@{}".format, _WORD, _HOST),
    "mbox_sha1sum": st.text(_HEX, min_size=40, max_size=40),
    "openid": st.builds("https://{}/{}".format, _HOST, _WORD),
    "account": st.fixed_dictionaries({"homePage": iris, "name": _TEXT}),
}


def _identified(kind: str, *, explicit: bool = False, **more: Any) -> st.SearchStrategy[dict[str, Any]]:
    typed = {"objectType": st.just(kind)}
    return st.one_of(
        *(
            _optional({name: value, **(typed if explicit else {})}, name=_TEXT, **({} if explicit else typed), **more)
            for name, value in _IDENTIFIERS.items()
        )
    )


agents = _identified("Agent")
_members = st.lists(agents, max_size=3)
groups = _identified("Group", explicit=True, member=_members) | _optional(
    {"objectType": st.just("Group"), "member": st.lists(agents, min_size=1, max_size=3)}, name=_TEXT
)
actors = agents | groups
verbs = _optional(
    {"id": iris.filter(lambda iri: iri != "http://adlnet.gov/expapi/verbs/voided")}, display=language_maps
)
_components = st.lists(
    _optional({"id": _WORD}, description=language_maps), max_size=3, unique_by=lambda each: each["id"]
)
_described: dict[str, Any] = {
    "name": language_maps,
    "description": language_maps,
    "type": iris,
    "moreInfo": iris,
    "extensions": extensions,
}


def _interaction(kinds: tuple[str, ...], *lists: str) -> st.SearchStrategy[dict[str, Any]]:
    return _optional(
        {"interactionType": st.sampled_from(kinds)},
        correctResponsesPattern=st.lists(_TEXT, max_size=2),
        **dict.fromkeys(lists, _components),
        **_described,
    )


definitions = st.one_of(
    _optional({}, **_described),
    _interaction(("choice", "sequencing"), "choices"),
    _interaction(("likert",), "scale"),
    _interaction(("matching",), "source", "target"),
    _interaction(("performance",), "steps"),
    _interaction(("true-false", "fill-in", "long-fill-in", "numeric", "other")),
)
activities = _optional({"id": iris}, objectType=st.just("Activity"), definition=definitions)
references = st.fixed_dictionaries({"objectType": st.just("StatementRef"), "id": uuids})


@st.composite
def scores(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a score whose raw lies within its range."""
    low, raw, high = sorted(draw(st.lists(st.integers(-1000, 1000), min_size=3, max_size=3, unique=True)))
    whole = {"min": low, "raw": raw, "max": high, "scaled": draw(st.floats(-1, 1))}
    return {name: whole[name] for name in sorted(draw(st.sets(st.sampled_from(sorted(whole)))))}


results = _optional(
    {},
    score=scores(),
    success=st.booleans(),
    completion=st.booleans(),
    response=_TEXT,
    duration=durations,
    extensions=extensions,
)
attachments = _optional(
    {
        "usageType": iris,
        "display": language_maps,
        "contentType": st.sampled_from(("text/plain", "application/octet-stream", "text/plain; charset=utf-8")),
        "length": st.integers(0, 10**12),
        "sha2": st.sampled_from((56, 64, 96, 128)).flatmap(lambda size: st.text(_HEX, min_size=size, max_size=size)),
    },
    description=language_maps,
    fileUrl=iris,
)
_related = activities | st.lists(activities, max_size=2)


def contexts(version: str, *, about_activity: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a context that suits a statement whose object is, or is not, an activity."""
    optional: dict[str, Any] = {
        "registration": uuids,
        "instructor": actors,
        "team": groups,
        "contextActivities": _optional({}, parent=_related, grouping=_related, category=_related, other=_related),
        "language": st.sampled_from(_LANGUAGES),
        "statement": references,
        "extensions": extensions,
    }
    if about_activity:
        optional |= {"revision": _TEXT, "platform": _TEXT}
    if version == "2.0.0":
        types = st.lists(iris, min_size=1, max_size=2)
        agent = _optional({"objectType": st.just("contextAgent"), "agent": agents}, relevantTypes=types)
        group = _optional({"objectType": st.just("contextGroup"), "group": groups}, relevantTypes=types)
        optional |= {"contextAgents": st.lists(agent, max_size=2), "contextGroups": st.lists(group, max_size=2)}
    return _optional({}, **optional)


def _bodies(version: str, target: Any, *, about_activity: bool, more: Any = None) -> st.SearchStrategy[Statement]:
    times = timestamps if version == "2.0.0" else timestamps | _ISO_ONLY
    return _optional(
        {"actor": actors, "verb": verbs, "object": target},
        result=results,
        context=contexts(version, about_activity=about_activity),
        timestamp=times,
        attachments=st.lists(attachments, max_size=2),
        **(more or {}),
    )


def statements(version: str = "1.0.3") -> st.SearchStrategy[Statement]:
    """Draw valid statements of a version: every kind of object, sub-statements included, every property."""
    others = st.one_of(_identified("Agent", explicit=True), groups, references)
    sub_statements = st.builds(
        lambda body: {"objectType": "SubStatement", **body},
        _bodies(version, activities, about_activity=True) | _bodies(version, others, about_activity=False),
    )
    authority = agents | _optional({"objectType": st.just("Group"), "member": st.lists(agents, min_size=2, max_size=2)})
    stored: dict[str, Any] = {
        "id": uuids,
        "stored": timestamps,
        "authority": authority,
        "version": st.sampled_from(("1.0", "1.0.0", "1.0.9") if version == "1.0.3" else ("1.0.3", "2.0.0")),
    }
    return _bodies(version, activities, about_activity=True, more=stored) | _bodies(
        version, others | sub_statements, about_activity=False, more=stored
    )


def _swap_type(value: Any) -> Any:
    return value + 0.5 if isinstance(value, bool) else 12345 if isinstance(value, str) else "should fail"


def _with_unknown_key(statement: Statement, path: Path, value: Any) -> tuple[Statement, Path] | None:
    if not isinstance(value, dict) or path[-1] in ("extensions", "display", "name", "description"):
        return None
    return replace(statement, (*path, "should fail"), True), (*path, "should fail")


def _with_null(statement: Statement, path: Path, _value: Any) -> tuple[Statement, Path]:
    return replace(statement, path, None), path


def _with_other_case(statement: Statement, path: Path, value: Any) -> tuple[Statement, Path] | None:
    key = path[-1]
    if (
        not isinstance(key, str)
        or re.search(r"[^A-Za-z0-9_]", key)
        or path[-2:-1]
        in (
            ("display",),
            ("name",),
            ("description",),
        )
    ):
        return None
    other = (*path[:-1], key.upper())
    return replace(remove(statement, path), other, value), other


def _with_wrong_type(statement: Statement, path: Path, value: Any) -> tuple[Statement, Path]:
    return replace(statement, path, _swap_type(value)), path


MUTATIONS: dict[str, Callable[[Statement, Path, Any], tuple[Statement, Path] | None]] = {
    "an unknown key": _with_unknown_key,
    "null": _with_null,
    "a key in another case": _with_other_case,
    "a value of another type": _with_wrong_type,
}
"""Name of a mutation -> what makes it, at one place: the broken statement and where it is broken, or None."""
