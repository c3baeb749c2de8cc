"""Signing in and out: with a password, or at the identity provider; nothing is told to who guesses."""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from grafana.boards.forms import is_genuine, read_form
from grafana.boards.languages import choose_language
from grafana.errors import NotAdmitted, ProviderUnavailable, SignInRefused
from identity.accounts import MOST_PASSWORD, Account, Accounts
from identity.errors import AlreadyExists, IdentityError, IdentityUnavailable, LockedOut, NoRole, WrongCredential
from identity.roles import Role, read_claim

if TYPE_CHECKING:
    from starlette.requests import Request

    from grafana.boards.admission import Admission
    from grafana.boards.pages import Pages
    from grafana.boards.provider import Provider

_LOG = logging.getLogger(__name__)

_FLOW = "flow"
_NAMES = ("preferred_username", "email", "sub")
"""The claims that may name somebody, the first that is free. Only `sub` says who it is."""


class SignIn:
    """The door. `roles_claim` names the provider's claim that gives roles, `roles_known` what its words mean."""

    def __init__(
        self,
        accounts: Accounts,
        admission: Admission,
        pages: Pages,
        *,
        provider: Provider | None = None,
        roles_claim: str = "",
        roles_known: Mapping[str, Iterable[Role]] | None = None,
    ) -> None:
        self._accounts = accounts
        self._admission = admission
        self._pages = pages
        self._provider = provider
        self._roles_claim = roles_claim
        self._roles_known = {word: frozenset(roles) for word, roles in (roles_known or {}).items()}

    async def show(self, request: Request) -> Response:
        """Show the form; who is signed in already goes to the boards."""
        try:
            await self._admission.recall(request)
        except NotAdmitted as error:
            return self._form(request) if error.code == "signed-out" else self._form(request, "unavailable", 503)
        return RedirectResponse("/", status_code=303)

    async def sign_in(self, request: Request) -> Response:
        """Take the form: a session, or the form again with a reason."""
        form = await read_form(request)
        name, password = (form.get(field, "")[: MOST_PASSWORD + 1] for field in ("name", "password"))
        if not is_genuine(form, request.session.get("token", "")):
            return self._form(request, "stale", 403)
        address = request.client.host if request.client else ""
        try:
            account = await run_in_threadpool(self._accounts.authenticate, name, password, address)
            return await self._enter(request, account)
        except LockedOut as error:
            _LOG.warning("sign-in-locked-out", extra={"seconds": math.ceil(error.seconds)})
            response = self._form(request, "blocked", 429, minutes=math.ceil(error.seconds / 60))
            response.headers["retry-after"] = str(math.ceil(error.seconds))
            return response
        except WrongCredential:
            return self._form(request, "wrong", 401)
        except IdentityError as error:
            _LOG.warning("sign-in-unavailable", extra={"code": error.code})
            return self._form(request, "unavailable", 503)

    async def leave_for_provider(self, request: Request) -> Response:
        """Send somebody to the identity provider; their browser keeps what ties them to this attempt."""
        if self._provider is None:
            return RedirectResponse("/sign-in", status_code=303)
        try:
            address, request.session[_FLOW] = await self._provider.begin()
        except ProviderUnavailable as error:
            _LOG.warning("provider-unavailable", extra={"reason": str(error)})
            return self._form(request, "provider_unavailable", 503)
        return RedirectResponse(address, status_code=303)

    async def come_back(self, request: Request) -> Response:
        """Take somebody back from the identity provider: a session, or the form with a reason."""
        flow: Mapping[str, Any] = request.session.pop(_FLOW, {})
        if self._provider is None:
            return RedirectResponse("/sign-in", status_code=303)
        try:
            claims = await self._provider.finish(flow, request.query_params)
            account = await run_in_threadpool(self._admit, claims)
            return await self._enter(request, account)
        except ProviderUnavailable as error:
            _LOG.warning("provider-unavailable", extra={"reason": str(error)})
            return self._form(request, "provider_unavailable", 503)
        except SignInRefused as error:
            _LOG.warning("provider-sign-in-refused", extra={"reason": str(error)})
            return self._form(request, "refused", 403)
        except (NoRole, WrongCredential, AlreadyExists) as error:
            _LOG.warning("provider-sign-in-refused", extra={"reason": error.code})
            return self._form(request, "unknown", 403)
        except IdentityUnavailable as error:
            _LOG.warning("sign-in-unavailable", extra={"code": error.code})
            return self._form(request, "unavailable", 503)

    async def sign_out(self, request: Request) -> Response:
        """End the session, if the form is ours."""
        form = await read_form(request)
        response = RedirectResponse("/sign-in", status_code=303)
        try:
            session = await self._admission.recall(request)
            if is_genuine(form, session.form_token):
                await self._admission.end_session(request, response)
        except (NotAdmitted, IdentityUnavailable) as error:
            if error.code != "signed-out":
                return self._form(request, "unavailable", 503)
        return response

    def _admit(self, claims: Mapping[str, Any]) -> Account:
        names = [name for claim in _NAMES if isinstance(name := claims.get(claim), str)]
        roles = read_claim(claims.get(self._roles_claim), self._roles_known)
        return self._accounts.admit_subject(str(claims["sub"]), names, roles)

    async def _enter(self, request: Request, account: Account) -> Response:
        response = RedirectResponse("/", status_code=303)
        await self._admission.open_session(request, response, account.name)
        # Nothing from before the door lives on behind it, but the language that was chosen there.
        language = request.session.get("language")
        request.session.clear()
        if language:
            request.session["language"] = language
        return response

    def _form(self, request: Request, reason: str = "", status: int = 200, *, minutes: int = 0) -> Response:
        language = choose_language(request)
        token = request.session.setdefault("token", secrets.token_urlsafe(24))
        return self._pages.render(
            "sign_in.html",
            language,
            status,
            token=token,
            reason=reason,
            minutes=minutes,
            provider=self._provider is not None,
        )
