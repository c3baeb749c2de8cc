"""How the processes log: a line an event, its name first, then its fields, for people and for programs (logfmt)."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class EventFormatter(logging.Formatter):
    """Writes `time level logger event field=value …`, and a traceback after it where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        fields = [
            f"{name}={_quote(value)}"
            for name, value in vars(record).items()
            if name not in _STANDARD and not name.startswith("_")
        ]
        line = " ".join([moment, record.levelname.lower(), record.name, record.getMessage(), *fields])
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure_logging() -> None:
    """Send what a process logs to its standard output, which the supervisor or the container keeps."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(EventFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # Clients that try again and again: what matters of it is logged, once, by the part that waits.
    for name in ("aiokafka", "kafka", "httpx"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _quote(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(' "=\n\r\t') else text
