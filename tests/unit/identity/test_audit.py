import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, delete, select, text, update

from identity.audit import AuditTrail, Event, Head
from identity.database import reading, writing
from identity.errors import AuditBroken, IdentityUnavailable, InvalidValue
from identity.keys import MasterKey
from identity.tables import AUDIT


@pytest.fixture
def trail(engine: Engine, master: MasterKey) -> AuditTrail:
    return AuditTrail(engine, master)


def event(action: str = "identities-read", tenant: str = "acme") -> Event:
    return Event(tenant, "operator:ada", action, "a" * 32, "asked by the person", {"statements": 3})


def test_an_entry_says_who_did_what_when_and_why(trail: AuditTrail) -> None:
    trail.append(event())
    (entry,) = trail.read()
    assert entry.event == event()
    assert entry.number == 1
    assert entry.at.tzinfo is not None


def test_entries_are_read_by_tenant_and_from_a_number_on(trail: AuditTrail) -> None:
    trail.append(event(tenant="acme"), event(tenant="bolt"), event(tenant="acme"))
    assert [entry.number for entry in trail.read(tenant="acme")] == [1, 3]
    assert [entry.number for entry in trail.read(after=1)] == [2, 3]
    assert [entry.number for entry in trail.read(limit=1)] == [1]


def test_an_untouched_trail_is_whole_and_holds_every_head_it_ever_had(trail: AuditTrail) -> None:
    heads = [trail.head(), *(trail.append(event(f"action-{number}")) for number in range(5))]
    assert trail.verify(heads) == heads[-1] == trail.head()


def test_the_database_refuses_to_change_or_remove_an_entry(engine: Engine, trail: AuditTrail) -> None:
    trail.append(event())
    for change in (update(AUDIT).values(who="operator:eve"), delete(AUDIT)):
        with pytest.raises(IdentityUnavailable), writing(engine) as connection:
            connection.execute(change)
    assert trail.verify().number == 1


def _without_triggers(engine: Engine) -> None:
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_append_only"))
        else:
            for name in ("audit_no_update", "audit_no_delete"):
                connection.execute(text(f"DROP TRIGGER {name}"))


@pytest.mark.parametrize("column", ["tenant", "who", "action", "about", "why", "details", "digest"])
def test_a_changed_entry_is_found(engine: Engine, trail: AuditTrail, column: str) -> None:
    trail.append(*(event() for _ in range(3)))
    _without_triggers(engine)
    with writing(engine) as connection:
        connection.execute(update(AUDIT).where(AUDIT.c.number == 2).values({column: "0" * 31}))
    with pytest.raises(AuditBroken) as caught:
        trail.verify()
    assert caught.value.number == 2


def test_an_entry_taken_out_is_found(engine: Engine, trail: AuditTrail) -> None:
    trail.append(*(event() for _ in range(3)))
    _without_triggers(engine)
    with writing(engine) as connection:
        connection.execute(delete(AUDIT).where(AUDIT.c.number == 2))
    with pytest.raises(AuditBroken) as caught:
        trail.verify()
    assert caught.value.number == 2


def test_two_entries_that_changed_places_are_found(engine: Engine, trail: AuditTrail) -> None:
    trail.append(event("first"), event("second"))
    _without_triggers(engine)
    with writing(engine) as connection:
        for number, to in ((1, 99), (2, 1), (99, 2)):
            connection.execute(update(AUDIT).where(AUDIT.c.number == number).values(number=to))
    with pytest.raises(AuditBroken):
        trail.verify()


def test_an_end_that_was_cut_off_shows_by_a_head_noted_before(engine: Engine, trail: AuditTrail) -> None:
    noted = trail.append(*(event() for _ in range(3)))
    _without_triggers(engine)
    with writing(engine) as connection:
        connection.execute(delete(AUDIT).where(AUDIT.c.number == 3))
    assert trail.verify().number == 2
    with pytest.raises(AuditBroken) as caught:
        trail.verify([noted])
    assert caught.value.number == 3


def test_a_chain_written_anew_without_the_master_key_is_found(engine: Engine, trail: AuditTrail) -> None:
    noted = trail.append(event(), event())
    _without_triggers(engine)
    with writing(engine) as connection:
        connection.execute(delete(AUDIT))
    AuditTrail(engine, MasterKey(secrets.token_bytes(32))).append(event(), event())
    with pytest.raises(AuditBroken):
        trail.verify([noted])


def test_entries_appended_at_once_form_one_chain(trail: AuditTrail) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: trail.append(event(f"action-{number}"), event()), range(40)))
    assert trail.verify().number == 80


def test_an_event_is_written_with_what_it_tells_of_or_not_at_all(engine: Engine, trail: AuditTrail) -> None:
    def fail_after_telling() -> None:
        with writing(engine) as connection:
            trail.append_to(connection, event())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_telling()
    with reading(engine) as connection:
        assert connection.execute(select(AUDIT)).all() == []


@pytest.mark.parametrize("text", ["", "3", "x:" + "0" * 64, "3:abc"])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        Head.parse(text)


def test_a_head_is_read_as_it_was_written(trail: AuditTrail) -> None:
    head = trail.append(event())
    assert Head.parse(str(head)) == head
