from __future__ import annotations

from typing import Any

from stream_processors.seen import SECONDS, Seen


class Candidate:
    def __init__(self, definition: dict[str, Any] | None, *, defines: bool = True) -> None:
        self.defines = defines
        activity: dict[str, Any] = {"id": "https://example.org/a"}
        if definition is not None:
            activity["definition"] = definition
        self.statement = self.shown = {"object": activity}


def list_new(seen: Seen, *candidates: Candidate, tenant: str = "acme") -> list[bytes]:
    told: Any = [(candidate, candidate) for candidate in candidates]
    return [new.content for _, _, new in seen.list_new_definitions(tenant, told)]


def test_a_definition_is_listed_when_it_is_another_than_the_activity_had_last() -> None:
    seen = Seen()
    assert list_new(seen, Candidate({"type": "https://t/1"}), Candidate({"type": "https://t/1"})) == [
        b'{"type":"https://t/1"}'
    ]
    assert list_new(seen, Candidate({"type": "https://t/1"})) == []
    assert len(list_new(seen, Candidate({"type": "https://t/2"}), Candidate({"type": "https://t/1"}))) == 2


def test_what_may_not_define_and_what_has_no_definition_lists_nothing() -> None:
    assert list_new(Seen(), Candidate({"type": "https://t/1"}, defines=False), Candidate(None), Candidate({})) == []


def test_tenants_do_not_share_what_was_seen() -> None:
    seen = Seen()
    definition = Candidate({"type": "https://t/1"})
    assert list_new(seen, definition)
    assert list_new(seen, definition, tenant="other")
    assert list(seen.list_new_agents("acme", [(1, "p", b"{}")]))
    assert list(seen.list_new_agents("other", [(1, "p", b"{}")]))


def test_an_agent_is_listed_once_in_each_form() -> None:
    seen = Seen()
    forms = [(1, "p", b'{"name":"Ada"}'), (2, "p", b'{"name":"Ada"}'), (3, "p", b'{"name":"Ada L."}')]
    assert [at for at, _, _ in seen.list_new_agents("acme", forms)] == [1, 3]


def test_all_is_listed_anew_after_it_was_forgotten_or_grew_too_large() -> None:
    seen = Seen(capacity=1)
    definition = Candidate({"type": "https://t/1"})
    list_new(seen, definition)
    seen.forget()
    assert list_new(seen, definition)
    assert len(list(seen.list_new_agents("acme", [(1, "p", b"1"), (1, "q", b"2")]))) == 2
    assert len(list(seen.list_new_agents("acme", [(1, "p", b"1")]))) == 1


def test_everything_is_told_anew_every_hour() -> None:
    now = 0.0
    seen = Seen(clock=lambda: now)
    definition = Candidate({"type": "https://t/1"})
    assert list_new(seen, definition)
    assert list(seen.list_new_agents("acme", [(1, "p", b"{}")]))
    now = SECONDS - 1
    assert not list_new(seen, definition)
    now = SECONDS
    assert list(seen.list_new_agents("acme", [(1, "p", b"{}")]))
    assert list_new(seen, definition)
