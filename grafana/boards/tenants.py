"""The tenant whose boards somebody looks at: chosen by who has more than one, and where to go for who has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from grafana.boards.forms import is_genuine, read_form
from grafana.boards.languages import choose_language
from grafana.errors import NotAdmitted

if TYPE_CHECKING:
    from starlette.requests import Request

    from grafana.boards.admission import Admission
    from grafana.boards.pages import Pages


class TenantChoice:
    """A page with a button per tenant."""

    def __init__(self, pages: Pages, admission: Admission) -> None:
        self._pages = pages
        self._admission = admission

    async def show(self, request: Request) -> Response:
        """Show the tenants that somebody may look at."""
        try:
            session = await self._admission.recall(request)
            choices = await self._admission.list_choices(session)
        except NotAdmitted as error:
            return await turn_away(request, error, self._pages, self._admission)
        language = choose_language(request, session.account.language)
        return self._pages.render("tenants.html", language, session=session, choices=choices)

    async def choose(self, request: Request) -> Response:
        """Look at another tenant from now on."""
        form = await read_form(request)
        try:
            session = await self._admission.recall(request)
            if is_genuine(form, session.form_token):
                await self._admission.choose(request, session, form.get("tenant", ""))
        except NotAdmitted as error:
            return await turn_away(request, error, self._pages, self._admission)
        return RedirectResponse("/", status_code=303)


async def turn_away(request: Request, error: NotAdmitted, pages: Pages, admission: Admission) -> Response:
    """Lead somebody to where they can go on, or tell them why they cannot."""
    if error.code == "signed-out":
        return RedirectResponse("/sign-in", status_code=303)
    if error.code == "no-tenant":
        return RedirectResponse("/tenants", status_code=303)
    try:
        session = await admission.recall(request)
    except NotAdmitted:
        session = None
    language = choose_language(request, session.account.language if session else "")
    return pages.render("turned_away.html", language, error.status, reason=error.code, session=session)
