"""Activities as statements hold them, read in the one form that every package relies on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def list_context_activities(statement: dict[str, Any]) -> dict[str, Any]:
    """Return a valid statement, or a copy of it in which every context activity is in an array (XAPI-00096).

    Those of a sub-statement too. The argument is not touched.
    """
    target = statement["object"]
    if target.get("objectType") == "SubStatement":
        listed = list_context_activities(target)
        if listed is not target:
            statement = {**statement, "object": listed}
    activities = (statement.get("context") or {}).get("contextActivities")
    if activities and not all(isinstance(found, list) for found in activities.values()):
        listed = {name: found if isinstance(found, list) else [found] for name, found in activities.items()}
        return {**statement, "context": {**statement["context"], "contextActivities": listed}}
    return statement


def type_of(activity: Mapping[str, Any]) -> str:
    """Return the type that an activity is defined with, '' for none."""
    kind: str = (activity.get("definition") or {}).get("type", "")
    return kind
