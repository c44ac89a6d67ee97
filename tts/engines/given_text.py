"""The reading of given texts by engines that return the log-probabilities of a prompt, as vLLM and its server do."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tts.engines.base import Capabilities, Meter, Prefix
from tts.engines.refusing import refuse_reading
from tts.engines.streaming import StreamedSample
from tts.engines.streams import together
from tts.engines.text import Ids, PromptEncoder
from tts.types import END, Problem, Signals, Trace


class ReadsPrompts(Protocol):
    """The part of an engine by which :func:`read_given` reads given texts."""

    @property
    def label(self) -> str:
        """The engine in messages."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """The abilities of the engine."""
        ...

    @property
    def encoder(self) -> PromptEncoder:
        """The tokenizer and the prompt."""
        ...

    @property
    def end_id(self) -> int:
        """The token that ends a text."""
        ...

    async def prompt_logprobs(self, ids: Ids, top: int, meter: Meter) -> Sequence[Mapping[int, float]]:
        """Return at each token its log-probability and those of the ``top`` most probable ones, by id."""
        ...

    async def next_token(self, ids: Ids, tokens: Sequence[int], meter: Meter) -> Any:
        """Return P(token) after these ids, shape [len(tokens)]."""
        ...


async def read_given(
    engine: ReadsPrompts,
    problem: Problem,
    text: str,
    signals: Signals,
    meter: Meter,
    *,
    token_ids: Ids = (),
    ended: bool = False,
) -> Trace:
    """Return the signals of every token of a given text; see :meth:`tts.engines.base.Engine.read`.

    A probed token is read by a second request.

    Raises:
        InputError: the text does not fit the context with one token behind it.
        UnsupportedError: a signal that the engine does not return for a prompt.
        EngineError: the engine failed.
    """
    refuse_reading(signals, engine.capabilities, engine.label)
    prompt, ids = engine.encoder.to_read(Prefix(problem, text, token_ids), signals, beside=1)
    if ended and not token_ids:
        ids += (engine.end_id,)
    told = await engine.prompt_logprobs((*prompt, *ids), signals.top, meter)
    sample = StreamedSample[int](END, signals, (), len(ids) + 1, engine.encoder.is_step)
    sample.take(zip(ids, told[len(prompt) :], strict=True))
    if signals.probe is not None:
        probed = (*prompt, *(ids[:-1] if ended else ids), signals.probe)
        sample.probe = float((await engine.next_token(probed, (signals.probe,), meter))[0])
    return sample.trace


async def score_prefixes(
    encoder: PromptEncoder,
    prefixes: Sequence[Prefix],
    tokens: Sequence[int],
    read: Callable[[Ids, Prefix], Coroutine[Any, Any, Any]],
) -> NDArray[Any]:
    """Return P(token | prefix), shape [len(prefixes), len(tokens)]; each prefix is read by itself.

    Args:
        encoder: the model's encoder.
        prefixes: the prefixes; each must leave room for one more token.
        tokens: the tokens whose probabilities ``read`` gives.
        read: turns the tokens of a prompt and a text, and the prefix that they are of, into those probabilities.

    Raises:
        InputError: a prefix that does not fit.
    """
    asked = [encoder.to_score(one, beside=1) for one in prefixes]
    rows = await together([read(prompt + after, one) for (prompt, after), one in zip(asked, prefixes, strict=True)])
    return np.array(rows, dtype=np.float64).reshape(len(asked), len(tokens))
