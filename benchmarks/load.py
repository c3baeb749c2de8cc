"""Statements to send, and a client that sends them without being the bottleneck."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import aiohttp
import orjson

_LEARNERS = 500


def make_bodies(count: int, per_request: int, learners: int = _LEARNERS) -> list[bytes]:
    """Return request bodies with `count` different statements in all, like those of a learning platform."""
    statements = [make_statement(number, learners) for number in range(count)]
    return [orjson.dumps(statements[start : start + per_request]) for start in range(0, count, per_request)]


def make_statement(number: int, learners: int = _LEARNERS) -> dict[str, Any]:
    """Return a statement of one of so many learners, who take turns."""
    learner = number % learners
    return {
        "id": str(uuid.uuid4()),
        "actor": {
            "objectType": "Agent",
            "name": f"Learner {learner}",
            "mbox": f"mailto:learner.{learner}@example.org",
        },
        "verb": {"id": "http://adlnet.gov/expapi/verbs/progressed", "display": {"en": "progressed"}},
        "object": {
            "id": f"https://example.org/activities/{number % 97}",
            "definition": {
                "type": "http://adlnet.gov/expapi/activities/lesson",
                "name": {"fr": f"Leçon {number % 97}", "en": f"Lesson {number % 97}"},
            },
        },
        "result": {"completion": False, "score": {"scaled": 0.5}, "duration": "PT12.5S"},
        "context": {
            "registration": str(uuid.UUID(int=learner)),
            "contextActivities": {
                "parent": [
                    {
                        "id": f"https://example.org/modules/{number % 13}",
                        "definition": {
                            "type": "http://vocab.xapi.fr/activities/training-module",
                            "name": {"fr": f"Module {number % 13}"},
                        },
                    }
                ]
            },
        },
        "timestamp": "2026-11-22T09:00:00.123Z",
    }


class Sender:
    """Posts bodies to an LRS from one event loop."""

    def __init__(self, endpoint: str, key: str, secret: str, connections: int) -> None:
        self._url = f"{endpoint}/statements"
        self._session = aiohttp.ClientSession(
            auth=aiohttp.BasicAuth(key, secret),
            headers={"X-Experience-API-Version": "1.0.3", "Content-Type": "application/json"},
            connector=aiohttp.TCPConnector(limit=connections),
        )
        self._connections = connections

    async def post(self, body: bytes) -> float:
        """Post one body and return the seconds it took; raises when it is not accepted."""
        started = time.perf_counter()
        async with self._session.post(self._url, data=body) as answer:
            text = await answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status}: {text[:500]!r}")
        return time.perf_counter() - started

    async def post_all(self, bodies: Sequence[bytes]) -> list[float]:
        """Post all bodies over the connections, each as soon as its connection is free."""
        waiting: Iterator[bytes] = iter(bodies)
        took: list[float] = []

        async def work() -> None:
            for body in waiting:
                took.append(await self.post(body))  # noqa: PERF401 (await)

        await asyncio.gather(*(work() for _ in range(self._connections)))
        return took

    async def close(self) -> None:
        await self._session.close()
