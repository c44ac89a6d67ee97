"""The vLLM engine, in this process: the same draws at serving speed, on GPUs or by vLLM's CPU build.

One request a sample, so that each can be closed by itself; what is watched comes back from the pass that draws; a
prompt that many samples share is read once, by the first of them. Every token is counted where vLLM counts it, those
of closed streams too, so that the ledger and vLLM's own counters agree.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tts.engines.base import Capabilities, Chunk, Meter, Prefix, Request
from tts.engines.ending import LOOKS
from tts.engines.sampling import Sampling, seed_of
from tts.engines.special_tokens import end_ids, suppressed_ids
from tts.engines.streaming import StreamedSample, requested_ids
from tts.engines.text import EncodedRequest, HasEncoder, Ids, PromptEncoder, score_prefixes
from tts.engines.vllm.args import engine_args, quiet
from tts.engines.vllm.scheduling import ExclusiveKinds, PrefillGate
from tts.errors import EngineError, InputError, UnsupportedError, first_line
from tts.prompts import Prompt
from tts.types import End

NEVER = -1e9
"""What is added to the logit of a token that is never drawn."""
STEP_IDS = 64
"""The most ids of tokens that end a line by which vLLM is told to stop; it searches them after each token."""
SHARED = 64
"""Tokens of a prompt from which on its first sample goes ahead, so that the others find it in the cache."""


@dataclass(slots=True)
class Counters:
    """vLLM's own counts, as it reports them to its loggers.

    Attributes:
        prompt: prompt tokens computed.
        prompt_cached: prompt tokens found in the prefix cache.
        drawn: tokens generated.
    """

    prompt: int = 0
    prompt_cached: int = 0
    drawn: int = 0

    def logger(self, config: Any, index: int = 0) -> Any:
        """What vLLM calls a stat logger, adding to these counts."""
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


def told(output: Any) -> Iterator[tuple[int, Mapping[int, float]]]:
    """The tokens of one of vLLM's outputs, each with the log-probabilities that came with it, if any did."""
    flat = output.logprobs
    if flat is None:
        yield from ((token, {}) for token in output.token_ids)
        return
    for token, start, stop in zip(output.token_ids, flat.start_indices, flat.end_indices, strict=True):
        yield token, dict(zip(flat.token_ids[start:stop], flat.logprobs[start:stop], strict=True))


