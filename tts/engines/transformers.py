"""The embedded engine: any Hugging Face causal language model, on CPU, CUDA or MPS, with continuous batching.

Requests of all questions share one batch; rows join and leave between steps. A prompt is read once for all its draws,
and of a prefix that paused at its own boundary only the last token is read again.
The event loop owns every decision (who joins, who has ended, who was closed); one thread runs the model meanwhile.
Tokens depend on the seed, the problem's id, the draw's number and the attempt, not on what else is in the batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from tts.engines.base import Capabilities, Chunk, Meter, Prefix, Request, lacking
from tts.engines.batching import Batch
from tts.engines.decoder import Decoder, Joining, check
from tts.engines.device import pick
from tts.engines.drawing import Ids
from tts.engines.quiet import quiet
from tts.engines.row import Row, noise
from tts.engines.sampling import Sampling
from tts.engines.special import end_ids, suppressed_ids
from tts.errors import InputError, UnsupportedError, first_line
from tts.prompts import Prompt
from tts.types import End, Problem

MAX_TOP = 1024
"""The largest k of a top-k confidence."""


class TransformersEngine:
    """Implements :class:`~tts.engines.base.Engine`; ``batch`` has the engine's own counters.

    Attributes:
        name: the model's name or directory.
        revision: the revision that was asked for, or empty.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        prompt: Prompt,
        sampling: Sampling,
        rows: int = 128,
        stream: int = 0,
        name: str = "",
        revision: str = "",
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Take a loaded model in evaluation mode.

        Args:
            model: the model, on its device.
            tokenizer: its tokenizer.
            prompt: from a problem to what the model reads.
            sampling: how tokens are drawn.
            rows: the most sequences in a batch, >= 1; halved when memory runs out.
            stream: tokens a chunk; 0 sends a sample as one chunk when it has ended.
            name: what to call the model.
            revision: of the model.
            tell: gets one sentence when memory ran out.

        Raises:
            InputError: a chat prompt for a tokenizer without a chat template, no end-of-sequence token, or suppressed
                tokens that the model does not have.
            UnsupportedError: the model cannot run on this engine's cache.
        """
        if rows < 1:
            raise InputError(f"rows must be at least 1, got {rows}")
        if prompt.chat and not getattr(tokenizer, "chat_template", None):
            raise InputError(f"{name or 'this model'} has no chat template: set chat=false, or choose a chat model")
        check(model)
        self.name, self.revision = name, revision
        self.prompt, self.sampling, self.tokenizer = prompt, sampling, tokenizer
        self.stream = stream
        self.context = int(getattr(model.config.get_text_config(), "max_position_embeddings", 0) or 1 << 20)
        suppressed = suppressed_ids(model)
        decoder = Decoder(model, sampling, suppressed=suppressed)
        ends = end_ids(model, tokenizer)
        self.batch = Batch(decoder, rows=rows, ends=ends, is_step=self._is_step, tell=tell)
        self.capabilities = Capabilities(
            watch_tokens=True,
            score_prefix=True,
            branch=True,
            top=min(MAX_TOP, decoder.vocabulary - len(suppressed)),
            entropy=True,
            certainty=True,
            steps=True,
            probe=True,
        )
        self._prompts: dict[tuple[str, str], Ids] = {}
        self._steps: dict[int, bool] = {}

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        prompt: Prompt,
        sampling: Sampling,
        rows: int = 128,
        stream: int = 0,
        device: str = "cpu",
        dtype: str = "float32",
        revision: str | None = None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> Self:
        """Load a model and its tokenizer from a directory or the hub.

        Args:
            model: a directory, or a name on the hub.
            prompt: see :meth:`__init__`.
            sampling: see :meth:`__init__`.
            rows: see :meth:`__init__`.
            stream: see :meth:`__init__`.
            device: cpu, cuda, mps, or auto for the best there is.
            dtype: float32, bfloat16 or float16.
            revision: branch, tag or commit on the hub.
            tell: see :meth:`__init__`.

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
        except (OSError, ValueError, SafetensorError) as error:
            raise InputError(
                f"model {name} cannot be loaded ({first_line(error)}): give a model's directory or hub name"
            ) from None
        loaded.to(place)
        return cls(
            loaded.eval(),
            tokenizer,
            prompt=prompt,
            sampling=sampling,
            rows=rows,
            stream=stream,
            name=name,
            revision=revision or "",
            tell=tell,
        )

    def close(self) -> None:
        """End the model's thread once its current step is done."""
        self.batch.close()

    def encode(self, text: str) -> Ids:
        """The token ids of a text, without special tokens."""
        return tuple(self.tokenizer(text, add_special_tokens=False).input_ids)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, without special tokens."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def prompt_ids(self, problem: Problem) -> Ids:
        """The token ids of a problem's prompt, special tokens included.

        Raises:
            InputError: it leaves no room for an answer in the model's context.
        """
        key = (problem.id, problem.question)
        ids = self._prompts.get(key)
        if ids is None:
            if self.prompt.chat:
                messages = self.prompt.messages(problem)
                found = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
                ids = tuple(found["input_ids"])
            else:
                ids = tuple(self.tokenizer(self.prompt.text(problem)).input_ids)
            if len(ids) >= self.context:
                raise InputError(
                    f"problem {problem.id!r} has a prompt of {len(ids)} tokens and the model's context holds "
                    f"{self.context}: shorten the prompt, give fewer examples, or choose a model with a longer context"
                )
            if len(self._prompts) >= 4096:
                self._prompts.clear()
            self._prompts[key] = ids
        return ids

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        """Stream one sample; closing the iterator frees its row at the next step.

        A probed token (``Signals.probe``) is read right after the sample's last token, in place of the end-of-sequence
        token where one was drawn, and charged as one more drawn token; a sample that leaves it no place in the model's
        context ends one token earlier.

        Raises:
            InputError: no room to draw a token, or a watched or probed token that the model does not have.
            UnsupportedError: a boundary without the signal it looks at.
        """
        queue: asyncio.Queue[Chunk | Exception] = asyncio.Queue()
        row = self._row(request, queue)
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

    async def score(self, prefixes: Sequence[Prefix], tokens: Sequence[int], meter: Meter) -> NDArray[Any]:
        """P(token | prefix) at temperature 1, shape [len(prefixes), len(tokens)]; prefixes are read in batches."""
        joining = []
        for prefix in prefixes:
            shared = self.prompt_ids(prefix.problem)
            ids = shared + self.encode(prefix.text)
            if len(ids) > self.context:
                raise InputError(
                    f"a text of problem {prefix.problem.id!r} to score has {len(ids)} tokens with its prompt and the "
                    f"model's context holds {self.context}: score a shorter one"
                )
            joining.append(Joining(ids, shared))
        if not joining:
            return np.zeros((0, len(tokens)))
        found = await self.batch.score(joining, list(tokens), meter)
        return np.array(found, dtype=np.float64).reshape(len(joining), len(tokens))

    def _row(self, request: Request, queue: asyncio.Queue[Chunk | Exception]) -> Row:
        """A request in tokens."""
        prefix, until, signals = request.prefix, request.until, request.signals
        if (refusal := lacking(until, signals)) is not None:
            raise UnsupportedError(refusal)
        shared = self.prompt_ids(request.problem)
        before = (prefix.token_ids or self.encode(prefix.text)) if prefix is not None else ()
        probed = () if signals.probe is None else (signals.probe,)
        for token in (*signals.watch, *probed):
            if not 0 <= token < self.batch.decoder.vocabulary:
                raise InputError(
                    f"token {token} is to be watched or probed and the model has tokens 0 to "
                    f"{self.batch.decoder.vocabulary - 1}: use the model that this signal belongs to"
                )
        room = self.context - len(shared) - len(probed)
        if room < 1:
            raise InputError(
                f"problem {request.problem.id!r} has a prompt of {len(shared)} tokens and the model's context holds "
                f"{self.context}, which leaves no room for an answer and a probe: shorten the prompt"
            )
        limit = min(self.sampling.max_tokens, room) - len(before)
        if limit < 1:
            raise InputError(
                f"a prefix of {len(before)} tokens of problem {request.problem.id!r} cannot be continued: a sample may "
                f"have {limit + len(before)} tokens; raise max_tokens or prune earlier"
            )
        key = f"{self.sampling.seed}|{request.problem.id}|{request.index}|{request.attempt}|{len(before)}"
        sent, text = 0, prefix.text if prefix is not None else ""

        def send(row: Row, end: End | None) -> None:
            nonlocal sent, text
            whole = self._text(before, row.tokens, prefix.text if prefix is not None else "")
            if end is None and whole.endswith("\ufffd"):  # half a character: wait for the rest
                return
            at, sent = sent, len(row.tokens)
            new, text = whole[len(text) :], whole
            queue.put_nowait(Chunk(new, tuple(row.tokens[at:]), row.trace(at), end))

        return Row(
            ids=shared + before,
            shared=shared,
            limit=limit,
            until=until,
            signals=signals,
            meter=request.meter,
            noise=noise(key),
            send=send,
            fail=queue.put_nowait,
            stream=self.stream,
            watched={token: [] for token in signals.watch},
        )

    def _text(self, before: Ids, tokens: Sequence[int], prefix: str) -> str:
        """The text of a sample, which begins with the prefix's; a tokenizer may write a token by its neighbours."""
        whole = str(self.tokenizer.decode([*before, *tokens], skip_special_tokens=True))
        if not whole.startswith(prefix):
            whole = prefix + str(self.tokenizer.decode(list(tokens), skip_special_tokens=True))
        return whole

    def _is_step(self, token: int) -> bool:
        """Whether a token ends a line."""
        known = self._steps.get(token)
        if known is None:
            known = self._steps[token] = "\n" in str(self.tokenizer.decode([token]))
        return known
