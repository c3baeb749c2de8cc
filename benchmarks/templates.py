"""What holding statements against templates costs: `python -m benchmarks.templates`.

Prints the microseconds that `ConformanceChecker.check` takes a statement, with all profiles that come with Jalon, for
statements in the forms that arrive.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from timeit import repeat
from types import MappingProxyType
from typing import Any, Final

from xapi_profiles.profile import load_profiles
from xapi_profiles.templates import ConformanceChecker
from xapi_profiles.vocabulary import ActivityType, Category, Extension, Verb

# Short and many, the fastest counting: on a shared machine a long one never has a core to itself.
ROUNDS, REPEATS = 100, 150
HOME: Final = "https://w3id.org/jalon/tenants/demo"
_VIDEO: Final = "https://w3id.org/xapi/video/extensions/"
_SESSION: Final = {"id": f"{HOME}/sessions/48213", "definition": {"type": ActivityType.SESSION}}
_GROUPING: Final = [
    {"id": f"{HOME}/modules/7731", "definition": {"type": ActivityType.TRAINING_MODULE}},
    {"id": f"{HOME}/pathways/25N0010", "definition": {"type": ActivityType.PATHWAY}},
]


def make_statement(
    verb: str, target: Mapping[str, Any], category: str, *, result: Mapping[str, Any], extensions: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a statement in its usual form, within a session."""
    return {
        "id": "6690e6c9-3ef0-4ed3-8b37-7f3964730bee",
        "actor": {"account": {"homePage": "https://example.org", "name": "5d41402abc4b2a76b9719d911017c592"}},
        "verb": {"id": verb},
        "object": target,
        "result": result,
        "context": {
            "registration": "aa97b177-9383-4934-8543-0f91a7a02836",
            "contextActivities": {"category": [{"id": category}], "parent": [_SESSION], "grouping": _GROUPING},
            "extensions": extensions,
        },
        "timestamp": "2026-11-22T09:30:00.000Z",
    }


def make_statements() -> Mapping[str, dict[str, Any]]:
    """Return a statement of each profile that has much to check, by what it says, and one that claims none."""
    half_day = {Extension.HALF_DAY: "2026-11-23 am", Extension.MODALITY: "remote", Extension.EVIDENCE: "connection"}
    room = {"id": f"{HOME}/virtual-rooms/2", "definition": {"type": ActivityType.VIRTUAL_CLASSROOM}}
    video = {"id": "https://example.org/videos/1", "definition": {"type": ActivityType.VIDEO}}
    unit = {"id": "https://example.org/units/1"}
    quiz = {"id": "https://example.org/quiz/1", "definition": {"type": ActivityType.QUIZ}}
    page = {"id": "https://example.org/page", "definition": {"type": ActivityType.WEBPAGE}}
    joined = {Extension.MODALITY: "remote", Extension.CONNECTION: "w_4fyxk2"}
    watched = {_VIDEO + "time": 12.5, _VIDEO + "progress": 0.4, _VIDEO + "played-segments": "0[.]12.5"}
    launch = {Extension.CMI5_SESSION_ID: "s1"}
    passed = make_statement(
        Verb.PASSED, unit, Category.CMI5, result={"success": True, "duration": "PT5M"}, extensions=launch
    )
    passed["context"]["contextActivities"]["category"].append({"id": Category.CMI5_MOVE_ON})
    return MappingProxyType(
        {
            "attended": make_statement(
                Verb.ATTENDED, _SESSION, Category.TRAINING, result={"duration": "PT2H51M"}, extensions=half_day
            ),
            "join": make_statement(Verb.JOIN, room, Category.TRAINING, result={}, extensions=joined),
            "video paused": make_statement(
                Verb.PAUSED,
                video,
                Category.VIDEO,
                result={"extensions": watched},
                extensions={_VIDEO + "length": 586},
            ),
            "cmi5 passed": passed,
            "scored": make_statement(
                Verb.SCORED, quiz, Category.ASSESSMENTS, result={"score": {"raw": 7}}, extensions={}
            ),
            "page opened": make_statement(Verb.ACCESSED, page, Category.RESOURCES, result={}, extensions={}),
            "of no profile": make_statement(Verb.ACCESSED, page, "https://example.org/other", result={}, extensions={}),
        }
    )


def measure() -> dict[str, float]:
    """Return the microseconds a check of each statement takes, by what it says."""
    checker = ConformanceChecker(load_profiles())
    figures = {}
    for name, statement in make_statements().items():
        standing = checker.check(statement)
        if standing.state != ("unclaimed" if name == "of no profile" else "conformant"):
            raise AssertionError(f"{name}: {standing}")
        seconds = min(repeat(partial(checker.check, statement), number=ROUNDS, repeat=REPEATS))
        figures[name] = seconds / ROUNDS * 1e6
    return figures


def main() -> None:
    for name, microseconds in measure().items():
        print(f"{name}: {microseconds:.1f} us a statement")


if __name__ == "__main__":
    main()
