"""Running the application as a process."""

from __future__ import annotations

from lrs.server import build_server
from receivers.app import Parts, create_app


def serve(parts: Parts, *, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT: then finish the requests under way, flush Kafka, and return.

    Starts although Kafka cannot be reached, and answers 503 until it can. Logging is the caller's to configure.
    Raises SystemExit when the port cannot be had.
    """
    build_server(create_app(parts), parts.limits, host=host, port=port).run()
