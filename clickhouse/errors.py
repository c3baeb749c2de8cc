"""Everything the clickhouse package raises.

ClickHouseError
├── MigrationError      a released migration was edited, or one failed half-way
├── RowsRefused         ClickHouse refuses these very rows, and would again
└── StoreUnavailable    ClickHouse does not answer, or answers that it cannot now: try again
"""

from __future__ import annotations


class ClickHouseError(Exception):
    """An expected failure around ClickHouse, told in one sentence; `code` is for programs."""

    code = "clickhouse"


class MigrationError(ClickHouseError):
    """A database's schema cannot be brought up to date as it stands."""

    code = "migration"


class RowsRefused(ClickHouseError):
    """Rows that cannot be stored as they are; others of the same insert may well be."""

    code = "rows-refused"


class StoreUnavailable(ClickHouseError):
    """ClickHouse cannot be reached or refuses work for now."""

    code = "store-unavailable"
