"""The way in through the LRS: its answers are the verdicts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx

from jalon.errors import WrongInput
from jalon.importing.files import Found
from jalon.importing.verdicts import Verdicts
from xapi_profiles.json_text import dump_json

_PATIENCE_SECONDS = 120.0
_PASSING = frozenset({429, 502, 503, 504})
_TOO_LARGE = 413
_BAD, _CONFLICT = 400, 409


class LrsRoute:
    """Posts batches; what a batch is refused for is taken out of it, and the rest is sent again."""

    def __init__(
        self,
        endpoint: str,
        key: str,
        secret: str,
        *,
        transport: httpx.BaseTransport | None = None,
        wait: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the LRS's base, such as http://127.0.0.1:8080/xAPI, and a credential that may write."""
        self._endpoint = endpoint.rstrip("/")
        self._wait, self._clock = wait, clock
        self._client = httpx.Client(
            auth=(key, secret),
            headers={"X-Experience-API-Version": "1.0.3", "Content-Type": "application/json"},
            timeout=60,
            transport=transport,
        )

    def send(self, batch: list[Found]) -> Verdicts:
        """Post the batch; raises WrongInput when the LRS cannot be reached or does not let us in."""
        verdicts = Verdicts()
        while batch:
            answer = self._post(dump_json([found.statement for found in batch]))
            if answer.is_success:
                known = int(answer.headers.get("X-Jalon-Duplicates", "0"))
                verdicts.accepted += len(batch) - known
                verdicts.duplicate += known
                verdicts.ids += [UUID(one) for one in answer.json()]
                return verdicts
            if answer.status_code == _TOO_LARGE and len(batch) > 1:
                middle = len(batch) // 2
                verdicts.add(self.send(batch[:middle]))
                verdicts.add(self.send(batch[middle:]))
                return verdicts
            refused = _find_refused(answer, batch)
            if not refused:
                raise WrongInput(f"The LRS at {self._endpoint} answers {answer.status_code}: {_sentence(answer)}")
            verdicts.rejected += [(batch[index], reason) for index, reason in refused.items()]
            batch = [found for index, found in enumerate(batch) if index not in refused]
        return verdicts

    def settle(self) -> Verdicts:
        """Nothing is left open: the LRS has answered for every statement."""
        return Verdicts()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, body: bytes) -> httpx.Response:
        deadline = self._clock() + _PATIENCE_SECONDS
        while True:
            try:
                answer = self._client.post(f"{self._endpoint}/statements", content=body)
                if answer.status_code not in _PASSING or self._clock() > deadline:
                    return answer
                self._wait(float(answer.headers.get("Retry-After", "1")))
            except httpx.TransportError as error:
                if self._clock() > deadline or isinstance(error, httpx.UnsupportedProtocol):
                    raise WrongInput(f"The LRS at {self._endpoint} does not answer: see `jalon status`.") from error
                self._wait(0.5)


def _find_refused(answer: httpx.Response, batch: list[Found]) -> dict[int, str]:
    """Return index and reason of the statements for which the whole batch was refused."""
    body = _body(answer)
    if answer.status_code == _BAD:
        refused: dict[int, str] = {}
        for problem in body.get("problems", ()):
            index = str(problem.get("pointer", "")).removeprefix("/").split("/")[0]
            if index.isdecimal() and int(index) < len(batch):
                refused.setdefault(int(index), _describe(problem, index))
        return refused
    if answer.status_code == _CONFLICT:
        ids = {str(one).lower() for one in body.get("ids", ())}
        return {
            index: "A different statement is stored under this id."
            for index, found in enumerate(batch)
            if str(found.statement.get("id", "")).lower() in ids
        }
    if answer.status_code == _TOO_LARGE and len(batch) == 1:
        return {0: _sentence(answer)}
    return {}


def _describe(problem: dict[str, Any], index: str) -> str:
    pointer = str(problem["pointer"]).removeprefix(f"/{index}")
    return f"{pointer or '/'}: {problem.get('message', '')} [{problem.get('rule', '')}]"


def _sentence(answer: httpx.Response) -> str:
    return str(_body(answer).get("message") or "no reason given.")


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
