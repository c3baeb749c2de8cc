"""GAIA: registration and session management, known by the daily folder of full extracts that it leaves."""

from producers.gaia.source import GaiaSource

__all__ = ["GaiaSource"]
