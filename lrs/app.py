"""The ASGI application: its resources, and what stands around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lrs.about import About
from lrs.activities import Activities
from lrs.agents import Agents
from lrs.errors import LrsError, NotSupported
from lrs.frame import ROOT, Frame, answer_error, version_of
from lrs.services import Services
from lrs.statements import Statements

_NOT_YET = ("activities/state", "activities/profile", "agents/profile")
_METHODS = ["GET", "POST", "PUT", "DELETE"]


def create_app(services: Services) -> Starlette:
    """Return the application; its lifespan starts and stops the services."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await services.start()
        try:
            yield
        finally:
            await services.stop()

    statements = Statements(services)
    about = About(services)
    app = Starlette(
        routes=[
            Route(f"{ROOT}/statements", statements.serve, methods=["GET", "POST", "PUT"]),
            Route(f"{ROOT}/statements/more", statements.more, methods=["GET"]),
            Route(f"{ROOT}/activities", Activities(services).get, methods=["GET"]),
            Route(f"{ROOT}/agents", Agents(services).get, methods=["GET"]),
            Route(f"{ROOT}/about", about.about, methods=["GET"]),
            *(Route(f"{ROOT}/{path}", refuse, methods=_METHODS) for path in _NOT_YET),
            Route("/health", about.health, methods=["GET"]),
            Route("/ready", about.ready, methods=["GET"]),
        ],
        middleware=[Middleware(Frame, barrier=services.barrier, slow_seconds=services.limits.slow_seconds)],
        exception_handlers={LrsError: answer_error, HTTPException: answer_error},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


async def refuse(request: Request) -> Response:
    """Answer for a resource of the specification that is not there yet."""
    version_of(request)
    raise NotSupported("This resource of xAPI is not supported yet; statements and about are.")
