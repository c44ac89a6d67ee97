"""Stacked confidence: several scores of one trace in one fitted logistic regression."""
