"""`python -m grafana.dashboards` writes the JSON; with `--check` it only says what would change."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from grafana.dashboards.catalogue import find_drift, write_all

JSON_FOLDER = Path(__file__).resolve().parent.parent / "json"


def main(arguments: list[str] | None = None) -> int:
    """Write or check the committed dashboards; returns the exit code, 1 on drift."""
    parser = argparse.ArgumentParser(prog="python -m grafana.dashboards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 when a file is not what the code says")
    parser.add_argument("--folder", type=Path, default=JSON_FOLDER, help="where the JSON lies")
    options = parser.parse_args(arguments)
    if not options.check:
        written = write_all(options.folder)
        sys.stdout.write(f"{len(written)} dashboards written\n")
        return 0
    drift = find_drift(options.folder)
    for sentence in drift:
        sys.stderr.write(f"{sentence}: run `python -m grafana.dashboards`\n")
    return 1 if drift else 0


if __name__ == "__main__":
    sys.exit(main())
