"""Open edX: its tracking logs."""

from producers.openedx.source import OpenEdxSource

__all__ = ["OpenEdxSource"]
