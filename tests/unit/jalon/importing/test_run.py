from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import orjson
import pytest

from jalon.errors import WrongInput
from jalon.importing.files import Found
from jalon.importing.lrs_route import LrsRoute
from jalon.importing.run import BATCH, Outcome, gather_batches, import_statements
from jalon.importing.verdicts import RejectedFile, Verdicts


class FakeLrs:
    """Answers as docs/lrs.md says: whole batches, duplicates in a header, 400 with problems, 409 with ids."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.requests = 0
        self.loses = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        statements = orjson.loads(request.content)
        bad = [index for index, one in enumerate(statements) if "verb" not in one]
        if bad:
            problems = [{"pointer": f"/{index}/verb", "rule": "XAPI-1", "message": "Missing."} for index in bad[:2]]
            return httpx.Response(400, json={"code": "invalid-statement", "problems": problems})
        encoded = {one.setdefault("id", str(uuid4())): orjson.dumps(one) for one in statements}
        conflicts = [name for name, raw in encoded.items() if self.stored.get(name, raw) != raw]
        if conflicts:
            return httpx.Response(409, json={"code": "conflict", "ids": conflicts})
        known = sum(name in self.stored for name in encoded)
        if not self.loses:
            self.stored |= encoded
        return httpx.Response(200, json=list(encoded), headers={"X-Jalon-Duplicates": str(known)})

    def count(self) -> int:
        return len(self.stored)

    def count_present(self, ids: Iterable[UUID]) -> int:
        return sum(str(one) in self.stored for one in ids)

    def wait_until_stored(self) -> None:
        """Everything is stored at once."""


def run(lrs: FakeLrs, found: Iterable[Found], directory: Path) -> Outcome:
    route = LrsRoute("http://lrs/xAPI", "k", "s", transport=httpx.MockTransport(lrs), wait=lambda _: None)
    with RejectedFile(directory / "rejected.jsonl") as rejected:
        return import_statements(found, route, lrs, rejected)


def make(count: int, **changes: object) -> list[Found]:
    return [Found(f"f:{n}", {"id": str(uuid4()), "verb": n, **changes}) for n in range(count)]


def test_everything_new_is_accepted_and_everything_again_is_duplicate(tmp_path: Path) -> None:
    lrs, found = FakeLrs(), make(3 * BATCH + 7)
    first = run(lrs, found, tmp_path)
    assert (first.problem, first.report.accepted, first.report.stored) == ("", len(found), len(found))
    again = run(lrs, found, tmp_path)
    assert (again.problem, again.report.duplicate, again.report.accepted) == ("", len(found), 0)
    assert again.report.stored == len(found)
    assert not (tmp_path / "rejected.jsonl").exists()


def test_bad_statements_are_taken_out_with_their_reason_and_the_others_stored(tmp_path: Path) -> None:
    lrs, found = FakeLrs(), make(60)
    for index in (3, 4, 5, 55):
        del found[index].statement["verb"]
    outcome = run(lrs, found, tmp_path)
    assert (outcome.problem, outcome.report.accepted, outcome.report.rejected) == ("", 56, 4)
    lines = [orjson.loads(line) for line in (tmp_path / "rejected.jsonl").read_bytes().splitlines()]
    assert {line["place"] for line in lines} == {"f:3", "f:4", "f:5", "f:55"}
    assert lines[0]["reason"] == "/verb: Missing. [XAPI-1]"
    assert (tmp_path / "rejected.jsonl").stat().st_mode & 0o077 == 0


def test_of_two_versions_in_one_file_the_first_stands_and_the_second_is_rejected(tmp_path: Path) -> None:
    lrs, found = FakeLrs(), make(3)
    found.append(Found("f:9", {**found[0].statement, "verb": "other"}))
    outcome = run(lrs, found, tmp_path)
    assert (outcome.problem, outcome.report.accepted, outcome.report.rejected) == ("", 3, 1)
    assert orjson.loads(lrs.stored[found[0].statement["id"]])["verb"] == 0


def test_what_is_no_statement_is_rejected_unsent(tmp_path: Path) -> None:
    lrs = FakeLrs()
    outcome = run(lrs, [Found("f:1", None, "not JSON", "{"), Found("f:2", 7)], tmp_path)
    assert (outcome.report.read, outcome.report.rejected, lrs.requests) == (2, 2, 0)


def test_an_accepted_statement_that_is_not_stored_is_a_problem(tmp_path: Path) -> None:
    lrs = FakeLrs()
    lrs.loses = True
    assert "the store grew by 0" in run(lrs, make(5), tmp_path).problem


def test_a_refusal_that_names_no_statement_ends_the_import_in_a_sentence(tmp_path: Path) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        return httpx.Response(403, json={"message": "The credential lacks the scope statements/write."})

    route = LrsRoute("http://lrs/xAPI", "k", "s", transport=httpx.MockTransport(refuse))
    with RejectedFile(tmp_path / "r") as rejected, pytest.raises(WrongInput, match="lacks the scope"):
        import_statements(make(1), route, FakeLrs(), rejected)


def test_a_passing_refusal_is_tried_again(tmp_path: Path) -> None:
    lrs, answers = FakeLrs(), [503, 429]

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(answers.pop(), headers={"Retry-After": "1"}) if answers else lrs(request)

    waited: list[float] = []
    route = LrsRoute("http://lrs/xAPI", "k", "s", transport=httpx.MockTransport(answer), wait=waited.append)
    with RejectedFile(tmp_path / "r") as rejected:
        assert import_statements(make(2), route, lrs, rejected).problem == ""
    assert waited == [1.0, 1.0]


def test_a_batch_never_holds_an_id_twice() -> None:
    found = make(2)
    twice = [found[0], found[1], Found("f:3", {"id": found[0].statement["id"].upper()})]
    assert [len(batch) for batch in gather_batches(twice)] == [2, 1]


def test_verdicts_add_up() -> None:
    total = Verdicts(accepted=1)
    total.add(Verdicts(accepted=2, duplicate=3))
    assert (total.accepted, total.duplicate) == (3, 3)
