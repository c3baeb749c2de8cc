"""The systems of the invented institute: each draws what happens in it, and writes that in its own format."""
