"""FineCE: training of a prefix scorer."""
