from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from identity.audit import AuditTrail
from identity.errors import InvalidValue, KeyRotated, UnknownTenant
from identity.keys import MasterKey
from identity.linking import link, list_links, rotate_key, unlink
from identity.links import Link, Span
from identity.orders import Order
from identity.person_changes import read_person_changes, read_person_revision
from identity.persons import find_keeper, find_person, find_spans, list_pseudonyms, name_versions
from identity.restrictions import list_restrictions, release, restrict
from identity.sealing import PSEUDONYM_HOME
from identity.tables import LEARNER_KEYS, PERSON_REVISIONS
from identity.vault import TENANT_KEYS_SECONDS, Vault

pytestmark = pytest.mark.usefixtures("tenant")

ADA, COUNTESS, KING = ({"mbox": f"mailto:{name}@example.org"} for name in ("ada", "countess", "king"))
ORDER = Order("acme", "operator:tests", "a test")
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def trail(engine: Engine, master: MasterKey) -> AuditTrail:
    return AuditTrail(engine, master)


@pytest.fixture
def name(engine: Engine, master: MasterKey) -> Any:
    """Return an agent's pseudonym under the tenant's newest key."""
    return lambda agent: name_versions(Vault(engine, master).tenant_keys("acme"), agent)[0]


def meet(vault: Vault, agent: dict[str, Any]) -> str:
    """Have the vault make a key for an agent, as a worker does; returns the pseudonym."""
    keys = vault.tenant_keys("acme")
    newest, *older = name_versions(keys, agent)
    vault.learner_keys("acme", [newest], version=keys.version, older={newest: older})
    return newest


def test_one_person_has_the_pseudonyms_of_all_that_is_linked(vault: Vault, trail: AuditTrail, name: Any) -> None:
    assert link(vault, trail, ORDER, [[ADA, COUNTESS], [KING]]) == [Link(name(COUNTESS), name(ADA))]
    assert link(vault, trail, ORDER, [[KING, COUNTESS]], since=NOON) == [
        Link(name(ADA), name(KING), int(NOON.timestamp() * 1000))
    ]
    everybody = {name(agent) for agent in (ADA, COUNTESS, KING)}
    for agent in (ADA, COUNTESS, KING):
        assert list_pseudonyms(vault, "acme", [agent]) == everybody
        assert find_person(vault.engine, "acme", [name(agent)]).pseudonym == name(KING)


def test_linking_again_changes_nothing(vault: Vault, trail: AuditTrail) -> None:
    link(vault, trail, ORDER, [[ADA, COUNTESS]])
    before = list_links(vault, "acme")
    assert link(vault, trail, ORDER, [[ADA, COUNTESS]]) == []
    assert link(vault, trail, ORDER, [[COUNTESS, ADA]], since=NOON) == []
    assert list_links(vault, "acme") == before


def test_a_link_from_now_on_becomes_one_for_the_past(vault: Vault, trail: AuditTrail, name: Any) -> None:
    link(vault, trail, ORDER, [[ADA, COUNTESS]], since=NOON)
    noon = int(NOON.timestamp() * 1000)
    assert find_spans(vault.engine, "acme", [name(ADA)]) == [Span(name(ADA)), Span(name(COUNTESS), since=noon)]
    link(vault, trail, ORDER, [[ADA, COUNTESS]])
    assert find_spans(vault.engine, "acme", [name(ADA)]) == [Span(name(ADA)), Span(name(COUNTESS))]


def test_a_second_moment_on_one_path_is_refused_and_nothing_of_the_order_stays(vault: Vault, trail: AuditTrail) -> None:
    link(vault, trail, ORDER, [[ADA, COUNTESS]], since=NOON)
    with pytest.raises(InvalidValue, match="from a moment on before"):
        link(vault, trail, ORDER, [[ADA, {"openid": "https://example.org/"}], [KING, ADA]], since=NOON)
    assert len(list_links(vault, "acme")) == 1


def test_a_rehearsal_tells_and_does_nothing(vault: Vault, trail: AuditTrail) -> None:
    head = trail.head()
    assert len(link(vault, trail, ORDER, [[ADA, COUNTESS, KING]], rehearse=True)) == 2
    assert list_links(vault, "acme") == []
    assert trail.head() == head


def test_unlinking_restores_what_was(vault: Vault, trail: AuditTrail, name: Any) -> None:
    link(vault, trail, ORDER, [[ADA, COUNTESS], [COUNTESS, KING]])
    assert unlink(vault, trail, ORDER, [COUNTESS]) == [Link(name(COUNTESS), name(ADA))]
    assert list_pseudonyms(vault, "acme", [ADA]) == {name(ADA), name(KING)}
    assert list_pseudonyms(vault, "acme", [COUNTESS]) == {name(COUNTESS)}
    with pytest.raises(InvalidValue, match="counts as itself"):
        unlink(vault, trail, ORDER, [COUNTESS])


