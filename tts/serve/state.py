"""The state of one gateway process: its models, its keys, what is in progress, and whether it is ending."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from starlette.requests import Request

from tts.agent.answer import Answer
from tts.agent.opening import Parts
from tts.agent.verification import Caches
from tts.engines.sampling import SamplingChange
from tts.runtime.cache import SampleCache
from tts.serve.config import ServeConfig
from tts.serve.errors import key_limit, not_allowed, shutting_down
from tts.serve.kept import KeptDraws
from tts.serve.keys import Key, Keys
from tts.serve.metrics import Metrics
from tts.serve.models import Models
from tts.serve.replies import is_abstention
from tts.types import Problem

LOG = logging.getLogger("tts.serve")
LONGEST_WAIT_S = 60


@dataclass
class Rate:
    """The rate at which questions finish, measured over the last ones.

    Attributes:
        ends: the times at which questions finished.
    """

    ends: deque[float] = field(default_factory=lambda: deque(maxlen=64))

    def ended(self, at: float) -> None:
        """Count a question."""
        self.ends.append(at)

    def wait_s(self, ahead: int, now: float) -> int:
        """Return the whole seconds, at least 1, in which as many questions finish as are ahead of one more."""
        if len(self.ends) < 2:
            return 1
        a_second = len(self.ends) / max(now - self.ends[0], 1e-3)
        return max(1, min(LONGEST_WAIT_S, math.ceil((ahead + 1) / a_second)))


class State:
    """The state of a gateway.

    Attributes:
        models: the models.
        config: the configuration.
        keys: the keys that are accepted.
        kept: the draws that are kept; None keeps none.
        metrics: its numbers.
        rate: of questions that finish.
        in_progress: questions that are in progress or wait.
        ending: True once the server ends.
        closing: awaited at the end, when no question is in progress any more.
    """

    def __init__(self, models: Models, config: ServeConfig, keys: Keys) -> None:
        """Start with nothing in progress."""
        self.models, self.config, self.keys = models, config, keys
        self.kept: KeptDraws | None = None
        self.metrics = Metrics(models)
        self.rate, self.in_progress, self.ending = Rate(), 0, False
        self.closing: list[Callable[[], Awaitable[None]]] = []
        self._last = math.inf
        self._of_keys: Counter[bytes] = Counter()

    @property
    def wait_s(self) -> int:
        """Seconds after which a refused question may be asked again, from the measured rate."""
        waiting = sum(model.parts.runner.waiting for model in self.models.values())
        return self.rate.wait_s(waiting, asyncio.get_running_loop().time())

    def seconds(self, asked: float | None = None) -> float:
        """Return the time limit of a question that asks for one, in seconds, with no more than is left of the server's.

        Args:
            asked: the limit of the request; None for none.
        """
        most = self.config.limits.time_limit_s
        left = self._last - asyncio.get_running_loop().time()
        return max(1e-3, min(asked or most, most, left))

    @contextmanager
    def question(self, key: Key | None) -> Iterator[None]:
        """Count a question of a key while it is in progress.

        Raises:
            ApiError: the key has its share in progress, or the server ends.
        """
        if self.ending:
            raise shutting_down(self.wait_s)
        if key is not None:
            most = key.questions or self.config.limits.key_questions
            if most is not None and self._of_keys[key.digest] >= most:
                raise key_limit(key.name, most, self.wait_s)
            self._of_keys[key.digest] += 1
        self.in_progress += 1
        try:
            yield
        finally:
            self.in_progress -= 1
            self.rate.ended(asyncio.get_running_loop().time())
            if key is not None:
                self._of_keys[key.digest] -= 1

    def cache(
        self, parts: Parts, problem: Problem, sampling: SamplingChange | None
    ) -> AbstractAsyncContextManager[SampleCache | None]:
        """Lend the cache of a question; None where no draws are kept, or these end at texts of the request."""
        ends = sampling is not None and sampling.stop
        return nullcontext() if self.kept is None or ends else self.kept.cache(parts, problem, sampling)

    def caches(self, parts: Parts) -> Caches:
        """Return what lends the cache of each question whose answers are checked by draws."""
        return lambda problem: self.cache(parts, problem, None)

    def check_allowed(self, key: Key | None, model: str) -> None:
        """Refuse a model that a key may not ask.

        Raises:
            ApiError: it may not.
        """
        if key is not None and key.models is not None and model not in key.models:
            raise not_allowed(f"the key may not ask model {model}", param="model")

    def answered(self, request: Request, question: str, answer: Answer) -> None:
        """Count an answer, and log its texts where texts are logged."""
        model = request.state.exchange.facts["model"]
        self.metrics.answer(model, answer, abstained=is_abstention(answer))
        if self.config.log_texts:
            LOG.info("%s question %r answer %r", request.state.request_id, question, answer.text)

    def end(self, grace_s: float) -> None:
        """Take no further questions, and have those in progress decide within some seconds."""
        self.ending, self._last = True, asyncio.get_running_loop().time() + grace_s
        self.models.finish_by(asyncio.get_running_loop().time() + grace_s)
