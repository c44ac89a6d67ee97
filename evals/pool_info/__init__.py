"""The contents of a pool: its runs, their accuracy, and grades that contradict their gold answers."""
