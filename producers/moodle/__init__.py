"""Moodle: its log table, and the tables of its attendance plugin, read over SQLAlchemy."""

from producers.moodle.attendance import MoodleAttendanceSource
from producers.moodle.source import MoodleSource

__all__ = ["MoodleAttendanceSource", "MoodleSource"]
