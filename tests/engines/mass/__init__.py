"""The probability of a whole sample: every engine against a tree that is enumerated by hand."""
