"""Everything the grafana package raises.

GrafanaError
├── DashboardError      a committed dashboard is missing or is not one of ours
├── MacroError          a query uses a macro that the boards do not know, or wrongly
├── RangeError          a time range that cannot be read
├── QueryFailed         a panel's query was not answered; `code` says why
└── ProvisioningError   Grafana refused or does not answer
"""

from __future__ import annotations


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


class ProvisioningError(GrafanaError):
    """Grafana could not be brought to the wanted state."""

    code = "provisioning"
