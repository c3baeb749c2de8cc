"""Ports of this machine for what runs on it for a while: throw-away instances and tests."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on now, all different.

    They lie below the range from which systems take the ports of outgoing connections: a client that keeps trying a
    port in that range can end up connected to itself, and then the server cannot have its port back.
    """
    ports: list[int] = []
    with ExitStack() as stack:
        while len(ports) < count:
            one = stack.enter_context(socket.socket())
            try:
                one.bind((LOOPBACK, random.randrange(15_000, 32_000)))  # noqa: S311 (nothing secret about a port)
            except OSError:
                continue
            ports.append(one.getsockname()[1])
    return ports
