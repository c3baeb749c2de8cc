"""The activities resource: what all statements together say of an activity (Communication 2.5)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from lrs.frame import answer_json
from lrs.parameters import parse_iri, read_parameters
from lrs.services import Services
from xapi_profiles.json_text import dump_json


class Activities:
    """The endpoint over the services of one process."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def get(self, request: Request) -> Response:
        """Answer the activity with every text of its definition; one that is not known has its id alone. HEAD alike."""
        caller, _ = await self._services.begin(request)
        caller.may_read_definitions()
        parameters = read_parameters(request.query_params.multi_items(), required={"activityId"})
        activity_id = parse_iri("activityId", parameters["activityId"])
        await self._services.pass_barrier(request)
        definitions = await self._services.reading.read_definitions([activity_id], caller)
        activity: dict[str, Any] = {"objectType": "Activity", "id": activity_id}
        if activity_id in definitions:
            activity["definition"] = definitions[activity_id]
        return answer_json(dump_json(activity))
