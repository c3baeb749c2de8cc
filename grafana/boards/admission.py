"""Who is asking, and whose boards they may see: asked anew at every request, and answered in this one place.

The tenant comes from the session and the roles of the account, and from nowhere else: no address, field or header of a
request for figures can name one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool

from grafana.errors import NotAdmitted
from identity.errors import IdentityError, IdentityUnavailable
from identity.roles import Right, may
from identity.sessions import Session, Sessions
from identity.tenants import Tenant

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

FindTenant = Callable[[str], Tenant]
ListTenants = Callable[[], list[Tenant]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody signed in, and the tenant whose boards they look at."""

    session: Session
    tenant: Tenant

    @property
    def zone(self) -> ZoneInfo:
        """The tenant's time zone."""
        return ZoneInfo(self.tenant.timezone)


class Admission:
    """Tells who may see what. `find_tenant` and `list_tenants` may block and raise identity's errors."""

    def __init__(self, sessions: Sessions, find_tenant: FindTenant, list_tenants: ListTenants, *, https: bool) -> None:
        self._sessions = sessions
        self._find_tenant = find_tenant
        self._list_tenants = list_tenants
        self._https = https
        # A browser takes a cookie of this prefix over HTTPS only, and no subdomain can plant one.
        self.cookie = "__Host-jalon_session" if https else "jalon_session"

    async def admit(self, request: Request) -> Visit:
        """Return who asks and for which tenant. Raises NotAdmitted."""
        session = await self.recall(request)
        tenant = session.tenant
        if not tenant or not may(session.account.roles, Right.SEE_BOARDS, tenant):
            choices = await self.list_choices(session)
            if len(choices) > 1:
                raise NotAdmitted("no-tenant")
            tenant = choices[0].id
        return Visit(session, await self._enter(tenant))

    async def recall(self, request: Request) -> Session:
        """Return the session of a request. Raises NotAdmitted."""
        token = request.cookies.get(self.cookie, "")
        session = await self._ask(lambda: self._sessions.find(token)) if token else None
        if session is None:
            raise NotAdmitted("signed-out")
        return session

    async def list_choices(self, session: Session) -> list[Tenant]:
        """Return the tenants whose boards somebody may see, one at least. Raises NotAdmitted."""
        roles = session.account.roles
        tenants = await self._ask(self._list_tenants) if roles else []
        choices = [tenant for tenant in tenants if may(roles, Right.SEE_BOARDS, tenant.id)]
        if not choices:
            raise NotAdmitted("no-role")
        return sorted(choices, key=lambda tenant: (tenant.name.casefold(), tenant.id))

    async def choose(self, request: Request, session: Session, tenant: str) -> None:
        """Have the session look at a tenant from now on. Raises NotAdmitted when it may not."""
        if not may(session.account.roles, Right.SEE_BOARDS, tenant):
            raise NotAdmitted("no-role")
        await self._enter(tenant)
        token = request.cookies.get(self.cookie, "")
        await self._ask(lambda: self._sessions.choose_tenant(token, tenant))

    async def open_session(self, request: Request, response: Response, account: str) -> None:
        """Begin a session of an account, ending the one the browser may have had. Raises identity's errors."""
        token = await run_in_threadpool(self._sessions.open, account)
        await self._close(request)
        response.set_cookie(
            self.cookie,
            token,
            max_age=int(self._sessions.limits.longest.total_seconds()),
            path="/",
            secure=self._https,
            httponly=True,
            samesite="lax",
        )

    async def end_session(self, request: Request, response: Response) -> None:
        """End the session of a request, here and in the browser. Raises identity's errors."""
        await self._close(request)
        response.delete_cookie(self.cookie, path="/", secure=self._https, httponly=True, samesite="lax")

    async def _close(self, request: Request) -> None:
        if token := request.cookies.get(self.cookie):
            await run_in_threadpool(self._sessions.close, token)

    async def _enter(self, tenant: str) -> Tenant:
        """Return the tenant if it is open: identity refuses one that is not."""
        try:
            return await self._ask(lambda: self._find_tenant(tenant))
        except IdentityError:
            raise NotAdmitted("closed") from None

    async def _ask(self, question: Callable[[], T]) -> T:
        try:
            return await run_in_threadpool(question)
        except IdentityUnavailable as error:
            raise NotAdmitted("unavailable") from error
