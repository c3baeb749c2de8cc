"""A year of an invented institute, in its systems' own formats, with the truth that their figures must reach.

Everything is drawn from a seed: the same size gives the same files, byte for byte. Every name is invented.
"""

from producers.simulation.year.writing import Size, write_year

__all__ = ["Size", "write_year"]
