"""Distinct draws: the trie and the strategies, against a tree that is enumerated."""
