"""Which pseudonyms are one person: a forest of links, its meaning, and how it is kept in the vault's database.

A statement always stores the pseudonym of its own identifier. That two of them are one person is a late fact: a link
says that what a pseudonym stated counts as another one's, for the past too or from a moment on. Links make trees, and
the root stands for the person. Rotating the tenant's key makes a new pseudonym of a known identifier: the old one is
then linked to it, and takes no other link; those that an operator makes hang on the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from identity.database import insert_new
from identity.errors import InvalidValue
from identity.tables import LEARNER_KEYS, LINKS, PERSON_REVISIONS, RESTRICTIONS, TENANTS

_CHUNK = 5_000  # values in one IN (…): SQLite allows 32,766 parameters, PostgreSQL 65,535


@dataclass(frozen=True, slots=True)
class Link:
    """`pseudonym` counts as `person`: for statements stored at `since` (milliseconds) or later, or for all.

    `rotated`: both are one identifier, under an older and a newer key of the tenant.
    """

    pseudonym: str
    person: str
    since: int | None = None
    rotated: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """Whom a pseudonym counts as: `before` for statements stored before `since` (milliseconds), then `person`."""

    before: str
    since: int
    person: str

    def at(self, stored: int) -> str:
        """Return whom a statement counts as that was stored then."""
        return self.before if stored < self.since else self.person


@dataclass(frozen=True, slots=True)
class Span:
    """Statements of a pseudonym stored from `since` on and before `until`, in milliseconds; None bounds nothing."""

    pseudonym: str
    since: int | None = None
    until: int | None = None


Forest = Mapping[str, Link]
"""Links by the pseudonym that they are of."""


def find_root(forest: Forest, pseudonym: str) -> str:
    """Return the pseudonym that stands for the person now."""
    while pseudonym in forest:
        pseudonym = forest[pseudonym].person
    return pseudonym


def list_path(forest: Forest, pseudonym: str) -> list[Link]:
    """Return the links from a pseudonym to its root, in order."""
    path = []
    while pseudonym in forest:
        path.append(forest[pseudonym])
        pseudonym = path[-1].person
    return path


def trace(forest: Forest, pseudonym: str) -> History:
    """Return whom a pseudonym counts as over time. At most one link of a path has a `since` (see `connect`)."""
    before, since, person = pseudonym, 0, pseudonym
    for link in list_path(forest, pseudonym):
        person = link.person
        if link.since is not None:
            since = link.since
        elif not since:
            before = person
    return History(before if since else person, since, person)


def list_spans(forest: Forest, asked: Sequence[str]) -> list[Span]:
    """Return which statements are those of whom the pseudonyms `asked` (of one identifier) stand for.

    Their own, whenever stored, and those that count as somebody whom they count as, or did.
    """
    persons = set(asked)
    for name in asked:
        history = trace(forest, name)
        persons |= {history.before, history.person}
    spans = [Span(name) for name in asked]
    members = {*forest, *(link.person for link in forest.values())}
    for name in sorted(members.difference(asked)):
        history = trace(forest, name)
        earlier, later = history.before in persons, history.person in persons
        if later and (earlier or not history.since):
            spans.append(Span(name))
        elif later:
            spans.append(Span(name, since=history.since))
        elif earlier and history.since:
            spans.append(Span(name, until=history.since))
    return spans


def read_forest(connection: Connection, tenant: str, seeds: Iterable[str]) -> dict[str, Link]:
    """Return the links of every tree that holds one of the pseudonyms."""
    forest: dict[str, Link] = {}
    level = set(seeds)
    roots = set(level)
    while level:
        found = list(_select(connection, tenant, LINKS.c.pseudonym, level))
        forest.update({link.pseudonym: link for link in found})
        roots.update(link.person for link in found)
        level = {link.person for link in found}.difference(forest)
    level = roots
    while level:
        found = [link for link in _select(connection, tenant, LINKS.c.person, level) if link.pseudonym not in forest]
        forest.update({link.pseudonym: link for link in found})
        level = {link.pseudonym for link in found}
    return forest


def list_members(forest: Forest, pseudonyms: Iterable[str]) -> set[str]:
    """Return every pseudonym of the persons that these stand for."""
    roots = {find_root(forest, name) for name in pseudonyms}
    return roots | {name for name in forest if find_root(forest, name) in roots}


def list_versions(forest: Forest, versions: Sequence[str]) -> list[str]:
    """Return the pseudonyms of one identifier under all keys that it was met under, newest first, and those given."""
    newest = versions[0]
    while newest in forest and forest[newest].rotated:
        newest = forest[newest].person
    older = {link.person: link.pseudonym for link in forest.values() if link.rotated}
    chain = [newest]
    while chain[-1] in older:
        chain.append(older[chain[-1]])
    return list(dict.fromkeys([*versions, *chain])) if len(versions) > 1 else chain


def list_below(forest: Forest, pseudonyms: Iterable[str]) -> set[str]:
    """Return the pseudonyms and every one that is linked to them, directly or not."""
    found = set(pseudonyms)
    children: dict[str, list[str]] = {}
    for link in forest.values():
        children.setdefault(link.person, []).append(link.pseudonym)
    waiting = list(found)
    while waiting:
        below = [name for name in children.get(waiting.pop(), ()) if name not in found]
        found.update(below)
        waiting += below
    return found


def find_known(connection: Connection, tenant: str, pseudonyms: Iterable[str]) -> set[str]:
    """Return those of the pseudonyms that the vault has met: they have a key, a link or a restriction."""
    known: set[str] = set()
    for chunk in chunks(list(pseudonyms)):
        for table, column in (
            (LEARNER_KEYS, LEARNER_KEYS.c.pseudonym),
            (LINKS, LINKS.c.pseudonym),
            (LINKS, LINKS.c.person),
            (RESTRICTIONS, RESTRICTIONS.c.pseudonym),
        ):
            known.update(connection.scalars(select(column).where(table.c.tenant == tenant, column.in_(chunk))))
    return known


def begin_revision(connection: Connection, tenant: str) -> int:
    """Return the number of a change to links or restrictions; the tenant's next one waits until this is committed."""
    insert_new(connection, PERSON_REVISIONS, [{"tenant": tenant, "revision": 0}])
    columns = PERSON_REVISIONS.c
    connection.execute(update(PERSON_REVISIONS).where(columns.tenant == tenant).values(revision=columns.revision + 1))
    return read_revision(connection, tenant)


