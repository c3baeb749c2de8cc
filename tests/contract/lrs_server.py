"""The LRS on a real socket, as it is run: uvicorn, uvloop, httptools; log and store in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import uvicorn
import uvloop

from lrs.limits import Limits
from lrs.server import configure
from tests.unit.lrs.world import Identity, World, open_world
from tests.waiting import eventually


@contextmanager
def serve_in_thread(folder: Path, limits: Limits | None = None, **parts: Any) -> Iterator[tuple[World, str]]:
    """Give the world behind a running server, and the server's address."""
    prepared: Queue[tuple[World, uvicorn.Server]] = Queue()

    async def run() -> None:
        async with open_world(Identity.open(folder), limits, **parts) as world:
            server = configure(world.services, host="127.0.0.1", port=0)
            prepared.put((world, server))
            await server.serve()

    thread = threading.Thread(target=lambda: uvloop.run(run()), name="lrs")
    thread.start()
    world, server = prepared.get(timeout=30)
    try:
        eventually(lambda: server.started, seconds=10)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield world, f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
    assert not thread.is_alive()
