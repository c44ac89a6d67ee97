"""Tasks: load problems, extract and grade answers."""
