"""Live runs: what is played, and how."""
