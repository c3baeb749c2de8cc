"""The documents that are held on a learner: read by an export, opened one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from identity.database import reading
from identity.tables import DOCUMENTS
from lrs.documents.sealing import Label, Place, open_content, open_label


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """A document of a learner with its place, in clear."""

    resource: str
    registration: str
    stored_at: datetime
    label: Label
    content: bytes


def read_documents_of(engine: Engine, tenant: str, learner_keys: Mapping[str, bytes]) -> Iterator[HeldDocument]:
    """Yield the documents of the learners with these keys, in the order of storing.

    One that does not open, because its key was another one, is as if it were not there. Raises IdentityUnavailable.
    """
    columns = DOCUMENTS.c
    query = (
        select(columns.context, columns.registration, columns.name, columns.resource, columns.agent, columns.stored_at)
        .where(columns.tenant == tenant, columns.agent.in_(sorted(learner_keys)))
        .order_by(columns.stored_at, columns.context, columns.name, columns.registration)
    )
    with reading(engine) as connection:
        places = connection.execute(query).all()
    for row in places:
        place = Place(tenant, row.context, row.registration, row.name)
        with reading(engine) as connection:
            sealed = connection.execute(
                select(columns.label, columns.content).where(
                    columns.tenant == tenant,
                    columns.context == row.context,
                    columns.registration == row.registration,
                    columns.name == row.name,
                )
            ).one_or_none()
        if sealed is None:
            continue  # deleted meanwhile
        key = learner_keys[row.agent]
        label, content = open_label(key, place, sealed.label), open_content(key, place, sealed.content)
        if label is not None and content is not None:
            yield HeldDocument(row.resource, row.registration, row.stored_at, label, content)
