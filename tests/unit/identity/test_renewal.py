"""What is known of the database within seconds: when it is asked, and what holds while it does not answer."""

from __future__ import annotations

import pytest

from identity.errors import IdentityUnavailable, UnknownTenant
from identity.renewal import Renewed, RenewedByTenant


class Source:
    """A database that counts how often it is asked, and may be away."""

    def __init__(self) -> None:
        self.now, self.asked, self.away = 0.0, 0, False
        self.before: list[int | None] = []

    def read(self, before: int | None) -> int:
        if self.away:
            raise IdentityUnavailable("down")
        self.before.append(before)
        self.asked += 1
        return self.asked

    def renew(self) -> Renewed[int]:
        return Renewed(self.read, 2.0, lambda: self.now)


def test_it_is_read_again_when_it_is_too_old_with_what_was_known_before() -> None:
    source = Source()
    known = source.renew()
    assert not known.is_fresh
    assert [known.get(), known.get()] == [1, 1]
    assert known.is_fresh
    source.now = 2.0
    assert not known.is_fresh
    assert known.recall() == 1
    assert known.get() == 2
    assert known.get_anew() == 3
    assert source.before == [None, 1, 2]


def test_while_the_database_is_away_what_was_read_last_holds_and_it_is_asked_no_more_often() -> None:
    source = Source()
    known = source.renew()
    known.get()
    source.away, source.now = True, 5.0
    assert known.get() == 1
    assert known.is_fresh
    with pytest.raises(IdentityUnavailable):
        known.get_anew()
    source.away, source.now = False, 7.0
    assert known.get() == 2


def test_what_was_never_read_cannot_be_told() -> None:
    source = Source()
    source.away = True
    known = source.renew()
    for tell in (known.recall, known.get, known.get_anew):
        with pytest.raises(IdentityUnavailable):
            tell()


def test_each_tenant_is_known_for_itself_and_one_that_there_is_not_is_asked_for_each_time() -> None:
    asked: list[tuple[str, str | None]] = []

    def read(tenant: str, before: str | None) -> str:
        asked.append((tenant, before))
        if tenant == "nobody":
            raise UnknownTenant(tenant)
        return tenant.upper()

    now = 0.0
    known = RenewedByTenant(read, 2.0, lambda: now)
    assert [known.get("a"), known.get("b"), known.get("a")] == ["A", "B", "A"]
    for _ in range(2):
        with pytest.raises(UnknownTenant):
            known.get("nobody")
    now = 2.0
    known.get("a")
    assert asked == [("a", None), ("b", None), ("nobody", None), ("nobody", None), ("a", "A")]
