"""The description over HTTP, and a page that shows it: Swagger UI from its package, so that no other host is asked."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]  # it ships no type information

from lrs.errors import NotFound
from lrs.frame import answer_json
from lrs.openapi.description import describe
from lrs.services import Services

_OWN: Final = Path(__file__).with_name("page")
_BUNDLE: Final = Path(swagger_ui_path)

_FILES: Final = {
    "page.css": _OWN / "page.css",
    "page.js": _OWN / "page.js",
    "swagger-ui.css": _BUNDLE / "swagger-ui.css",
    "swagger-ui-bundle.js": _BUNDLE / "swagger-ui-bundle.js",
    "favicon.png": _BUNDLE / "favicon-32x32.png",
}

# The page runs its own scripts and asks its own host; a credential is typed into it, and goes nowhere else.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Documentation:
    """Endpoints that show how the services of one process are used. None needs a credential."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @cached_property
    def _description(self) -> bytes:
        """Made when first asked for: it takes 0.1 s, and most processes are never asked."""
        services = self._services
        bearer = services.tokens is not None
        return orjson.dumps(describe(services.limits, public_url=services.public_url, bearer=bearer))

    @property
    def routes(self) -> list[Route]:
        """Where they are; the pages for people are no part of the description."""
        return [
            Route("/openapi.json", self.describe, methods=["GET"]),
            Route("/", self.enter, methods=["GET"], include_in_schema=False),
            Route("/docs", self.show, methods=["GET"], include_in_schema=False),
            Route("/docs/{name}", self.give_file, methods=["GET"], include_in_schema=False),
        ]

    async def describe(self, _request: Request) -> Response:
        """Answer the OpenAPI description."""
        return answer_json(self._description, headers={"Cache-Control": "no-cache"})

    async def enter(self, _request: Request) -> Response:
        """Send a browser on to the page; relative, as the LRS may be reached under a path."""
        return RedirectResponse("docs")

    async def show(self, _request: Request) -> Response:
        """Answer the page."""
        return FileResponse(_OWN / "page.html", headers=_HEADERS)

    async def give_file(self, request: Request) -> Response:
        """Answer one of the files that make up the page. Raises NotFound."""
        file = _FILES.get(request.path_params["name"])
        if file is None:
            raise NotFound("There is no such file here.")
        return FileResponse(file, headers=_HEADERS)
