"""`python -m jalon`: the same as the `jalon` command, for a supervisor that must not depend on a PATH."""

from __future__ import annotations

from jalon.cli import main

if __name__ == "__main__":
    main()
