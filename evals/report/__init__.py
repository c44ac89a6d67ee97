"""Tables, plots and JSON of results."""
