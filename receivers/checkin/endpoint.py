"""`/rooms/{token}`: the page of a room's tablet. Who signs in is in Kafka before the page says so."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import Response

from grafana.dashboards.language import Language
from identity.codes import DIGITS, find_code
from identity.errors import IdentityUnavailable
from identity.keys import MasterKey
from identity.standing import Standing
from identity.stays import Stays, Step
from identity.tablets import Tablet, Tablets
from lrs.bodies import BodyReader
from lrs.errors import BadRequest, RateLimited, RequestTimeout, TooLarge, Unavailable
from lrs.rates import Rates
from producers.errors import RowRejected
from producers.naming import Naming, identify
from producers.rows import Agent
from producers.statements import check_in, format_instant, learner_by_email, leave_room
from receivers.checkin.failures import Failures
from receivers.checkin.pages import Pages, choose_language
from receivers.checkin.tickets import Learner, Tickets
from receivers.delivery import Delivery

PATH: Final = "/rooms"
SOURCE: Final = "check-in"
_PER_SECOND: Final = 2
_BURST: Final = 120
_FIELDS: Final = 10
_STATUS: Final = {"too-many": 429, "unavailable": 503}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Visit:
    """One request: at which tablet, when, in which language."""

    tablet: Tablet
    zone: ZoneInfo
    now: datetime
    language: Language

    @property
    def today(self) -> datetime:
        """When the local day began."""
        return self.now.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def again(self) -> str:
        """The address of the first page, from any other."""
        return f"?lang={self.language}"


class _Refused(Exception):
    """The first page is shown again, with a reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Closed(Exception):
    """There is no such tablet, or its tenant is not open; `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CheckInEndpoint:
    """The tablets of all tenants. For one event loop; what may block runs in `executor`."""

    def __init__(
        self,
        engine: Engine,
        master: MasterKey,
        standing: Standing,
        name_tenant: Callable[[str, str], Naming],
        delivery: Delivery,
        pages: Pages,
        bodies: BodyReader,
        executor: Executor,
        *,
        failures: Failures | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine, self._master, self._standing = engine, master, standing
        self._tablets, self._stays, self._tickets = Tablets(engine, master), Stays(engine, master), Tickets(master)
        self._name_tenant = name_tenant
        self._delivery, self._pages, self._bodies, self._executor = delivery, pages, bodies, executor
        self._failures = failures or Failures()
        self._rates = Rates(_PER_SECOND, _BURST)
        self._now = now

    async def show(self, request: Request) -> Response:
        """Show the first page."""
        try:
            return self._start(await self._begin(request))
        except _Closed as closed:
            return self._close(request, closed.reason)

    async def sign_in(self, request: Request) -> Response:
        """Take a code, an e-mail address, or the answer of who was asked whether they leave."""
        try:
            visit = await self._begin(request)
        except _Closed as closed:
            return self._close(request, closed.reason)
        try:
            form = await self._read(request, visit)
            if "ticket" in form:
                return await self._leave(visit, form["ticket"])
            return await self._enter(visit, await self._identify(visit, form))
        except _Refused as refused:
            return self._start(visit, refused.reason)
        except (Unavailable, IdentityUnavailable):
            return self._start(visit, "unavailable")

    async def _begin(self, request: Request) -> _Visit:
        token = request.path_params["token"]
        try:
            tablet, zone = await self._ask(lambda: self._find(token))
        except IdentityUnavailable:
            raise _Closed("unavailable") from None
        now = self._now()
        # Statements count milliseconds.
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        return _Visit(tablet, zone, now, choose_language(request))

    def _find(self, token: str) -> tuple[Tablet, ZoneInfo]:
        tablet = self._tablets.find(token)
        tenant = self._standing.find(tablet.tenant) if tablet else None
        if tablet is None or tenant is None or tenant.is_gone:
            raise _Closed("unknown")
        if tenant.state != "active":
            raise _Closed("closed")
        return tablet, ZoneInfo(tenant.timezone)

    async def _read(self, request: Request, visit: _Visit) -> dict[str, str]:
        try:
            self._rates.admit(visit.tablet.digest)
            async with self._bodies.read(request) as body:
                return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS))
        except RateLimited:
            raise _Refused("too-many") from None
        except (BadRequest, TooLarge, RequestTimeout, ValueError):
            raise _Refused("unknown-code") from None

    async def _identify(self, visit: _Visit, form: dict[str, str]) -> Learner:
        if "email" in form:
            return self._identify_by_email(visit.tablet, form)
        tablet = visit.tablet
        if not self._failures.begin(tablet.digest):
            raise _Refused("too-many")
        code = re.sub(r"\D", "", form.get("code", ""), flags=re.ASCII)
        found = None
        if len(code) == DIGITS and code.isascii():
            found = await self._ask(lambda: find_code(self._engine, self._master, tablet.tenant, code, now=visit.now))
        wanted = {session.id for session in tablet.sessions}
        # A code of another session is no better than one that is nobody's: neither tells anything.
        if found is None or (wanted and found.session not in wanted):
            raise _Refused("unknown-code")
        self._failures.forgive(tablet.digest)
        return Learner(found.session, dict(found.holder.ifi), found.holder.name)

    def _identify_by_email(self, tablet: Tablet, form: dict[str, str]) -> Learner:
        if not tablet.emails:
            raise _Refused("unknown-code")
        sessions = [session.id for session in tablet.sessions]
        session = sessions[0] if len(sessions) == 1 else form.get("session", "")
        if session not in sessions:
            raise _Refused("no-session")
        try:
            learner = learner_by_email(form["email"])
        except RowRejected:
            raise _Refused("wrong-email") from None
        return Learner(session, learner.ifi)

    async def _enter(self, visit: _Visit, learner: Learner) -> Response:
        tablet = visit.tablet
        step = await self._ask(
            lambda: self._stays.enter(tablet.tenant, _place(tablet, learner), now=visit.now, today=visit.today)
        )
        if step.kind == "inside":
            ticket = self._tickets.seal(tablet.tenant, tablet.digest, learner, visit.now)
            return self._pages.render(
                "leave.html",
                visit.language,
                room=tablet.room,
                again=visit.again,
                name=learner.name,
                time=_tell_time(step.at, visit.zone),
                ticket=ticket,
            )
        return await self._tell(visit, learner, step)

    async def _leave(self, visit: _Visit, ticket: str) -> Response:
        tablet = visit.tablet
        learner = self._tickets.open(tablet.tenant, tablet.digest, ticket, visit.now)
        if learner is None:
            raise _Refused("expired")
        step = await self._ask(lambda: self._stays.leave(tablet.tenant, _place(tablet, learner), now=visit.now))
        return await self._tell(visit, learner, step)

    async def _tell(self, visit: _Visit, learner: Learner, step: Step) -> Response:
        tablet = visit.tablet
        if not step.told:
            naming = self._name_tenant(tablet.tenant, tablet.home)
            await self._delivery.deliver(tablet.tenant, SOURCE, [_build(naming, tablet.room, learner, step)])
            await self._ask(lambda: self._stays.tell(tablet.tenant, _place(tablet, learner), step))
        return self._pages.render(
            "done.html",
            visit.language,
            room=tablet.room,
            again=visit.again,
            kind="arrival" if step.kind == "arrival" else "leave",
            name=learner.name,
            time=_tell_time(step.at, visit.zone),
        )

    def _start(self, visit: _Visit, reason: str = "") -> Response:
        tablet = visit.tablet
        status = _STATUS.get(reason, 422) if reason else 200
        answer = self._pages.render(
            "start.html",
            visit.language,
            room=tablet.room,
            status=status,
            sessions=tablet.sessions,
            emails=tablet.emails,
            reason=reason,
        )
        if status in _STATUS.values():
            answer.headers["retry-after"] = "10"
        return answer

    def _close(self, request: Request, reason: str) -> Response:
        status = {"unknown": 404, "closed": 403}.get(reason, 503)
        return self._pages.render("closed.html", choose_language(request), status=status, reason=reason)

    async def _ask(self, question: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, question)


def _place(tablet: Tablet, learner: Learner) -> tuple[str, ...]:
    return learner.session, tablet.room, identify(learner.ifi)


def _build(naming: Naming, room: str, learner: Learner, step: Step) -> dict[str, Any]:
    """Return the statement of an arrival or a leave, with the id that it has whenever it is built again."""
    build = check_in if step.kind == "arrival" else leave_room
    key = "|".join((step.kind, learner.session, room, identify(learner.ifi), format_instant(step.at)))
    statement = build(naming, learner.session, room, Agent(learner.ifi, learner.name), at=step.at)
    return {"id": naming.statement_id(SOURCE, key), **statement}


def _tell_time(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%H:%M}"
