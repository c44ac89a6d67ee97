"""Pools that grow, NAME.pool: a folder of live.sqlite and of sealed Parquet parts.

New samples go to ``live.sqlite``. Samples of decided questions move to a part when enough have gathered: the part is
announced, written beside, synced and renamed; then one transaction of ``live.sqlite`` lists it and deletes its rows. So
a sample is always in exactly one place, however the process ends, and a file that is not listed does not exist. Scores,
and signals that were read later, stay in ``live.sqlite``; a part never changes. Another reading of answers replaces the
parts.
"""
