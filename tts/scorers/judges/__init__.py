"""Judges: a second model that is asked about samples one by one, in pairs, or whether answers mean the same."""
