"""A throw-away instance with one tenant, for benchmarks that measure the whole product."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jalon.commands.output import StepsShown
from jalon.runtime.instance import Instance
from jalon.settings import Settings

TENANT = "bench"


@contextmanager
def open_instance(workers: int = 1) -> Iterator[tuple[Instance, StepsShown]]:
    """Start an instance in a directory of its own, which is removed in the end; steps are shown while it is open."""
    with tempfile.TemporaryDirectory(prefix="jalon-bench-") as directory:
        instance = Instance(Settings.for_directory(Path(directory), workers=workers))
        try:
            with StepsShown() as steps:
                instance.start(steps.report, with_parent=True)
                instance.installation.add_tenant(TENANT, TENANT, "Europe/Paris")
                yield instance, steps
        finally:
            instance.stop()
