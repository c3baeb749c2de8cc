"""State, agent profile and activity profile documents: stored, merged and deleted at once, sealed at rest."""
