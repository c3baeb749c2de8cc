"""Documents as tests send them: the resources, their parameters, and what a PUT of something new needs."""

from __future__ import annotations

import json
import uuid
from typing import Any

STATE = "/xAPI/activities/state"
ACTIVITY_PROFILE = "/xAPI/activities/profile"
AGENT_PROFILE = "/xAPI/agents/profile"
RESOURCES = (STATE, ACTIVITY_PROFILE, AGENT_PROFILE)

ADA = {"objectType": "Agent", "account": {"homePage": "https://example.org", "name": "ada.lovelace"}}
GRACE = {"objectType": "Agent", "mbox": "mailto:grace@example.org"}
ACTIVITY = "https://example.org/activities/1"
NEW = {"If-None-Match": "*"}

ID_PARAMETER = {STATE: "stateId", ACTIVITY_PROFILE: "profileId", AGENT_PROFILE: "profileId"}


def make_parameters(resource: str, **changes: Any) -> dict[str, str]:
    """Return the parameters of a document that no other test uses; those changed to None are left out."""
    parameters: dict[str, Any] = {ID_PARAMETER[resource]: f"document {uuid.uuid4()}"}
    if resource != AGENT_PROFILE:
        parameters["activityId"] = ACTIVITY
    if resource != ACTIVITY_PROFILE:
        parameters["agent"] = json.dumps(ADA)
    parameters |= changes
    return {name: value for name, value in parameters.items() if value is not None}


def make_document(**members: Any) -> dict[str, Any]:
    """Return a document that differs from every other one."""
    return {"name": str(uuid.uuid4()), "place": {"room": "Ångström", "seat": 1}, **members}
