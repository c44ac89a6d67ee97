"""DeepConf: votes weighted by the confidence of the traces; the least confident traces are left out or stopped early.

Both strategies read the top-k confidences of ``sample.trace.top``; no scorer is needed. ``run`` plays one question,
live or recorded; ``decide`` plays many rows of a replay at once and makes the same decisions.

Source:
    Fu et al., "Deep Think with Confidence", arXiv 2508.15260. The paper draws up to 512 traces of some 20,000 tokens
    with warm-ups of 16 and groups of 2048. Defaults for 16 to 32 short samples are this framework's where they say so.
"""

from __future__ import annotations

from strategies.deepconf.base import Metric, TraceRows, percentile_bar
from strategies.deepconf.offline import DeepConfOffline
from strategies.deepconf.online import CONSENSUS, DeepConfOnline

__all__ = ["CONSENSUS", "DeepConf", "DeepConfOffline", "DeepConfOnline", "Metric", "TraceRows", "percentile_bar"]

DeepConf = DeepConfOffline | DeepConfOnline
