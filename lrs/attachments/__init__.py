"""Attachments: taken in with statements, kept sealed in an object store, given out beside them; and signatures."""