class VllmEngine(HasEncoder):
    """Implements :class:`~tts.engines.base.Engine`, in the one event loop that it is first used in.

    Attributes:
        name: the model's name or directory.
        revision: the revision that was asked for, or empty.
        encoder: its tokenizer and its prompt.
        counters: vLLM's own counts, kept with ``disable_log_stats=False`` only: they cost it some speed.
        restarts: how often it was started again.
    """

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
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Start vLLM.

        Args:
            start: gives a new ``AsyncLLM``; called again when one has died.
            tokenizer: the model's.
            prompt: from a problem to what the model reads.
            sampling: how tokens are drawn.
            counters: what vLLM reports its counts to.
            seeded: whether each request has a seed of its own, so that its tokens are the same in every run; where
                not, tokens depend on the order of the batch.
            check_every_tokens: tokens between two checks of a running sample that ends below a confidence, >= 1;
                tokens that vLLM draws past the boundary meanwhile are charged as aborted.
            name: what to call the model.
            revision: of the model.
            tell: gets one sentence when vLLM died and is started again.

        Raises:
            InputError: a chat prompt for a tokenizer without a chat template, no end-of-sequence token, or suppressed
                tokens that the model does not have.
        """
        if check_every_tokens < 1:
            raise InputError(f"check_every_tokens must be at least 1, got {check_every_tokens}")
        self.name, self.revision, self.sampling, self.counters = name, revision, sampling, counters
        self.seeded, self.check_every_tokens, self.restarts = seeded, check_every_tokens, 0
        self._start, self._tell = start, tell
        self._llm = start()
        config = self._llm.model_config
        vocabulary = int(config.get_vocab_size())
        self.encoder = PromptEncoder(
            tokenizer, prompt, context=int(config.max_model_len), vocabulary=vocabulary, name=name
        )
        said = config.try_get_generation_config()
        self._suppressed = suppressed_ids(said.get("suppress_tokens"), vocabulary)
        self._ends = end_ids(said.get("eos_token_id"), tokenizer)
        self._most = int(config.max_logprobs)
        self.capabilities = Capabilities(
            watch_tokens=True,
            score_prefix=True,
            branch=True,
            top=0 if self._suppressed else self._most,
            steps=True,
            probe=True,
            watch_beside_top=False,
            adapters=self._llm.vllm_config.lora_config is not None,
        )
        self._turns, self._apart, self._waking = PrefillGate(), ExclusiveKinds(), asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._numbers = itertools.count()
        self._line_ends: list[int] | None = None
        self._adapters: dict[str, Any] = {}

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
        tell: Callable[[str], None] = lambda text: None,
    ) -> Self:
        """Start vLLM with a model from a directory or the hub.

        Args:
            model: a directory, or a name on the hub.
            prompt: see :meth:`__init__`.
            sampling: see :meth:`__init__`.
            dtype: float32, bfloat16 or float16.
            revision: branch, tag or commit on the hub.
            device: auto, or the one that vLLM was built for.
            seeded: see :meth:`__init__`.
            check_every_tokens: see :meth:`__init__`.
            options: any other of vLLM's ``AsyncEngineArgs``, by name.
            tell: see :meth:`__init__`.

        Raises:
            InputError: no such model, arguments that vLLM refuses, or what :meth:`__init__` refuses.
        """
        quiet()
        from transformers import AutoTokenizer
        from vllm.v1.engine.async_llm import AsyncLLM

        args = engine_args(
            model,
            dtype=dtype,
            revision=revision,
            device=device,
            seed=sampling.seed,
            seeded=seeded and sampling.temperature > 0,
            options=options or {},
        )
        counters, counting = Counters(), not args.disable_log_stats
        try:
            tokenizer = AutoTokenizer.from_pretrained(str(model), **({"revision": revision} if revision else {}))
            config = args.create_engine_config()
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(
                f"model {model} cannot be served ({first_line(error)}): give a model's directory or hub name, and "
                "engine.vllm what vLLM takes"
            ) from None

        def start() -> Any:
            try:
                loggers = [counters.logger] if counting else None
                return AsyncLLM.from_vllm_config(config, stat_loggers=loggers, disable_log_stats=not counting)
            except (RuntimeError, ValueError) as error:
                raise EngineError(
                    f"vLLM did not start with model {model} ({first_line(error)}): what it logged above says why"
                ) from None

        return cls(
            start,
            tokenizer=tokenizer,
            prompt=prompt,
            sampling=sampling,
            counters=counters,
            seeded=seeded,
            check_every_tokens=check_every_tokens,
            name=str(model),
            revision=revision or "",
            tell=tell,
        )

    def close(self) -> None:
        """End vLLM's processes."""
        if (llm := self._llm) is not None:
            self._llm = None
            llm.shutdown()

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        """Draw one sample and send it as one chunk; closing the iterator aborts it.

        A probed token (``Signals.probe``) is read by a request of its own, which finds the sample in the cache.

        Raises:
            InputError: no room to draw a token, or a watched or probed token that the model does not have.
            UnsupportedError: a boundary without the signal it looks at.
            EngineError: vLLM died.
        """
        signals, prefix = request.signals, request.prefix
        encoded = self.encoder.encode_request(request, self.sampling.max_tokens)
        columns = requested_ids(signals, self._suppressed)
        if len(columns) > self._most:
            raise UnsupportedError(
                f"{len(columns)} tokens are to be watched and vLLM tells the probabilities of at most {self._most}: "
                "watch fewer, or raise engine.vllm.max_logprobs"
            )
        drawing = StreamedSample[int](
            request.until, signals, self._ends, encoded.limit, self.encoder.is_step, self._suppressed
        )
        params = self._params(request, encoded, columns)
        kind = "top" if signals.top else "named" if columns else ""
        end: End | None = None
        leads = len(encoded.prompt_ids) >= SHARED and await self._turns.first(encoded.prompt_ids)
        try:
            async with (
                self._apart.running(kind),
                aclosing(self._outputs(encoded.ids, params, request.meter)) as outputs,  # type: ignore[type-var]
            ):
                async for output in outputs:
                    if leads and output.token_ids:
                        leads = False
                        self._turns.done(encoded.prompt_ids, read=True)
                    known = len(drawing.tokens)
                    end = drawing.take(told(output))
                    request.meter.discarded += len(output.token_ids) - (len(drawing.tokens) - known)
                    if end is not None:
                        break
                    if output.finish_reason is not None:
                        raise EngineError(f"vLLM ended a sample with {output.finish_reason!r} before it was at an end")
                drawn = request.meter.drawn
            request.meter.discarded += request.meter.drawn - drawn  # what it drew until it heard of the end
        finally:
            if leads:
                self._turns.done(encoded.prompt_ids, read=False)
        if signals.probe is not None:
            ids = (*encoded.ids, *drawing.said(end), signals.probe)
            drawing.probe = float((await self._next(ids, (signals.probe,), request.meter))[0])
        begun = prefix.text if prefix is not None else ""
        text = self.encoder.text(encoded.prefix_ids, drawing.tokens, begun)[len(begun) :]
        yield Chunk(text, tuple(drawing.tokens), drawing.trace, end)

    async def score(
        self, prefixes: Sequence[Prefix], tokens: Sequence[int], meter: Meter, *, adapter: Path | None = None
    ) -> NDArray[Any]:
        """P(token | prefix) at temperature 1, shape [len(prefixes), len(tokens)].

        Each prefix is one request for one token, which finds in the cache what was drawn here.

        Args:
            prefixes: what to read.
            tokens: ids of the tokens whose probability to tell, after each of them.
            meter: is charged all that is read, and the token that each request draws.
            adapter: the directory of LoRA weights to read them with; None reads with the model alone.

        Raises:
            InputError: a prefix that does not fit.
            UnsupportedError: adapters without ``engine.vllm.enable_lora``.
            EngineError: vLLM died.
        """
        return await score_prefixes(self.encoder, prefixes, tokens, lambda ids: self._next(ids, tokens, meter, adapter))

    def _params(self, request: Request, encoded: EncodedRequest, columns: Ids) -> Any:
        """VLLM's sampling parameters of a draw."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        how, until = self.sampling, request.until
        limit = min(encoded.limit, int(until.value)) if until.kind == "tokens" else encoded.limit
        stop_ids, stop = list(self._ends), None
        if until.kind == "step":
            lines = self._step_ids()
            if len(lines) <= STEP_IDS:
                stop_ids += lines
            else:
                stop = ["\n"]
        seeded = self.seeded and how.temperature > 0
        looks = until.kind in LOOKS
        named: dict[str, Any] = {"logprob_token_ids": list(columns)} if columns else {}
        if not columns and (request.signals.top or request.signals.logprobs):
            named = {"logprobs": request.signals.top}
        return SamplingParams(
            temperature=how.temperature,
            top_p=how.top_p,
            top_k=how.top_k,
            max_tokens=limit,
            seed=seed_of(request.key(how.seed, len(encoded.prefix_ids)), 8) if seeded else None,
            stop=stop,
            stop_token_ids=stop_ids,
            include_stop_str_in_output=True,
            detokenize=stop is not None,
            logit_bias={token: NEVER for token in self._suppressed} or None,
            flat_logprobs=True,
            output_kind=RequestOutputKind.DELTA,
            # the first token comes at once all the same
            stream_interval=self.check_every_tokens if looks else self.encoder.context,
            skip_clone=True,
            **named,
        )

    def _step_ids(self) -> list[int]:
        """Ids of all tokens that end a line."""
        if self._line_ends is None:
            self._line_ends = [token for token in range(self.encoder.vocabulary) if self.encoder.is_step(token)]
        return self._line_ends

    async def _next(
        self, ids: Ids, tokens: Sequence[int], meter: Meter, adapter: Path | None = None
    ) -> NDArray[np.float64]:
        """P(token) after these ids, shape [len(tokens)]."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        params = SamplingParams(
            temperature=0,
            max_tokens=1,
            ignore_eos=True,
            logprob_token_ids=list(tokens),
            detokenize=False,
            flat_logprobs=True,
            output_kind=RequestOutputKind.DELTA,
            skip_clone=True,
        )
        out = np.empty(len(tokens))
        lora = self._adapter(adapter)
        async with (
            self._apart.running("named"),
            aclosing(self._outputs(ids, params, meter, lora)) as outputs,  # type: ignore[type-var]
        ):
            async for output in outputs:
                said = dict(zip(output.logprobs.token_ids, output.logprobs.logprobs, strict=True))
                out[:] = [math.exp(said[token]) for token in tokens]
        return out

    def _adapter(self, path: Path | None) -> Any:
        """What vLLM calls a LoRA request."""
        if path is None:
            return None
        if not self.capabilities.adapters:
            raise UnsupportedError(f"adapter {path} is to judge and vLLM was started without: engine.vllm.enable_lora")
        from vllm.lora.request import LoRARequest

        key = str(path.resolve())
        if key not in self._adapters:
            number = len(self._adapters) + 1
            self._adapters[key] = LoRARequest(lora_name=f"adapter-{number}", lora_int_id=number, lora_path=key)
        return self._adapters[key]

    async def _outputs(self, ids: Ids, params: Any, meter: Meter, lora: Any = None) -> AsyncIterator[Any]:
        """What vLLM tells of one request, piece by piece; closing the iterator aborts it.

        The meter has every token that vLLM counts by then: aborting a request makes it hand over what it still held.
        """
        from vllm.inputs.engine import tokens_input
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        llm = await self._alive()
        name, queue, finished, read = f"draw-{next(self._numbers)}", None, False, False

        def count(output: Any) -> Any:
            nonlocal read
            piece = output.outputs[0]
            if piece.token_ids and not read:
                read = True
                meter.prompt += len(ids) - output.num_cached_tokens
                meter.prompt_cached += output.num_cached_tokens
            meter.drawn += len(piece.token_ids)
            return piece

        try:
            queue = await llm.add_request(name, tokens_input(list(ids)), params, lora_request=lora)
            while not finished:
                output = queue.get_nowait() or await queue.get()
                finished = output.finished
                yield count(output)
        except (EngineDeadError, EngineGenerateError) as error:
            finished = True
            raise EngineError(f"vLLM failed ({first_line(error)})") from error
        finally:
            if not finished:
                try:
                    await asyncio.shield(llm.abort(name))
                finally:
                    if queue is not None and (output := queue.get_nowait()) is not None:
                        count(output)

    async def _alive(self) -> Any:
        """The engine, started again once where it has died."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise UnsupportedError("a vLLM engine belongs to the event loop that it was first used in: load another")
        if not self._llm.errored:
            return self._llm
        async with self._waking:
            if self._llm.errored:
                if self.restarts:
                    raise EngineError("vLLM died again after it was started anew: see what it logged")
                self.restarts += 1
                self._tell("vLLM died: its samples failed, and it is started again, once")
                self._llm.shutdown()
                self._llm = await asyncio.to_thread(self._start)
        return self._llm
