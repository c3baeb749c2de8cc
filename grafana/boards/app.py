"""The web application of the built-in boards: who is signed in sees the dashboards of their own tenant, live.

The tenant comes from the signed session and from nowhere else: no address, field or header can name one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from grafana.boards.assets import load_assets
from grafana.boards.data import BoardData
from grafana.boards.headers import SecurityHeaders
from grafana.boards.pages import Pages
from grafana.boards.reading import Reader
from grafana.boards.sign_in import Authenticate, FindTenant, SignIn, choose_language, get_zone
from grafana.dashboards.catalogue import BUILDERS, read_dashboard
from grafana.dashboards.language import LANGUAGES, Language
from grafana.errors import RangeError

COOKIE = "jalon_boards"
LEAST_SECRET = 32
SESSION_SECONDS = 7 * 24 * 3600
PRESETS = (
    ("now-1h", "now", "now-1h"),
    ("now-6h", "now", "now-6h"),
    ("now/d", "now/d", "now/d"),
    ("now-7d", "now", "now-7d"),
    ("now-30d", "now", "now-30d"),
    ("now-30d", "now+30d", "around"),
)
_SHOWN = ("id", "type", "title", "description", "options", "fieldConfig", "gridPos")


def create_app(
    *,
    authenticate: Authenticate,
    find_tenant: FindTenant,
    reader: Reader,
    session_secret: str,
    secure_cookies: bool = False,
) -> Starlette:
    """Return the ASGI application.

    `authenticate(name, password)` and `find_tenant(id)` are identity's functions, or behave like them; `reader` runs a
    tenant's queries and is closed with the application. `session_secret` signs the cookies: 32 characters or more,
    kept between starts so that a wall screen stays signed in. `secure_cookies` when served over HTTPS.
    Raises DashboardError when the committed dashboards are not there, ValueError for a secret that could be guessed.
    """
    if len(session_secret) < LEAST_SECRET:
        raise ValueError(f"The boards' session secret has at least {LEAST_SECRET} characters.")
    assets = load_assets()
    pages = Pages(assets)
    dashboards = {language: {name: read_dashboard(name, language) for name in BUILDERS} for language in LANGUAGES}
    data = BoardData(reader, dashboards["fr"])
    boards = Boards(pages, dashboards, data)
    sign_in = SignIn(authenticate, find_tenant, pages)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await reader.close()

    return Starlette(
        routes=[
            Route("/", boards.enter),
            Route("/healthz", _tell_health),
            Route("/sign-in", sign_in.show),
            Route("/sign-in", sign_in.sign_in, methods=["POST"]),
            Route("/sign-out", sign_in.sign_out, methods=["POST"]),
            Route("/boards/{name}", boards.show),
            Route("/boards/{name}/definition", boards.define),
            Route("/boards/{name}/data", boards.load),
            Route("/assets/{group}/{name}", assets.respond),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(
                SessionMiddleware,
                secret_key=session_secret,
                session_cookie=COOKIE,
                max_age=SESSION_SECONDS,
                same_site="lax",
                https_only=secure_cookies,
            ),
        ],
        exception_handlers={404: boards.miss},
        lifespan=lifespan,
    )


class Boards:
    """The pages of the dashboards and what their scripts ask for."""

    def __init__(self, pages: Pages, dashboards: dict[Language, dict[str, dict[str, Any]]], data: BoardData) -> None:
        self._pages = pages
        self._dashboards = dashboards
        self._data = data

    async def enter(self, request: Request) -> Response:
        """Go to the first board, or to the form for who is not signed in."""
        signed_in = "tenant" in request.session
        return RedirectResponse(f"/boards/{next(iter(BUILDERS))}" if signed_in else "/sign-in", status_code=303)

    async def show(self, request: Request) -> Response:
        """Show a board's page; the figures come afterwards."""
        if "tenant" not in request.session:
            return RedirectResponse("/sign-in", status_code=303)
        language = choose_language(request)
        dashboard = self._dashboards[language].get(request.path_params["name"])
        if dashboard is None:
            return await self.miss(request, None)
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
            session=request.session,
        )

    async def define(self, request: Request) -> Response:
        """Return what a board's script needs to know: panels without their SQL, and texts."""
        if "tenant" not in request.session:
            return _to_response({"error": "signed-out"}, 401)
        language = choose_language(request)
        dashboard = self._dashboards[language].get(request.path_params["name"])
        if dashboard is None:
            return _to_response({"error": "not-found"}, 404)
        panels = [{key: panel[key] for key in _SHOWN} for panel in dashboard["panels"]]
        texts = self._pages.get_texts(language)
        return _to_response({"panels": panels, "refresh": dashboard["refresh"], "texts": texts}, 200)

    async def load(self, request: Request) -> Response:
        """Return the data of all panels of a board for the session's tenant."""
        tenant = request.session.get("tenant")
        if tenant is None:
            return _to_response({"error": "signed-out"}, 401)
        name = request.path_params["name"]
        dashboard = self._dashboards["fr"].get(name)
        if dashboard is None:
            return _to_response({"error": "not-found"}, 404)
        start = request.query_params.get("from", dashboard["time"]["from"])
        end = request.query_params.get("to", dashboard["time"]["to"])
        try:
            answer = await self._data.load(tenant, name, start, end, get_zone(request))
        except RangeError as error:
            return _to_response({"error": error.code, "message": str(error)}, 400)
        return _to_response(answer, 200)

    async def miss(self, request: Request, _: Exception | None) -> Response:
        """Say that there is no such page."""
        return self._pages.render("missing.html", choose_language(request), 404)


async def _tell_health(_: Request) -> Response:
    return _to_response({"status": "ok"}, 200)


def _to_response(content: dict[str, Any], status: int) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")
