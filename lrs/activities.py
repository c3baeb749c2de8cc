"""The activities resource: what all statements together say of an activity (Communication 2.5)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from lrs.errors import BadRequest
from lrs.frame import answer_json, version_of
from lrs.parameters import parse_iri, read_parameters
from lrs.services import Services
from xapi_profiles.json_text import dump_json


class Activities:
    """The endpoint over the services of one process."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def get(self, request: Request) -> Response:
        """Answer the activity with every text of its definition; one that is not known has its id alone. HEAD alike."""
        version_of(request)
        caller = await self._services.authentication.identify(request.headers.get("authorization"))
        caller.may_read_definitions()
        parameters = read_parameters(request.query_params.multi_items(), {"activityId"})
        if "activityId" not in parameters:
            raise BadRequest("Say which activity: send the parameter activityId.", code="parameter-missing")
        activity_id = parse_iri("activityId", parameters["activityId"])
        request.scope["consistent_through"] = await self._services.barrier.wait()
        definitions = await self._services.reading.read_definitions([activity_id], caller)
        activity: dict[str, Any] = {"objectType": "Activity", "id": activity_id}
        if activity_id in definitions:
            activity["definition"] = definitions[activity_id]
        return answer_json(dump_json(activity))
