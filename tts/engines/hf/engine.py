"""The embedded engine: any Hugging Face causal language model, on CPU, CUDA or MPS, with continuous batching.

Requests of all questions share one batch; sequences join and leave between steps. A prompt is read once for all its
draws, draws that join together are computed once until their tokens differ, and only the last token of a prefix that
paused at its own boundary is read again.
The event loop owns every decision (which sequences join, end or close); one thread runs the model meanwhile.
Noise is keyed by the seed, the problem's id, the draw's number, the attempt, the position and the token, not by what
else is in the batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from tts.engines.base import Capabilities, Chunk, Meter, Prefix, Request
from tts.engines.hf.batching import Batch
from tts.engines.hf.compatibility import choose_decoder
from tts.engines.hf.device import pick
from tts.engines.hf.reading import GivenSequence
from tts.engines.hf.sampler import MEASURES
from tts.engines.hf.sequence import SequenceState
from tts.engines.hf.step_input import JoiningSequence
from tts.engines.refusing import refuse_adapter
from tts.engines.sampling import Sampling, changed, seed_of
from tts.engines.special_tokens import end_ids, end_of_text, suppressed_ids
from tts.engines.streams import owned
from tts.engines.text import HasEncoder, Ids, PromptEncoder
from tts.errors import InputError, first_line
from tts.models.loading import quiet
from tts.prompts import Prompt
from tts.types import COLUMNS, End, Problem, Signals, Trace

MAX_TOP = 1024
"""The largest k of a top-k confidence, and of the alternatives at a position."""


class TransformersEngine(HasEncoder):
    """Implements :class:`~tts.engines.base.Engine`; ``batch`` has the engine's own counters.

    Attributes:
        name: the model's name or directory.
        revision: the requested revision, or empty.
        encoder: the model's tokenizer and prompt.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        prompt: Prompt,
        sampling: Sampling,
        max_batch_size: int = 128,
        stream: int = 0,
        name: str = "",
        revision: str = "",
        notify: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Take a loaded model in evaluation mode.

        Args:
            model: the model, on its device.
            tokenizer: its tokenizer.
            prompt: turns a problem into the model's input.
            sampling: the sampling parameters.
            max_batch_size: the most sequences in a batch, >= 1; halved when memory runs out.
            stream: tokens per chunk; 0 sends a sample as one chunk when it has ended.
            name: the model's name.
            revision: the model's revision.
            notify: receives one sentence when memory runs out, or where the model runs slower than others.

        Raises:
            InputError: a chat prompt for a tokenizer without a chat template, no end-of-sequence token, or suppressed
                tokens that the model does not have.
            UnsupportedError: the model cannot run on this engine's cache, nor on the library's.
        """
        if max_batch_size < 1:
            raise InputError(f"max_batch_size must be at least 1, got {max_batch_size}")
        context = int(getattr(model.config.get_text_config(), "max_position_embeddings", 0) or 1 << 20)
        vocabulary = model.get_output_embeddings().weight.shape[0]
        self._encoder = PromptEncoder(
            tokenizer, prompt, context=context, vocabulary=vocabulary, name=name, notify=notify
        )
        self.name, self.revision, self.sampling, self.stream = name, revision, sampling, stream
        generation = model.generation_config
        suppressed = suppressed_ids(getattr(generation, "suppress_tokens", None), vocabulary)
        decoder = choose_decoder(model, sampling, suppressed, notify)
        ends = end_ids(getattr(generation, "eos_token_id", None), tokenizer)
        self.batch = Batch(
            decoder, max_batch_size=max_batch_size, ends=ends, is_step=self.encoder.is_step, notify=notify
        )
        measures: dict[str, Any] = {name: True for name in MEASURES if name != "top"}
        self.capabilities = Capabilities(
            watch_tokens=True,
            score_prefix=True,
            branch=True,
            continues=True,
            top=min(MAX_TOP, decoder.vocabulary - len(suppressed)),
            alternatives=MAX_TOP,
            **measures,
            processed=True,
            steps=True,
            probe=True,
            reads=frozenset(column.name for column in COLUMNS if column.name != "processed"),
        )
        self._end = end_of_text(ends, tokenizer)

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        prompt: Prompt,
        sampling: Sampling,
        max_batch_size: int = 128,
        stream: int = 0,
        device: str = "cpu",
        dtype: str = "float32",
        revision: str | None = None,
        notify: Callable[[str], None] = lambda text: None,
    ) -> Self:
        """Load a model and its tokenizer from a directory or the hub.

        Args:
            model: a directory, or a name on the hub.
            prompt: see :meth:`__init__`.
            sampling: see :meth:`__init__`.
            max_batch_size: see :meth:`__init__`.
            stream: see :meth:`__init__`.
            device: cpu, cuda, mps, or auto for the fastest there is.
            dtype: float32, bfloat16 or float16.
            revision: branch, tag or commit on the hub.
            notify: see :meth:`__init__`.

        Raises:
            InputError: no such model, a device this machine lacks, or what :meth:`__init__` refuses.
        """
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM, AutoTokenizer

        place = pick(device)
        if dtype not in ("float32", "bfloat16", "float16"):
            raise InputError(f"dtype must be float32, bfloat16 or float16, got {dtype}")
        name = str(model)
        if isinstance(model, Path) or name.startswith((".", "/", "~")):
            folder = Path(model).expanduser()
            if not (folder / "config.json").is_file():
                raise InputError(
                    f"{folder}: no model there (it has no config.json): give a model's directory or hub name"
                )
            model = folder
        try:
            with quiet():
                given = {"revision": revision} if revision else {}
                tokenizer = AutoTokenizer.from_pretrained(model, **given)
                loaded: Any = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype), **given)
        except (OSError, ValueError, ImportError, SafetensorError) as error:
            raise InputError(
                f"model {name} cannot be loaded ({first_line(error)}): give a model's directory or hub name"
            ) from None
        loaded.to(place)
        return cls(
            loaded.eval(),
            tokenizer,
            prompt=prompt,
            sampling=sampling,
            max_batch_size=max_batch_size,
            stream=stream,
            name=name,
            revision=revision or "",
            notify=notify,
        )

    @property
    def drawn(self) -> int:
        """Tokens drawn so far; see :class:`~tts.engines.kinds.CountsTokens`."""
        return self.batch.drawn

    def close(self) -> None:
        """End the model's thread once its current step is done."""
        self.batch.close()

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        """Stream one sample; closing the iterator frees its row at the next step.

        A probed token (``Signals.probe``) is read right after the sample's last token, in place of the end-of-sequence
        token where one was drawn, and charged as one more drawn token; a sample that leaves it no place in the model's
        context ends one token earlier. A prefix whose last token ends samples is a whole sample, and nothing is drawn.

        Raises:
            InputError: no room to draw a token, or a watched or probed token that the model does not have.
            UnsupportedError: a boundary without the signal it looks at.
        """
        if (ended := self.encoder.ended(request.prefix, self.batch.ends)) is not None:
            yield ended
            return
        queue: asyncio.Queue[Chunk | Exception] = asyncio.Queue()
        row = self._state(request, queue)
        self.batch.add(row)
        try:
            while True:
                got = await queue.get()
                if isinstance(got, Exception):
                    raise got
                yield got
                if got.end is not None:
                    return
        finally:
            self.batch.leave(row)

    async def score(
        self, prefixes: Sequence[Prefix], tokens: Sequence[int], meter: Meter, *, adapter: Path | None = None
    ) -> NDArray[Any]:
        """Return P(token | prefix) at temperature 1, shape [len(prefixes), len(tokens)]; reads prefixes in batches."""
        refuse_adapter(adapter, "engine hf")
        joining = []
        for prefix in prefixes:
            shared, after = self.encoder.to_score(prefix)
            joining.append(JoiningSequence(shared + after, shared))
        if not joining:
            return np.zeros((0, len(tokens)))
        found = await self.batch.score(joining, list(tokens), meter)
        return np.array(found, dtype=np.float64).reshape(len(joining), len(tokens))

    async def read(
        self,
        problem: Problem,
        text: str,
        signals: Signals,
        meter: Meter,
        *,
        token_ids: Ids = (),
        ended: bool = False,
    ) -> Trace:
        """Return the signals of every token of a given text in one forward pass, together with other callers' texts."""
        prompt, ids = self.encoder.to_read(Prefix(problem, text, token_ids), signals)
        if ended and not token_ids:
            ids += (self._end,)
        if not ids:
            return Trace()
        given = GivenSequence(prompt, ids, probe=signals.probe, ended=ended)
        read = await self.batch.read(given, signals, meter)
        watched = dict(zip(signals.watch, zip(*read.columns.pop("watched", ()), strict=True), strict=True))
        columns: dict[str, Any] = {name: tuple(values) for name, values in read.columns.items()}
        steps = tuple(self.encoder.is_step(token) for token in ids) if signals.steps else ()
        return owned(Trace(watched=watched, steps=steps, probe=read.probe, **columns), signals)

    def _state(self, request: Request, queue: asyncio.Queue[Chunk | Exception]) -> SequenceState:
        """Return the initial state of a request."""
        own, sampling = self.sampling, changed(self.sampling, request.sampling)
        encoded = self.encoder.encode_request(request, sampling.max_tokens)
        prefix_ids, prefix = encoded.prefix_ids, request.prefix
        sent, text = 0, prefix.text if prefix is not None else ""

        def send(row: SequenceState, end: End | None) -> None:
            nonlocal sent, text
            whole = self.encoder.text(prefix_ids, row.tokens, prefix.text if prefix is not None else "")
            if end is None and whole.endswith("\ufffd"):  # half a character: wait for the rest
                return
            at, sent = sent, len(row.tokens)
            new, text = whole[len(text) :], whole
            queue.put_nowait(Chunk(new, tuple(row.tokens[at:]), row.trace(at), end))

        return SequenceState(
            ids=encoded.ids,
            prompt_ids=encoded.prompt_ids,
            limit=encoded.limit,
            until=request.until,
            signals=request.signals,
            meter=request.meter,
            noise_key=seed_of(request.key(sampling.seed, len(prefix_ids)), 8),
            send=send,
            fail=queue.put_nowait,
            sampling=None if (sampling.temperature, sampling.top_p) == (own.temperature, own.top_p) else sampling,
            stream=self.stream,
            watched={token: [] for token in request.signals.watch},
        )
