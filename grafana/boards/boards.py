"""The pages of the dashboards, and what their scripts ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import RedirectResponse, Response

from grafana.boards.languages import choose_language
from grafana.boards.tenants import turn_away
from grafana.dashboards.catalogue import BUILDERS
from grafana.errors import NotAdmitted, RangeError

if TYPE_CHECKING:
    from starlette.requests import Request

    from grafana.boards.admission import Admission, Visit
    from grafana.boards.data import BoardData
    from grafana.boards.pages import Pages
    from grafana.dashboards.language import Language

PRESETS = (
    ("now-1h", "now", "now-1h"),
    ("now-6h", "now", "now-6h"),
    ("now/d", "now/d", "now/d"),
    ("now-7d", "now", "now-7d"),
    ("now-30d", "now", "now-30d"),
    ("now-30d", "now+30d", "around"),
)
_SHOWN = ("id", "type", "title", "description", "options", "fieldConfig", "gridPos")


class Boards:
    """Every answer here is for who is signed in and has chosen a tenant, and says so to anybody else."""

    def __init__(
        self,
        pages: Pages,
        dashboards: dict[Language, dict[str, dict[str, Any]]],
        data: BoardData,
        admission: Admission,
    ) -> None:
        self._pages = pages
        self._dashboards = dashboards
        self._data = data
        self._admission = admission

    async def enter(self, request: Request) -> Response:
        """Go to the first board."""
        try:
            await self._admission.admit(request)
        except NotAdmitted as error:
            return await turn_away(request, error, self._pages, self._admission)
        return RedirectResponse(f"/boards/{next(iter(BUILDERS))}", status_code=303)

    async def show(self, request: Request) -> Response:
        """Show a board's page; the figures come afterwards."""
        try:
            visit = await self._admission.admit(request)
            choices = await self._admission.list_choices(visit.session)
        except NotAdmitted as error:
            return await turn_away(request, error, self._pages, self._admission)
        language = choose_language(request, visit.session.account.language)
        dashboard = self._dashboards[language].get(request.path_params["name"])
        if dashboard is None:
            return self._pages.render("missing.html", language, 404)
        start = request.query_params.get("from", dashboard["time"]["from"])
        end = request.query_params.get("to", dashboard["time"]["to"])
        return self._pages.render(
            "board.html",
            language,
            name=request.path_params["name"],
            dashboard=dashboard,
            dashboards=self._dashboards[language],
            start=start,
            end=end,
            presets=PRESETS,
            preset_chosen=any((start, end) == (first, last) for first, last, _ in PRESETS),
            wall="wall" in request.query_params,
            visit=visit,
            several=len(choices) > 1,
        )

    async def define(self, request: Request) -> Response:
        """Return what a board's script needs to know: panels without their SQL, and texts."""
        try:
            visit = await self._admission.admit(request)
        except NotAdmitted as error:
            return _refuse(error)
        language = choose_language(request, visit.session.account.language)
        dashboard = self._dashboards[language].get(request.path_params["name"])
        if dashboard is None:
            return _to_response({"error": "not-found"}, 404)
        panels = [{key: panel[key] for key in _SHOWN} for panel in dashboard["panels"]]
        texts = self._pages.get_texts(language)
        return _to_response({"panels": panels, "refresh": dashboard["refresh"], "texts": texts}, 200)

    async def load(self, request: Request) -> Response:
        """Return the data of all panels of a board for the session's tenant.

        `shown` is the tenant that the page was made for: where the session has gone on to another, in another window,
        the page is told so (409), instead of figures under a wrong name.
        """
        try:
            visit = await self._admission.admit(request)
        except NotAdmitted as error:
            return _refuse(error)
        return await self._load(request, visit)

    async def _load(self, request: Request, visit: Visit) -> Response:
        name = request.path_params["name"]
        dashboard = self._dashboards["fr"].get(name)
        if dashboard is None:
            return _to_response({"error": "not-found"}, 404)
        if request.query_params.get("shown", visit.tenant.id) != visit.tenant.id:
            return _to_response({"error": "another-tenant"}, 409)
        start = request.query_params.get("from", dashboard["time"]["from"])
        end = request.query_params.get("to", dashboard["time"]["to"])
        try:
            answer = await self._data.load(visit.tenant.id, name, start, end, visit.zone)
        except RangeError as error:
            return _to_response({"error": error.code, "message": str(error)}, 400)
        return _to_response(answer, 200)

    async def miss(self, request: Request, _: Exception) -> Response:
        """Say that there is no such page."""
        return self._pages.render("missing.html", choose_language(request), 404)

    async def tell_health(self, _: Request) -> Response:
        """Say that the process answers."""
        return _to_response({"status": "ok"}, 200)


def _refuse(error: NotAdmitted) -> Response:
    return _to_response({"error": error.code}, error.status)


def _to_response(content: dict[str, Any], status: int) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")
