"""GrACE: training of a confidence token."""
