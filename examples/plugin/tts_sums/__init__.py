"""An example of a package that adds a strategy, a scorer, an engine and a task; entry points make their names known."""
