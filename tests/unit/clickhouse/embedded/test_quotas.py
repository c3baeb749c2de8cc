from __future__ import annotations

import pytest

from clickhouse.embedded.errors import ServerError
from clickhouse.embedded.quotas import Quota, Usage


class Clock:
    now = 7_200.0

    def __call__(self) -> float:
        return self.now


def refusal(usage: Usage, quotas: list[Quota], login: str) -> str:
    with pytest.raises(ServerError) as refused:
        usage.begin(quotas, login)
    assert refused.value.number == 201
    return str(refused.value)


def test_a_login_has_its_share_of_every_interval_and_others_have_theirs() -> None:
    clock = Clock()
    usage = Usage(clock)
    quotas = [Quota("q", 3600, (("execution_time", 10.0),), ("anne", "bob"))]
    usage.begin(quotas, "anne")
    usage.end(quotas, "anne", 11)
    said = refusal(usage, quotas, "anne")
    assert "execution_time = 11/10" in said
    assert "will end at 1970-01-01 03:00:00" in said
    usage.begin(quotas, "bob")
    usage.begin(quotas, "carl")
    clock.now += 3600
    usage.begin(quotas, "anne")


def test_queries_are_counted_and_a_refused_one_is_not() -> None:
    usage = Usage(Clock())
    quotas = [Quota("q", 60, (("queries", 2.0),), ("anne",))]
    for _ in range(2):
        usage.begin(quotas, "anne")
    for _ in range(3):
        assert "queries = 3/2" in refusal(usage, quotas, "anne")