def test_the_trail_tells_by_pseudonyms_who_linked_whom_and_why(vault: Vault, trail: AuditTrail, name: Any) -> None:
    before = trail.head().number
    link(vault, trail, ORDER, [[ADA, COUNTESS]], since=NOON)
    unlink(vault, trail, ORDER, [COUNTESS])
    events = [entry.event for entry in trail.read(tenant="acme", after=before)]
    assert [(event.action, event.who, event.why, event.about) for event in events] == [
        ("pseudonyms-linked", "operator:tests", "a test", name(ADA)),
        ("pseudonyms-unlinked", "operator:tests", "a test", name(ADA)),
    ]
    assert events[0].details == {"pseudonym": name(COUNTESS), "since": NOON.isoformat()}


@pytest.mark.parametrize("agent", [{"account": {"homePage": PSEUDONYM_HOME, "name": "0" * 32}}, {"name": "Ada"}])
def test_who_is_nobody_here_is_not_linked(vault: Vault, trail: AuditTrail, agent: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        link(vault, trail, ORDER, [[ADA, agent]])


def test_a_rotation_makes_new_pseudonyms_of_the_same_people(
    engine: Engine, master: MasterKey, vault: Vault, trail: AuditTrail
) -> None:
    old = meet(vault, ADA)
    link(vault, trail, ORDER, [[KING, ADA]])
    assert rotate_key(vault, trail, ORDER) == 2
    after = Vault(engine, master)
    new = meet(after, ADA)
    assert new != old
    king = name_versions(after.tenant_keys("acme"), KING)
    assert king[1] != king[0] not in list_pseudonyms(after, "acme", [ADA])  # not met under the new key yet
    assert {old, new, king[1]} <= list_pseudonyms(after, "acme", [ADA])
    meet(after, KING)
    assert rotate_key(after, trail, ORDER) == 3
    third = Vault(engine, master)
    newest = meet(third, ADA)
    assert list_pseudonyms(third, "acme", [ADA]) >= {old, new, newest, *king}
    persons = {find_person(engine, "acme", [one]).pseudonym for one in (old, new, newest, *king)}
    assert persons == {king[0]}
    # Which were one person's before a rotation can be told apart after it.
    unlink(third, trail, ORDER, [ADA])
    assert find_person(engine, "acme", [old]).members == {old, new, newest}


def test_nobody_gets_a_key_under_one_that_was_rotated(
    engine: Engine, master: MasterKey, vault: Vault, trail: AuditTrail
) -> None:
    """Two processes: one has not noticed the rotation, and would make a second person of somebody new."""
    known = meet(vault, ADA)
    rotate_key(Vault(engine, master), trail, ORDER)
    assert meet(vault, ADA) == known
    with pytest.raises(KeyRotated):
        meet(vault, KING)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(LEARNER_KEYS)) == 1
    assert meet(vault, KING) == name_versions(Vault(engine, master).tenant_keys("acme"), KING)[0]


def test_a_rotation_is_noticed_while_a_process_runs(engine: Engine, master: MasterKey, trail: AuditTrail) -> None:
    ticks = count(step=TENANT_KEYS_SECONDS / 2)
    running = Vault(engine, master, clock=lambda: next(ticks))
    before = running.tenant_keys("acme")
    rotate_key(Vault(engine, master), trail, ORDER)
    versions = [running.tenant_keys("acme").version for _ in range(3)]
    assert versions[-1] == 2
    assert running.tenant_keys("acme").older == ((1, before.pseudonym),)
    assert running.tenant_keys("acme").fingerprint == before.fingerprint


def test_what_is_kept_beside_statements_stays_where_it_was_first_kept(
    engine: Engine, master: MasterKey, vault: Vault, trail: AuditTrail
) -> None:
    old = meet(vault, ADA)
    rotate_key(vault, trail, ORDER)
    after = Vault(engine, master)
    new = meet(after, ADA)
    versions = name_versions(after.tenant_keys("acme"), ADA)
    assert {find_keeper(engine, "acme", asked).pseudonym for asked in (versions, [new], [old])} == {old}
    fresh = name_versions(after.tenant_keys("acme"), KING)
    assert find_keeper(engine, "acme", fresh).pseudonym == fresh[0]


def test_a_tenant_that_is_not_there_has_no_key_to_rotate(vault: Vault, trail: AuditTrail) -> None:
    with pytest.raises(UnknownTenant):
        rotate_key(vault, trail, Order("nobody", "operator:tests"))


