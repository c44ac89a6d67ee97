"""FineCE: the probability that a given prefix of an answer ends well (arXiv 2508.12040)."""
