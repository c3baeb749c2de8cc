"""Everything the grafana package raises.

GrafanaError
├── DashboardError      a committed dashboard is missing or is not one of ours
├── MacroError          a query uses a macro that the boards do not know, or wrongly
├── RangeError          a time range that cannot be read
├── QueryFailed         a panel's query was not answered; `code` says why
├── NotAdmitted         who asks may not see it; `code` says why
├── SignInRefused       the identity provider did not vouch for somebody
├── ProviderUnavailable the identity provider does not answer
└── ProvisioningError   Grafana refused or does not answer
"""

from __future__ import annotations

from typing import ClassVar


class GrafanaError(Exception):
    """An expected failure around boards, told in one sentence; `code` is for programs."""

    code = "grafana"


class DashboardError(GrafanaError):
    """A dashboard cannot be read."""

    code = "dashboard"


class MacroError(GrafanaError):
    """A query's macro cannot be expanded."""

    code = "macro"


class RangeError(GrafanaError):
    """A time range is not in a form that Grafana's own addresses use."""

    code = "range"


class QueryFailed(GrafanaError):
    """A panel has no data; `code` is one of `unreachable`, `refused`, `slow`, `query`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NotAdmitted(GrafanaError):
    """Whoever asks sees nothing: `code` says why, `status` is HTTP's.

    `signed-out`, `no-tenant` (none chosen yet), `no-role`, `closed` (the tenant), `unavailable`.
    """

    _STATUS: ClassVar = {"signed-out": 401, "unavailable": 503}

    def __init__(self, code: str) -> None:
        super().__init__(f"Not admitted: {code}.")
        self.code = code
        self.status: int = self._STATUS.get(code, 403)


class SignInRefused(GrafanaError):
    """The identity provider did not vouch for somebody, or what it said does not hold."""

    code = "sign-in-refused"


class ProviderUnavailable(GrafanaError):
    """The identity provider does not answer, or not as its standard says."""

    code = "provider-unavailable"


class ProvisioningError(GrafanaError):
    """Grafana could not be brought to the wanted state."""

    code = "provisioning"
