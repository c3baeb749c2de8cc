"""The identity database's schema, one Alembic revision per change; a released revision is never edited."""
