"""Pools as Parquet: one row a sample, the question's columns repeated on each, nothing lost.

Columns: ``id, question, gold, task`` (strings), ``accepted`` (list of strings), ``meta`` (map of strings), ``index``
(int64), ``text, answer, end`` (strings), ``confidence`` (float64), ``correct`` (bool), ``token_ids`` (list of int32),
``logprobs`` (list of float64), ``watched`` (map of token id to a list of float64), the other columns of
``tts.types.COLUMNS`` (lists of float64 or bool, ``probe`` float64), ``owners`` (map of a string to a list of int32),
``usage`` (struct of six int64), ``error`` (string), ``given`` (int64), the optional fields of a sample,
``tts.types.SAMPLE_EXTRAS`` (float64, int64, bool or string), and ``scores`` (map of a label to a struct of ``value``,
``read`` and ``drawn``), ``calls`` and ``chat`` (strings of JSON; see :mod:`tts.pool.chats`). Columns that came after
the first version may be missing. Null means the same as None in ``tts.types``. Rows of one question follow each other.
"""
