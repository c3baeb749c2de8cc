"""Signing in and out of the boards: a form, a signed cookie, a brake on guessing, and nothing told to who guesses."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from grafana.boards.limits import FailureLimit
from grafana.dashboards.language import LANGUAGES, Language
from identity.errors import IdentityError, UnknownTenant, WrongCredential
from identity.tenants import Tenant
from identity.viewers import Viewer

if TYPE_CHECKING:
    from starlette.requests import Request

    from grafana.boards.pages import Pages

_LOG = logging.getLogger(__name__)

Authenticate = Callable[[str, str], Viewer]
FindTenant = Callable[[str], Tenant]

_LONGEST = 512
_SECONDS = 60.0


class SignIn:
    """The two routes; `authenticate` and `find_tenant` may block and raise identity's errors."""

    def __init__(self, authenticate: Authenticate, find_tenant: FindTenant, pages: Pages) -> None:
        self._authenticate = authenticate
        self._find_tenant = find_tenant
        self._pages = pages
        self._by_name = FailureLimit(5, _SECONDS)
        self._by_address = FailureLimit(30, _SECONDS)

    async def show(self, request: Request) -> Response:
        """Show the form; who is signed in already goes to the boards."""
        if "tenant" in request.session:
            return RedirectResponse("/", status_code=303)
        return self._form(request, "", 200)

    async def sign_in(self, request: Request) -> Response:
        """Take the form: a session that knows its viewer and tenant, or the form again with a reason."""
        form = await request.form(max_files=0, max_fields=10)
        name, password = (str(form.get(field, ""))[:_LONGEST] for field in ("name", "password"))
        if not is_genuine(request, form.get("token")):
            return self._form(request, "stale", 403)
        address = request.client.host if request.client else ""
        guess = f"{address} {name.casefold()}"
        wait = max(self._by_name.wait_for(guess), self._by_address.wait_for(address))
        if wait:
            response = self._form(request, "blocked", 429)
            response.headers["retry-after"] = str(int(wait) + 1)
            return response
        try:
            viewer = await run_in_threadpool(self._authenticate, name, password)
            tenant = await run_in_threadpool(self._find_tenant, viewer.tenant)
        except (WrongCredential, UnknownTenant):
            self._by_name.record(guess)
            self._by_address.record(address)
            return self._form(request, "wrong", 401)
        except IdentityError as error:
            _LOG.warning("sign-in-unavailable", extra={"code": error.code})
            return self._form(request, "unavailable", 503)
        self._by_name.forget(guess)
        open_session(request, viewer, tenant)
        return RedirectResponse("/", status_code=303)

    async def sign_out(self, request: Request) -> Response:
        """Forget the session, if the form is ours."""
        form = await request.form(max_files=0, max_fields=10)
        if is_genuine(request, form.get("token")):
            request.session.clear()
        return RedirectResponse("/sign-in", status_code=303)

    def _form(self, request: Request, reason: str, status: int) -> Response:
        language = choose_language(request)
        token = request.session.setdefault("token", secrets.token_urlsafe(24))
        return self._pages.render("sign_in.html", language, status, token=token, reason=reason)


def open_session(request: Request, viewer: Viewer, tenant: Tenant) -> None:
    """Start a fresh session for a viewer: nothing from before, a new form token included, lives on in it."""
    chosen = request.session.get("language")
    request.session.clear()
    request.session.update(
        {
            "viewer": viewer.name,
            "tenant": viewer.tenant,
            "tenant_name": tenant.name,
            "zone": tenant.timezone,
            "language": chosen or viewer.language,
            "token": secrets.token_urlsafe(24),
        }
    )


def is_genuine(request: Request, token: object) -> bool:
    """Tell whether a form was filled on a page that we gave to this session."""
    expected = request.session.get("token", "")
    return bool(expected) and isinstance(token, str) and secrets.compare_digest(expected.encode(), token.encode())


def choose_language(request: Request) -> Language:
    """Return the language asked for in the address, which the session then keeps, or the session's, or French."""
    asked = request.query_params.get("lang", "")
    if asked in LANGUAGES:
        request.session["language"] = asked
    kept = request.session.get("language", "")
    return next((language for language in LANGUAGES if language == kept), "fr")


def get_zone(request: Request) -> ZoneInfo:
    """Return the time zone of the session's tenant."""
    return ZoneInfo(request.session["zone"])
