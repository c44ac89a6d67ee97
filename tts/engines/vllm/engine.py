"""The vLLM engine in this process: the same draws at serving speed, on GPUs or by vLLM's CPU build.

Each sample is one request, so that it can be aborted by itself. Watched tokens come back from the pass that draws. The
first sample of a prompt reads it, and the others find it in the prefix cache. Every token is charged as vLLM counts it,
also those of closed streams, so that the ledger and vLLM's own counters agree.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tts.boundaries import DETECTED
from tts.engines.base import Chunk, Meter, Prefix, Request
from tts.engines.given_text import read_given, score_prefixes
from tts.engines.sampling import Sampling, changed
from tts.engines.special_tokens import end_ids, end_of_text, suppressed_ids
from tts.engines.streaming import StreamedSample, requested_ids, with_alternatives
from tts.engines.text import HasEncoder, Ids, PromptEncoder
from tts.engines.vllm.args import engine_args, silence_vllm
from tts.engines.vllm.capabilities import capabilities_of, exactness_of, logprobs_mode, most_logprobs
from tts.engines.vllm.counters import Counters
from tts.engines.vllm.lora import LoraRequests
from tts.engines.vllm.output_stream import stream_outputs, token_logprobs
from tts.engines.vllm.restarting import RestartingLLM, starter
from tts.engines.vllm.sampling_params import draw_params, next_token_params, reading_params
from tts.engines.vllm.scheduling import MIN_SHARED_PROMPT, ExclusiveKinds, PrefillGate
from tts.errors import EngineError, InputError, UnsupportedError, first_line
from tts.prompts import Prompt
from tts.types import End
from tts.wording import once


class VllmEngine(HasEncoder):
    """Implements :class:`~tts.engines.base.Engine`, in the one event loop that it is first used in.

    Attributes:
        name: the model's name or directory.
        revision: the requested revision, or empty.
        encoder: the model's tokenizer and prompt.
        counters: vLLM's own token counts; all 0 unless ``disable_log_stats=False``, which makes vLLM a little slower.
    """

    label = "vLLM"
    read = read_given

    def __init__(
        self,
        start: Callable[[], Any],
        *,
        tokenizer: Any,
        prompt: Prompt,
        sampling: Sampling,
        counters: Counters,
        seeded: bool = False,
        check_every_tokens: int = 8,
        name: str = "",
        revision: str = "",
        notify: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Start vLLM.

        Args:
            start: returns a new ``AsyncLLM``; called again when one has died.
            tokenizer: the model's tokenizer.
            prompt: turns a problem into the model's input.
            sampling: how tokens are drawn.
            counters: the counts that vLLM's stat logger adds to.
            seeded: whether each request has its own seed, so that its tokens are the same in every run; if not, tokens
                depend on the order of the batch.
            check_every_tokens: tokens between two checks of a running sample that ends below a confidence, >= 1;
                tokens that vLLM draws past the boundary meanwhile are charged as aborted.
            name: the model's name.
            revision: the model's revision.
            notify: receives one sentence when vLLM died and is started again.

        Raises:
            InputError: a chat prompt for a tokenizer without a chat template, no end-of-sequence token, or suppressed
                tokens that the model does not have.
        """
        if check_every_tokens < 1:
            raise InputError(f"check_every_tokens must be at least 1, got {check_every_tokens}")
        self.name, self.revision, self.sampling, self.counters = name, revision, sampling, counters
        self.seeded, self.check_every_tokens = seeded, check_every_tokens
        self._llm = RestartingLLM(start, notify=notify)
        config = self._llm.current.model_config
        vocabulary = int(config.get_vocab_size())
        self._encoder = PromptEncoder(
            tokenizer, prompt, context=int(config.max_model_len), vocabulary=vocabulary, name=name, notify=notify
        )
        generation = config.try_get_generation_config()
        self._suppressed = suppressed_ids(generation.get("suppress_tokens"), vocabulary)
        self._ends = end_ids(generation.get("eos_token_id"), tokenizer)
        self._max_logprobs, self._notify = most_logprobs(config), once(notify)
        self._logprobs_mode = logprobs_mode(config)
        adapters = self._llm.current.vllm_config.lora_config is not None
        self.capabilities = capabilities_of(config, sampling, self._suppressed, adapters=adapters)
        self.end_id = end_of_text(self._ends, tokenizer)
        self._lora = LoraRequests(enabled=self.capabilities.adapters)
        self._prefill_gate, self._exclusive = PrefillGate(), ExclusiveKinds()
        self._numbers = itertools.count()

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        prompt: Prompt,
        sampling: Sampling,
        dtype: str = "float32",
        revision: str | None = None,
        device: str = "auto",
        seeded: bool = False,
        check_every_tokens: int = 8,
        options: Mapping[str, Any] | None = None,
        notify: Callable[[str], None] = lambda text: None,
    ) -> Self:
        """Start vLLM with a model from a directory or the hub.

        Args:
            model: a directory, or a name on the hub.
            prompt: see :meth:`__init__`.
            sampling: see :meth:`__init__`.
            dtype: float32, bfloat16 or float16.
            revision: branch, tag or commit on the hub.
            device: auto, or the device type that vLLM was built for.
            seeded: see :meth:`__init__`.
            check_every_tokens: see :meth:`__init__`.
            options: other arguments of vLLM's ``AsyncEngineArgs`` by name.
            notify: see :meth:`__init__`.

        Raises:
            InputError: no such model, arguments that vLLM refuses, or whatever :meth:`__init__` refuses.
        """
        silence_vllm()
        from transformers import AutoTokenizer

        args = engine_args(
            model,
            dtype=dtype,
            revision=revision,
            device=device,
            seed=sampling.seed,
            seeded=seeded,
            options=options or {},
        )
        counters = Counters()
        try:
            tokenizer = AutoTokenizer.from_pretrained(str(model), **({"revision": revision} if revision else {}))
            config = args.create_engine_config()
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(
                f"model {model} cannot be served ({first_line(error)}): give a model's directory or hub name, and "
                "engine.vllm arguments that vLLM takes"
            ) from None
        return cls(
            starter(config, model=str(model), counters=None if args.disable_log_stats else counters),
            tokenizer=tokenizer,
            prompt=prompt,
            sampling=sampling,
            counters=counters,
            seeded=seeded,
            check_every_tokens=check_every_tokens,
            name=str(model),
            revision=revision or "",
            notify=notify,
        )

    def close(self) -> None:
        """End vLLM's processes."""
        self._llm.close()

    @property
    def restarts(self) -> int:
        """Number of times that vLLM was started again."""
        return self._llm.restarts

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        """Draw one sample and yield it as one chunk; closing the iterator aborts it.

        A probed token (``Signals.probe``) is read by a second request, which finds the sample in the cache.

        Raises:
            InputError: no room to draw a token, or a watched or probed token that the model does not have.
            UnsupportedError: a boundary without the signal that it needs, more tokens than vLLM can watch, a seed of
                its own where the engine is not seeded, or signals beside processed log-probabilities.
            EngineError: vLLM died.
        """
        if (ended := self.encoder.ended(request.prefix, self._ends)) is not None:
            yield ended
            return
        most, vocabulary = self._max_logprobs, self.encoder.vocabulary
        request = with_alternatives(request, most, self._notify, vocabulary=vocabulary)
        signals, prefix, meter = request.signals, request.prefix, request.meter
        sampling = changed(self.sampling, request.sampling)
        exact = exactness_of(signals, sampling, self._logprobs_mode)
        encoded = self.encoder.encode_request(request, sampling.max_tokens)
        requested = requested_ids(signals, self._suppressed)
        if len(requested) > self._max_logprobs:
            raise UnsupportedError(
                f"{len(requested)} tokens are to be watched and vLLM returns the probabilities of at most "
                f"{self._max_logprobs}: watch fewer, or raise engine.vllm.max_logprobs"
            )
        sample = StreamedSample[int](
            request.until, signals, self._ends, encoded.limit, self.encoder.is_step, self._suppressed, exact
        )
        params = draw_params(
            request,
            encoded,
            sampling=sampling,
            seeded=self.seeded,
            requested=requested,
            suppressed=self._suppressed,
            ends=self._ends,
            line_ends=self._line_ends if request.until.kind == "step" else (),
            stream_interval=self.check_every_tokens if request.until.kind in DETECTED else self.encoder.context,
        )
        kind = "named" if requested else "top" if signals.top or signals.alternatives else ""
        end: End | None = None
        prompt = encoded.prompt_ids
        is_first = len(prompt) >= MIN_SHARED_PROMPT and await self._prefill_gate.acquire(prompt)
        try:
            async with self._exclusive.admit(kind), aclosing(self._outputs(encoded.ids, params, meter)) as outputs:
                async for output in outputs:
                    if is_first and output.token_ids:
                        is_first = False
                        self._prefill_gate.release(prompt, read=True)
                    taken = len(sample.tokens)
                    end = sample.take(token_logprobs(output))
                    meter.discarded += len(output.token_ids) - (len(sample.tokens) - taken)
                    if end is not None:
                        break
                    if output.finish_reason is not None:
                        raise EngineError(f"vLLM ended a sample with {output.finish_reason!r} before it was at an end")
                drawn = meter.drawn
            meter.discarded += meter.drawn - drawn  # tokens that vLLM drew until the abort reached it
        finally:
            if is_first:
                self._prefill_gate.release(prompt, read=False)
        if signals.probe is not None:
            ids = (*encoded.ids, *sample.content(end), signals.probe)
            sample.probe = float((await self.next_token(ids, (signals.probe,), meter))[0])
        prefix_text = prefix.text if prefix is not None else ""
        text = self.encoder.text(encoded.prefix_ids, sample.tokens, prefix_text)[len(prefix_text) :]
        yield Chunk(text, tuple(sample.tokens), sample.trace, end)

    async def score(
        self, prefixes: Sequence[Prefix], tokens: Sequence[int], meter: Meter, *, adapter: Path | None = None
    ) -> NDArray[Any]:
        """Return P(token | prefix) at temperature 1, shape [len(prefixes), len(tokens)].

        Each prefix is one request for one token, which is charged and finds in the cache the samples drawn here.

        Raises:
            InputError: a prefix that does not fit.
            UnsupportedError: adapters without ``engine.vllm.enable_lora``.
            EngineError: vLLM died.
        """
        return await score_prefixes(
            self.encoder, prefixes, tokens, lambda ids, _: self.next_token(ids, tokens, meter, adapter)
        )

    async def prompt_logprobs(self, ids: Ids, top: int, meter: Meter) -> Sequence[Mapping[int, float]]:
        """Return at each token its log-probability and those of the ``top`` most probable ones, by id."""
        found: list[Any] = []
        async with aclosing(self._outputs(ids, reading_params(top), meter, prompt_logprobs=found)) as outputs:
            _ = [output async for output in outputs]
        return [{token: one.logprob for token, one in (at or {}).items()} for at in found]

    async def next_token(
        self, ids: Ids, tokens: Sequence[int], meter: Meter, adapter: Path | None = None
    ) -> NDArray[np.float64]:
        """Return P(token) after these ids, shape [len(tokens)]."""
        out = np.empty(len(tokens))
        params, lora = next_token_params(tokens), self._lora.get(adapter)
        async with self._exclusive.admit("named"), aclosing(self._outputs(ids, params, meter, lora)) as outputs:
            async for output in outputs:
                logprobs = dict(zip(output.logprobs.token_ids, output.logprobs.logprobs, strict=True))
                out[:] = [math.exp(logprobs[token]) for token in tokens]
        return out

    def _outputs(
        self, ids: Ids, params: Any, meter: Meter, lora: Any = None, prompt_logprobs: list[Any] | None = None
    ) -> AsyncGenerator[Any, None]:
        """Return vLLM's output pieces of a new request; closing the generator aborts it."""
        name = f"draw-{next(self._numbers)}"
        return stream_outputs(self._llm, name, ids, params, meter, lora=lora, prompt_logprobs=prompt_logprobs)

    @cached_property
    def _line_ends(self) -> list[int]:
        """Ids of all tokens that end a line."""
        return [token for token in range(self.encoder.vocabulary) if self.encoder.is_step(token)]