def skip_to_revision(connection: Connection, tenant: str, revision: int) -> int:
    """Have the change under way be the one of this number, which others have not seen, and return it."""
    columns = PERSON_REVISIONS.c
    connection.execute(update(PERSON_REVISIONS).where(columns.tenant == tenant).values(revision=revision))
    return revision


def read_revision(connection: Connection, tenant: str) -> int:
    """Return the number of the last change to links or restrictions of the tenant, 0 before the first."""
    columns = PERSON_REVISIONS.c
    revision: int | None = connection.scalar(select(columns.revision).where(columns.tenant == tenant))
    return revision or 0


def lock_tenant(connection: Connection, tenant: str) -> None:
    """Keep others from rotating the key of this tenant and from making keys of its learners."""
    if connection.dialect.name == "postgresql":  # a writing transaction of SQLite is alone anyway
        connection.execute(select(TENANTS.c.id).where(TENANTS.c.id == tenant).with_for_update())


def connect(
    connection: Connection, tenant: str, pseudonym: str, person: str, since: int | None, revision: int
) -> list[Link]:
    """Make one person of the two that these pseudonyms stand for; returns the links made or changed.

    Linked already, they stay so; one from a moment on then becomes one for the past too, if `since` is None. Raises
    InvalidValue where a second moment would come between: a path has at most one.
    """
    forest = read_forest(connection, tenant, [pseudonym, person])
    root, other = find_root(forest, person), find_root(forest, pseudonym)
    if root == other:
        if since is not None:
            return []
        path = dict.fromkeys(link for name in (pseudonym, person) for link in list_path(forest, name))
        changed = [replace(link, since=None) for link in path if link.since is not None]
    else:
        below = list_below(forest, [other])
        if since is not None and any(forest[name].since is not None for name in below if name in forest):
            raise InvalidValue(
                "One of these was linked from a moment on before: link them for the past too, or take that link back."
            )
        changed = [Link(other, root, since)]
    write_links(connection, tenant, changed, revision)
    return changed