def test_a_pause_covers_what_is_and_what_comes_to_be_the_same_person(
    engine: Engine, master: MasterKey, vault: Vault, trail: AuditTrail, name: Any
) -> None:
    meet(vault, ADA)
    link(vault, trail, ORDER, [[ADA, COUNTESS]])
    assert restrict(vault, trail, ORDER, COUNTESS, "objection") == {name(ADA), name(COUNTESS)}
    link(vault, trail, ORDER, [[KING, ADA]])
    assert {one.pseudonym for one in list_restrictions(vault, "acme")} == {name(ADA), name(COUNTESS), name(KING)}
    assert {one.ground for one in list_restrictions(vault, "acme")} == {"objection"}
    rotate_key(vault, trail, ORDER)
    new = meet(Vault(engine, master), ADA)
    assert new in {one.pseudonym for one in list_restrictions(vault, "acme")}
    unlink(Vault(engine, master), trail, ORDER, [ADA])
    assert len(list_restrictions(vault, "acme")) == 4
    release(Vault(engine, master), trail, ORDER, ADA)
    assert {one.pseudonym for one in list_restrictions(vault, "acme")} == {
        name_versions(vault.tenant_keys("acme"), KING)[-1]
    }
    with pytest.raises(InvalidValue, match="not paused"):
        release(Vault(engine, master), trail, ORDER, ADA)
    actions = [entry.event.action for entry in trail.read(tenant="acme")]
    assert actions.count("subject-restricted") == actions.count("subject-released") == 1


def test_a_pause_needs_a_reason(vault: Vault, trail: AuditTrail) -> None:
    with pytest.raises(InvalidValue, match="why"):
        restrict(vault, trail, Order("acme", "operator:tests", " "), ADA)


def test_a_copy_is_brought_up_by_what_has_changed(vault: Vault, trail: AuditTrail, name: Any) -> None:
    assert read_person_changes(vault, "acme", 0).standings == ()
    link(vault, trail, ORDER, [[COUNTESS, KING]])
    link(vault, trail, ORDER, [[ADA, COUNTESS]], since=NOON)
    restrict(vault, trail, ORDER, KING)
    copy: dict[str, Any] = {}
    revision = 0
    for order in (None, lambda: unlink(vault, trail, ORDER, [COUNTESS]), lambda: release(vault, trail, ORDER, KING)):
        if order is not None:
            order()
        changes = read_person_changes(vault, "acme", revision)
        copy |= {one.pseudonym: one for one in changes.standings}
        revision = changes.revision
        assert revision == read_person_revision(vault, "acme")
        whole = {one.pseudonym: one for one in read_person_changes(vault, "acme", 0).standings}
        assert copy == whole
    assert not any(one.restricted for one in copy.values() if one.pseudonym == name(KING))
    assert copy[name(COUNTESS)].history.person == name(COUNTESS)
    assert copy[name(KING)].history.at(int((NOON + timedelta(days=1)).timestamp() * 1000)) == name(COUNTESS)


def test_tenants_change_by_themselves(engine: Engine, vault: Vault, trail: AuditTrail) -> None:
    link(vault, trail, ORDER, [[ADA, COUNTESS]])
    with engine.connect() as connection:
        assert connection.execute(select(PERSON_REVISIONS.c.tenant)).all() == [("acme",)]


def test_however_processes_race_with_rotations_nobody_becomes_two(
    engine: Engine, master: MasterKey, trail: AuditTrail
) -> None:
    """Each thread is a process with a memory of its own, which believes in a key for as long as it lets it."""
    people = [{"mbox": f"mailto:{number}@example.org"} for number in range(24)]

    def work(order: list[dict[str, Any]]) -> None:
        vault = Vault(engine, master)
        for agent in order:
            with suppress(KeyRotated):
                meet(vault, agent)

    def rotate() -> None:
        for _ in range(3):
            rotate_key(Vault(engine, master), trail, ORDER)

    with ThreadPoolExecutor(4) as threads:
        working = [threads.submit(work, order) for order in (people, people[::-1], people[8:] + people[:8])]
        for done in (*working, threads.submit(rotate)):
            done.result()
    after = Vault(engine, master)
    for agent in people:
        meet(after, agent)
    keys = after.tenant_keys("acme")
    with engine.connect() as connection:
        met = set(connection.scalars(select(LEARNER_KEYS.c.pseudonym)))
    for agent in people:
        versions = name_versions(keys, agent)
        known = met.intersection(versions)
        person = find_person(engine, "acme", versions)
        assert person.pseudonym == versions[0]
        assert person.members >= known
        assert {find_person(engine, "acme", [name]).pseudonym for name in known} == {versions[0]}
