"""What exact JSON costs: `python -m benchmarks.json_text` reads a statement of 1 KB with orjson and with parse_json."""

from __future__ import annotations

import json
from timeit import repeat
from typing import Any

import orjson

from xapi_profiles.json_text import parse_json

# Short and many, the fastest counting: on a shared machine a long one never has a core to itself.
ROUNDS, REPEATS = 400, 150


def make_statement() -> dict[str, Any]:
    """Return a statement as a player of videos sends it: about 1 KB."""
    course = "https://example.org/courses/course-v1:example+00002+session01"
    return {
        "id": "6690e6c9-3ef0-4ed3-8b37-7f3964730bee",
        "actor": {"account": {"homePage": "https://example.org", "name": "5d41402abc4b2a76b9719d911017c592"}},
        "verb": {"id": "https://w3id.org/xapi/video/verbs/seeked", "display": {"fr-FR": "s'est déplacé"}},
        "object": {
            "id": f"{course}/videos/9dc99b37-e920-4a68-a066-917faca28949",
            "definition": {
                "type": "https://w3id.org/xapi/video/activity-type/video",
                "name": {"fr-FR": "Séance 4 : équations, première partie"},
            },
        },
        "result": {
            "score": {"scaled": 0.95, "raw": 19, "min": 0, "max": 20},
            "extensions": {
                "https://w3id.org/xapi/video/extensions/time-from": 12.482,
                "https://w3id.org/xapi/video/extensions/time-to": 340.0,
            },
        },
        "context": {
            "registration": "aa97b177-9383-4934-8543-0f91a7a02836",
            "contextActivities": {"parent": [{"id": course}], "category": [{"id": "https://w3id.org/xapi/video"}]},
            "extensions": {
                "https://w3id.org/xapi/video/extensions/length": 1508.0,
                "https://w3id.org/xapi/video/extensions/session-id": "7d4f3c70-1e79-4243-9b7d-166076ce8bfb",
            },
        },
        "timestamp": "2026-11-22T09:30:00.000Z",
    }


def main() -> None:
    """Print microseconds a statement: orjson alone, parse_json, and the difference."""
    statement = make_statement()
    exact = {**statement, "result": {"score": {"raw": 0.5}}}
    forms = {
        "compact": orjson.dumps(statement),
        "spaces, as Python's json writes": json.dumps(statement, ensure_ascii=False).encode(),
        "spaces and escapes": json.dumps(statement).encode(),
        "a number beyond a double": orjson.dumps(exact).replace(b"0.5", b"0.12345678901234567890"),
        "50 in an array, each": orjson.dumps([statement] * 50),
    }
    for name, raw in forms.items():
        share = 50 if name.endswith("each") else 1
        rounds = ROUNDS // share
        plain, ours = (
            min(repeat(lambda read=read, raw=raw: read(raw), number=rounds, repeat=REPEATS)) / rounds / share * 1e6  # type: ignore[misc]
            for read in (orjson.loads, parse_json)
        )
        print(f"{name:32} {len(raw) // share:6} bytes  {plain:6.2f} {ours:6.2f}  +{ours - plain:.2f} us")


if __name__ == "__main__":
    main()
