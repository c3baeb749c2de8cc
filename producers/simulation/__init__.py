"""A day of an invented institute, in its systems' own formats, with the truth that their figures must reach.

Deterministic: the same arguments give the same day, byte for byte. Every name is invented.
"""

from producers.simulation.day import Day, choose_shift, simulate_day
from producers.simulation.files import Files, write
from producers.simulation.live import LiveEvent, live_events
from producers.simulation.truth import Truth, find_truth, present_at

__all__ = [
    "Day",
    "Files",
    "LiveEvent",
    "Truth",
    "choose_shift",
    "find_truth",
    "live_events",
    "present_at",
    "simulate_day",
    "write",
]
