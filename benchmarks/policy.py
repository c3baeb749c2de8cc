"""What a policy costs: `python -m benchmarks.policy` pseudonymises and seals statements under several policies.

Keys come from memory, so that what is measured is the work on a statement, with a warm vault.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from timeit import repeat
from typing import Any, get_args

from benchmarks import json_text, load
from identity.keys import TenantKeys
from identity.policy import FieldName, Policy
from identity.sealing import pseudonymise

# Short and many, the fastest counting: on a shared machine a long one never has a core to itself.
STATEMENTS, REPEATS = 200, 100
POLICIES = {
    "agents alone": Policy(
        detected="keep", fields=dict.fromkeys(get_args(FieldName), "keep"), extensions={"*": "keep"}
    ),
    "default": Policy(),
    "all hashed": Policy(fields=dict.fromkeys(get_args(FieldName), "hash"), extensions={"*": "hash"}),
}


def make_learner(number: int, *, response: str = "", title: str = "") -> dict[str, Any]:
    """Return a statement of the load, with a free text or a title that names its learner."""
    statement: dict[str, Any] = load.make_statement(number)
    if response:
        statement["result"]["response"] = response
    if title:
        statement["object"]["definition"]["name"] = {"fr": f"{title} {statement['actor']['name']}"}
    return statement


def main() -> None:
    """Print microseconds of processor time a statement."""
    pseudonym, fingerprint, dead_letter, content = (secrets.token_bytes(32) for _ in range(4))
    keys = TenantKeys("bench", 1, pseudonym, fingerprint, dead_letter, content)
    learners: dict[str, bytes] = {}

    def find_keys(names: Iterable[str]) -> dict[str, bytes]:
        return {name: learners.setdefault(name, secrets.token_bytes(32)) for name in names}

    batches = {
        "load of the pipeline, 0.9 KB": [make_learner(number) for number in range(STATEMENTS)],
        "the same with a response": [make_learner(number, response="Très bien.") for number in range(STATEMENTS)],
        "the same with a name in the title": [make_learner(number, title="Bilan de") for number in range(STATEMENTS)],
        "player of videos, 1.1 KB": [json_text.make_statement() for _ in range(STATEMENTS)],
    }
    for name, batch in batches.items():
        figures = []
        for policy in POLICIES.values():
            seconds = min(
                repeat(
                    lambda policy=policy, batch=batch: pseudonymise(batch, keys, find_keys, policy),  # type: ignore[misc]
                    number=1,
                    repeat=REPEATS,
                    timer=time.process_time,
                )
            )
            figures.append(f"{seconds / STATEMENTS * 1e6:6.1f}")
        print(f"{name:36}", *(f"{told} {figure} us " for told, figure in zip(POLICIES, figures, strict=True)))


if __name__ == "__main__":
    main()
