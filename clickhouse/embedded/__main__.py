"""Runs the embedded server by itself: `python -m clickhouse.embedded DIRECTORY HOST PORT OWNER`, password on stdin."""

from __future__ import annotations

import sys
from pathlib import Path

from clickhouse.embedded.errors import CannotStart
from clickhouse.embedded.server import serve


def main(arguments: list[str]) -> int:
    """Serve until told to stop; return the exit status."""
    directory, host, port, owner = arguments
    try:
        serve(Path(directory), host, int(port), owner=owner, owner_password=sys.stdin.readline().rstrip("\n"))
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
