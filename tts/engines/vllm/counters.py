"""vLLM's own token counts, collected through its stat-logger interface.

Imports vLLM only inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Counters:
    """The tokens that vLLM reports to its stat loggers.

    Attributes:
        prompt: prompt tokens computed.
        prompt_cached: prompt tokens found in the prefix cache.
        drawn: tokens generated.
    """

    prompt: int = 0
    prompt_cached: int = 0
    drawn: int = 0

    def logger(self, config: Any, index: int = 0) -> Any:
        """Return a vLLM stat logger that adds to these counts."""
        from vllm.v1.metrics.loggers import StatLoggerBase

        counters = self

        class Logger(StatLoggerBase):  # type: ignore[misc]
            def __init__(self, vllm_config: Any, engine_index: int = 0) -> None: ...

            def record(self, scheduler_stats: Any, iteration_stats: Any, *_: Any, **__: Any) -> None:
                if iteration_stats is not None:
                    read = iteration_stats.prompt_token_stats
                    counters.prompt += read.total - read.cached_tokens
                    counters.prompt_cached += read.cached_tokens
                    counters.drawn += iteration_stats.num_generation_tokens

            def log_engine_initialized(self) -> None: ...

        return Logger(config, index)
