"""Strategies: how many samples to draw, when to stop and which answer to return. A package of tts-rerank.

    >>> from strategies.catalog import method
    >>> method("adaptive_consistency").build(budget=16).name
    'adaptive_consistency'

A strategy is a generator that yields :class:`~tts.types.Draw`, receives samples and returns a
:class:`~tts.types.Decision`. It never touches an engine, a clock or an event loop, so the same object runs live,
replays a recorded pool and is tested without a model.

- :mod:`~strategies.catalog`: the published methods by name, one module of rows per family.
- :mod:`~strategies.vote`: the vote family, weighting x stopping rules x selection x budget. Its parts are
  :mod:`~strategies.weighting` and :mod:`~strategies.stopping`.
- :mod:`~strategies.check`: how probable a given answer is right, from fresh draws.
- :mod:`~strategies.beam`: partial samples that are pruned and forked; :mod:`~strategies.pruning` chooses the survivors.
- :mod:`~strategies.deepconf`: votes weighted by the confidence of traces.
- :mod:`~strategies.mass`: votes by the probability of distinct texts.
- :mod:`~strategies.evidence`: the facts that a stopping rule may read, held by :mod:`~strategies.live_evidence` for one
  question and by :mod:`~strategies.replay_evidence` for many rows of :mod:`~strategies.draw_arrays`.
- :mod:`~strategies.spec`: composed strategies from a configuration.

To add a strategy:

1. If it votes, write its row in the module of its family in :mod:`~strategies.catalog`. A new rule goes into
   :mod:`~strategies.stopping`, a new weighting into :mod:`~strategies.weighting`; both then work in configurations.
2. If it does not vote, write a class with ``run`` and give it a row. ``tts compare`` replays any generator
   that draws no prefixes; a method ``decide`` over arrays, as in :mod:`~strategies.deepconf`, makes the replay fast.
3. Name the strategy in ``PUBLISHED`` of ``tests/strategies/catalog/test_catalog.py``. Tests then hold it to its budget,
   its grid and the same decisions live and replayed.

``examples/own_rule.py`` compares and runs a rule without any change to this package.
"""
