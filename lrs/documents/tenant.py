"""The documents of a whole tenant: read by an export, one page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select, tuple_

from identity.database import reading
from identity.keys import TenantKeys
from identity.tables import DOCUMENTS
from lrs.documents.sealing import Label, Place, open_content, open_label

_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class TenantDocument:
    """A document with its place, in clear. `agent` is a pseudonym, "" where a document is nobody's in particular."""

    resource: str
    agent: str
    registration: str
    stored_at: datetime
    label: Label
    content: bytes


def read_all_documents(
    engine: Engine, keys: TenantKeys, learner_keys_of: Callable[[Iterable[str]], Mapping[str, bytes]]
) -> Iterator[TenantDocument]:
    """Yield every document of the tenant, those of one context together.

    One that does not open, because its learner's key was destroyed, is as if it were not there.
    Raises IdentityUnavailable.
    """
    place_columns = (DOCUMENTS.c.context, DOCUMENTS.c.registration, DOCUMENTS.c.name)
    after = None
    while True:
        query = select(DOCUMENTS).where(DOCUMENTS.c.tenant == keys.tenant).order_by(*place_columns).limit(_AT_ONCE)
        if after is not None:
            query = query.where(tuple_(*place_columns) > after)
        with reading(engine) as connection:
            rows = connection.execute(query).all()
        learner_keys = learner_keys_of({row.agent for row in rows if row.agent})
        for row in rows:
            key = learner_keys.get(row.agent) if row.agent else keys.content
            place = Place(keys.tenant, row.context, row.registration, row.name)
            label = None if key is None else open_label(key, place, row.label)
            content = None if key is None else open_content(key, place, row.content)
            if label is not None and content is not None:
                yield TenantDocument(row.resource, row.agent, row.registration, row.stored_at, label, content)
        if len(rows) < _AT_ONCE:
            return
        after = tuple(getattr(rows[-1], column.name) for column in place_columns)
