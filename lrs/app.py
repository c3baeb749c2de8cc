"""The ASGI application: its resources, and what stands around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from lrs.about import About
from lrs.activities import Activities
from lrs.agents import Agents
from lrs.alternate import AlternateSyntax
from lrs.cors import CrossOrigin
from lrs.documents.endpoints import Documents
from lrs.documents.places import RESOURCES
from lrs.errors import LrsError
from lrs.frame import ROOT, Frame, Guard, answer_error
from lrs.openapi.pages import Documentation
from lrs.services import Services
from lrs.statements import Statements

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
            *(
                Route(f"{ROOT}/{resource.path}", Documents(services, resource).serve, methods=_METHODS)
                for resource in RESOURCES
            ),
            Route(f"{ROOT}/about", about.about, methods=["GET"]),
            Route("/health", about.health, methods=["GET"]),
            Route("/ready", about.ready, methods=["GET"]),
            *Documentation(services).routes,
        ],
        middleware=[
            Middleware(Frame, barrier=services.barrier, slow_seconds=services.limits.slow_seconds),
            Middleware(CrossOrigin, origins=services.cors_origins),
            Middleware(Guard, query_bytes=services.limits.query_bytes),
            Middleware(AlternateSyntax, bodies=services.bodies, thread_bytes=services.limits.thread_bytes),
        ],
        exception_handlers={LrsError: answer_error, HTTPException: answer_error},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app
