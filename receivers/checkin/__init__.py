"""Signing in at a room: the page that the room's tablet shows, and what becomes of it as statements."""
