"""What the store adds to a statement, and the one thing in it that it writes anew (Data 2.4, IEEE 9274.1.1 4.2)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from stream_processors.times import format_timestamp
from xapi_profiles.activities import list_context_activities
from xapi_profiles.record import RecordOrigin

SOURCES_HOME_PAGE = "https://w3id.org/jalon/sources"
_VERSION_TO_STORE = {"1.0.3": "1.0.0", "2.0.0": "2.0.0"}

Json = dict[str, Any]


def complete(statement: Json, statement_id: UUID, origin: RecordOrigin, stored: int) -> Json:
    """Return a valid statement with id, stored (milliseconds), timestamp, version and authority.

    Context activities are arrays in it even where there is one (XAPI-00096). The argument is not touched.
    """
    instant = format_timestamp(stored)
    completed = {"id": str(statement_id), **list_context_activities(statement), "stored": instant}
    completed.setdefault("timestamp", instant)
    completed.setdefault("version", _VERSION_TO_STORE[origin.version])
    completed.setdefault(
        "authority",
        {"objectType": "Agent", "account": {"homePage": SOURCES_HOME_PAGE, "name": origin.source}},
    )
    return completed
