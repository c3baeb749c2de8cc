"""iCalendar: bookings of rooms from calendars, as files or at their addresses."""

from producers.icalendar.source import Bookings, ICalendarSource

__all__ = ["Bookings", "ICalendarSource"]
