"""Engines from a configuration: the model that draws, the sampling parameters, and the signals of each token.

A kind of engine checks, identifies and loads itself: see :class:`~tts.engines.kinds.EngineKind`. Imports neither torch
nor transformers before an engine is opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tts.engines.kinds import EngineKind, LiveEngine
from tts.engines.openai.config import OpenAIConfig
from tts.engines.sampling import Sampling
from tts.errors import InputError
from tts.models import finece, grace
from tts.prompts import Prompt
from tts.registry import ENGINES
from tts.types import Signals

DEVICES = ("auto", "cpu", "cuda", "mps")
DTYPES = ("auto", "float32", "bfloat16", "float16")
SHORT_DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
SHORT_KINDS = {"hf": "transformers"}
"""Usual short names; pools store the long ones."""
EXTRAS = {"torch": "hf", "transformers": "hf", "vllm": "vllm", "openai": "openai"}
"""The extra of this package that installs a module."""


@dataclass
class SignalsConfig:
    """The signals to record of each token; see :class:`~tts.types.Signals`.

    Attributes:
        top: k of the mean over the k most probable tokens; 0 for none.
        entropy: whether to record the entropy.
        certainty: whether to record self-certainty.
        processed: whether to record its log-probability under the distribution that it was drawn from; their sum is the
            log-probability of a whole sample.
        steps: whether to record which tokens end a step.
        confidence: whether to record the model's own confidence: the probability of a GrACE model's confidence token,
            or those of a FineCE model's value tokens.
        logprobs: whether to record its log-probability, which takes vLLM and a server some time; false records it where
            a scorer needs it or the engine has it anyway.
    """

    top: int = 0
    entropy: bool = False
    certainty: bool = False
    processed: bool = False
    steps: bool = False
    confidence: bool = False
    logprobs: bool = True


@dataclass
class EngineConfig:
    """The model that draws, and how it draws.

    Attributes:
        kind: "transformers" (or "hf"); "vllm", the same in vLLM; "openai", any server with OpenAI's interface; "fake",
            no language model, for tests; or a kind that an installed package adds.
        model: "tiny", "grace" or "finece" (which come with the package), a directory of a model or of a LoRA adapter, a
            GGUF file, or a name on the hub.
        revision: the revision of a model on the hub; null takes its default.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps"; auto takes the fastest there is, or the device of the vLLM
            build.
        dtype: "float32", "bfloat16" or "float16", or their short names fp32, bf16 and fp16; "auto" takes the
            checkpoint's own on a GPU, and on a CPU bfloat16 where the processor has it, else float32.
        temperature: >= 0; 0 takes the most probable token.
        top_p: keep the smallest set of tokens that holds this much probability, in (0, 1]; 1 keeps all.
        top_k: keep this many of the most probable tokens; 0 keeps all.
        max_tokens: the most tokens a sample may have, >= 1.
        seed: >= 0; with the problem's id and the draw's number it decides every token.
        max_batch_size: the most samples in a batch, >= 1.
        signals: the signals to record of each token.
        token_delay_s: seconds that a token takes the fake engine, >= 0.
        seeded: whether each request to vLLM or a server has its own seed, so that a run can be repeated token by token;
            on a CPU vLLM is a fifth slower so. null does not; transformers always does.
        check_every_tokens: tokens that vLLM or its server draws between two checks of a sample that ends below a
            confidence, >= 1.
        vllm: any other arguments of vLLM's engine by name, such as ``gpu_memory_utilization``.
        openai: the servers, and how requests are sent; see :class:`~tts.engines.openai.config.OpenAIConfig`.
    """

    kind: str = "transformers"
    model: str = "tiny"
    revision: str | None = None
    device: str = "auto"
    dtype: str = "float32"
    temperature: float = 0.8
    top_p: float = 1.0
    top_k: int = 0
    max_tokens: int = 256
    seed: int = 0
    max_batch_size: int = 64
    signals: SignalsConfig = field(default_factory=SignalsConfig)
    token_delay_s: float = 0.0
    seeded: bool | None = None
    check_every_tokens: int = 8
    vllm: dict[str, Any] = field(default_factory=dict)
    openai: OpenAIConfig = field(default_factory=OpenAIConfig)

    @staticmethod
    def from_text(text: str) -> Mapping[str, object]:
        """Return the keys that a text in place of the engine means: its kind."""
        return {"kind": text}

    @property
    def rows(self) -> int | None:
        """The samples that are drawn at a time; None for servers that draw several by one request, or come and go."""
        if self.kind != "openai":
            return self.max_batch_size
        return None if self.openai.n or self.openai.changes else self.openai.concurrency * len(self.openai.urls)

    def __post_init__(self) -> None:
        """Refuse values that no engine can serve."""
        self.kind = SHORT_KINDS.get(self.kind, self.kind)
        self.dtype = SHORT_DTYPES.get(self.dtype, self.dtype)
        device = "cuda" if re.fullmatch(r"cuda:\d+", self.device) else self.device
        for key, given, name, allowed in (
            ("device", self.device, device, DEVICES),
            ("dtype", self.dtype, self.dtype, DTYPES),
        ):
            if name not in allowed:
                raise InputError(f"engine.{key} must be one of {', '.join(allowed)}, got {given!r}")
        for key, number, least in (
            ("max_batch_size", self.max_batch_size, 1),
            ("token_delay_s", self.token_delay_s, 0),
            ("check_every_tokens", self.check_every_tokens, 1),
            ("signals.top", self.signals.top, 0),
        ):
            if not number >= least:
                raise InputError(f"engine.{key} must be at least {least}, got {number:g}")
        if not self.model.strip():
            raise InputError(
                "engine.model must be tiny, grace, finece, a directory, a GGUF file or a name on the hub, got nothing"
            )
        _ = self.sampling
        self._kind.check(self)
        for kind, own, used in (
            ("vllm", "vllm", bool(self.vllm)),
            ("openai", "openai.urls", bool(self.openai.urls)),
            ("openai", "openai.urls_file", self.openai.urls_file is not None),
        ):
            if used and self.kind != kind:
                raise InputError(
                    f"engine.{own} is for engine.kind={kind}, and engine.kind is {self.kind}: set engine.kind={kind}, "
                    f"or leave engine.{own} out"
                )

    @property
    def _kind(self) -> EngineKind:
        kind: EngineKind = ENGINES.get(self.kind)
        return kind

    @property
    def folder(self) -> Path | None:
        """The local directory of the model's tokenizer and cards; None where there is none.

        Raises:
            InputError: no such directory.
        """
        return self._kind.folder(self)

    @property
    def sampling(self) -> Sampling:
        """The sampling parameters."""
        return Sampling(self.temperature, self.top_p, self.top_k, self.max_tokens, self.seed)

    @property
    def identity(self) -> tuple[str, str]:
        """The name and the revision that identify the model: of a local one a fingerprint of its files.

        Raises:
            InputError: no such directory.
        """
        return self._kind.identity(self)

    @property
    def key(self) -> Mapping[str, object]:
        """Everything that decides the drawn tokens, beside the model and the prompt."""
        return {**asdict(self.sampling), "dtype": self.dtype, **self._kind.key(self)}


def recorded_signals(config: EngineConfig) -> Signals:
    """Return the signals that ``engine.signals`` asks for; those of a model's own confidence come from its card.

    Raises:
        InputError: a model's own confidence is asked for, and the model has none.
    """
    plain = config.signals
    recorded = Signals(
        top=plain.top,
        entropy=plain.entropy,
        certainty=plain.certainty,
        processed=plain.processed,
        steps=plain.steps,
        logprobs=plain.logprobs,
    )
    if not plain.confidence:
        return recorded
    folder = config.folder
    if folder is None:
        raise InputError(
            "engine.signals.confidence=true records the confidence of a GrACE or FineCE model, and this model is no "
            "local directory: give engine.model=DIRECTORY"
        )
    card = finece.read_card(folder) if (folder / finece.NAME).is_file() else grace.read_card(folder)
    return recorded | card.signals(steps=plain.steps)


def open_engine(config: EngineConfig, prompt: Prompt, notify: Callable[[str], None]) -> LiveEngine:
    """Load the model.

    Args:
        config: names the engine and the model.
        prompt: turns a problem into the model's input.
        notify: receives a sentence about anything that takes time or changes something, such as a smaller batch.

    Raises:
        InputError: no such model or device, a prompt that this model cannot take, or an extra that is not installed.
    """
    try:
        kind: EngineKind = ENGINES.get(config.kind)
        engine = kind.load(config, prompt, notify)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "tts"):
            raise
        package = f"'tts-rerank[{EXTRAS[missing]}]'" if missing in EXTRAS else missing
        raise InputError(
            f"engine.kind {config.kind} needs {missing}, which is not installed: pip install {package}"
        ) from None
    ENGINES.check_built(config.kind, engine)
    return engine