def follow_rotation(connection: Connection, tenant: str, made: Mapping[str, Sequence[str]]) -> None:
    """Link the pseudonyms that identifiers had under older keys, the newest first, to those just made.

    What an operator had linked to or restricted stays so under the new one. Part of the transaction that makes the
    new learners' keys.
    """
    if not any(made.values()):
        return
    known = find_known(connection, tenant, {name for older in made.values() for name in older})
    moved = {
        newest: name
        for newest, older in made.items()
        if (name := next((name for name in older if name in known), None)) is not None
    }
    if not moved:
        return
    revision = begin_revision(connection, tenant)
    standing = {link.pseudonym: link for link in _select(connection, tenant, LINKS.c.pseudonym, moved.values())}
    links = []
    for newest, older in moved.items():
        link = standing.get(older)
        if link is not None and link.rotated:
            continue
        links.append(Link(older, newest, rotated=True))
        if link is not None:
            links.append(Link(newest, link.person, link.since))
    write_links(connection, tenant, links, revision)
    restrict_alike(connection, tenant, moved, revision)


def write_links(connection: Connection, tenant: str, links: Iterable[Link], revision: int) -> None:
    """Write links in the place of those that their pseudonyms have; one to "" takes a link back."""
    rows = [
        {
            "tenant": tenant,
            "pseudonym": link.pseudonym,
            "person": link.person,
            "since": link.since,
            "rotated": link.rotated,
            "revision": revision,
        }
        for link in links
    ]
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        names = [row["pseudonym"] for row in chunk]
        connection.execute(delete(LINKS).where(LINKS.c.tenant == tenant, LINKS.c.pseudonym.in_(names)))
        connection.execute(insert(LINKS), chunk)


def find_restricted(connection: Connection, tenant: str, pseudonyms: Iterable[str]) -> set[str]:
    """Return those of the pseudonyms whose processing is paused."""
    columns = RESTRICTIONS.c
    found: set[str] = set()
    for chunk in chunks(sorted(pseudonyms)):
        query = select(columns.pseudonym).where(
            columns.tenant == tenant, columns.pseudonym.in_(chunk), columns.released_at.is_(None)
        )
        found.update(connection.scalars(query))
    return found


def restrict_alike(connection: Connection, tenant: str, pairs: Mapping[str, str], revision: int) -> None:
    """Restrict each pseudonym of `pairs` whose counterpart is restricted, on the same ground and since then."""
    columns = RESTRICTIONS.c
    rows = {}
    for chunk in chunks(list(pairs.values())):
        query = select(RESTRICTIONS).where(
            columns.tenant == tenant, columns.pseudonym.in_(chunk), columns.released_at.is_(None)
        )
        rows.update({row.pseudonym: row._asdict() for row in connection.execute(query)})
    alike = [rows[other] | {"pseudonym": name, "revision": revision} for name, other in pairs.items() if other in rows]
    for start in range(0, len(alike), _CHUNK):
        part = alike[start : start + _CHUNK]
        names = [row["pseudonym"] for row in part]
        connection.execute(delete(RESTRICTIONS).where(columns.tenant == tenant, columns.pseudonym.in_(names)))
        connection.execute(insert(RESTRICTIONS), part)


def _select(connection: Connection, tenant: str, column: ColumnElement[str], values: Iterable[str]) -> Iterator[Link]:
    for chunk in chunks(list(values)):
        query = select(LINKS).where(LINKS.c.tenant == tenant, LINKS.c.person != "", column.in_(chunk))
        yield from map(to_link, connection.execute(query))


def to_link(row: Row[tuple[str, str, str, int | None, bool, int]]) -> Link:
    """Return a row of LINKS."""
    return Link(row.pseudonym, row.person, row.since, row.rotated)


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the values in parts that one query can name."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
