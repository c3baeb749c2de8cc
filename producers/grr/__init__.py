"""GRR (Gestion et Réservation de Ressources): bookings of rooms, from its database or an export of it."""

from producers.grr.source import GrrSource

__all__ = ["GrrSource"]
