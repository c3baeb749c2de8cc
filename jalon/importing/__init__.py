"""`jalon import`: files of statements in, a verdict for every one of them out."""
