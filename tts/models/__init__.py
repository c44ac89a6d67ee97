"""Models: names, cards, weights and value heads."""
