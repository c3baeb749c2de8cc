"""The web application of the built-in boards: who is signed in sees the dashboards of their own tenant, live."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Route

from grafana.boards.admission import Admission, FindTenant, ListTenants
from grafana.boards.assets import load_assets
from grafana.boards.boards import Boards
from grafana.boards.data import BoardData
from grafana.boards.headers import SecurityHeaders
from grafana.boards.origins import SameOrigin
from grafana.boards.pages import Pages
from grafana.boards.provider import Provider, ProviderRules
from grafana.boards.reading import Reader
from grafana.boards.sign_in import SignIn
from grafana.boards.tenants import TenantChoice
from grafana.dashboards.catalogue import BUILDERS, read_dashboard
from grafana.dashboards.language import LANGUAGES
from identity.accounts import Accounts
from identity.roles import Role
from identity.sessions import Sessions

BACK = "/sign-in/back"
"""Where the identity provider sends people back: what is registered there is the boards' address with this."""

LEAST_SECRET = 32
_DOOR_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class People:
    """Who may come in: accounts and sessions of identity, and the identity provider, if there is one.

    `roles_claim` names the claim that gives roles, `roles_known` what its words mean, if they are no roles themselves.
    """

    accounts: Accounts
    sessions: Sessions
    find_tenant: FindTenant
    list_tenants: ListTenants
    provider: ProviderRules | None = None
    roles_claim: str = ""
    roles_known: Mapping[str, Iterable[Role]] = field(default_factory=dict)


def create_app(
    *, people: People, reader: Reader, public_url: str, session_secret: str, shared_seconds: float = 1.0
) -> Starlette:
    """Return the ASGI application.

    `reader` runs a tenant's queries and is closed with the application. `public_url` is the address that browsers use:
    with https, cookies stay on it. `session_secret` signs what a browser keeps before it is signed in (a form's token,
    the attempt at the provider, the language): 32 characters or more. An answer is shared for `shared_seconds` by all
    who look at the same tenant, board and range.
    Raises DashboardError when the committed dashboards are not there, ValueError for a secret that could be guessed.
    """
    if len(session_secret) < LEAST_SECRET:
        raise ValueError(f"The boards' session secret has at least {LEAST_SECRET} characters.")
    https = urlsplit(public_url).scheme == "https"
    assets = load_assets()
    pages = Pages(assets)
    dashboards = {language: {name: read_dashboard(name, language) for name in BUILDERS} for language in LANGUAGES}
    admission = Admission(people.sessions, people.find_tenant, people.list_tenants, https=https)
    boards = Boards(pages, dashboards, BoardData(reader, dashboards["fr"], seconds=shared_seconds), admission)
    provider = Provider(people.provider, f"{public_url.rstrip('/')}{BACK}") if people.provider else None
    sign_in = SignIn(
        people.accounts,
        admission,
        pages,
        provider=provider,
        roles_claim=people.roles_claim,
        roles_known=people.roles_known,
    )
    tenants = TenantChoice(pages, admission)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await reader.close()
        if provider is not None:
            await provider.close()

    return Starlette(
        routes=[
            Route("/", boards.enter),
            Route("/healthz", boards.tell_health),
            Route("/sign-in", sign_in.show),
            Route("/sign-in", sign_in.sign_in, methods=["POST"]),
            Route("/sign-in/provider", sign_in.leave_for_provider),
            Route(BACK, sign_in.come_back),
            Route("/sign-out", sign_in.sign_out, methods=["POST"]),
            Route("/tenants", tenants.show),
            Route("/tenants", tenants.choose, methods=["POST"]),
            Route("/boards/{name}", boards.show),
            Route("/boards/{name}/definition", boards.define),
            Route("/boards/{name}/data", boards.load),
            Route("/assets/{group}/{name}", assets.respond),
        ],
        middleware=[
            Middleware(SecurityHeaders, https=https),
            Middleware(SameOrigin, public_url=public_url),
            Middleware(
                SessionMiddleware,
                secret_key=session_secret,
                session_cookie="__Host-jalon_door" if https else "jalon_door",
                max_age=_DOOR_SECONDS,
                same_site="lax",
                https_only=https,
            ),
        ],
        exception_handlers={404: boards.miss},
        lifespan=lifespan,
    )
