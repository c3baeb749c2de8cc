"""Zoom: participant reports of meetings, one row per connection."""

from producers.zoom.source import ZoomSource

__all__ = ["ZoomSource"]
