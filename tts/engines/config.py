"""Engines from a configuration: which model draws, how, and what it records of each token.

Imports neither torch nor transformers before an engine is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tts.engines.base import Engine
from tts.engines.openai.config import OpenAIConfig
from tts.engines.sampling import Sampling
from tts.errors import InputError
from tts.models import finece, grace
from tts.models.resolve import identity, resolve
from tts.prompts import Prompt
from tts.types import Signals

KINDS = ("transformers", "vllm", "openai", "fake")
DEVICES = ("auto", "cpu", "cuda", "mps")
DTYPES = ("float32", "bfloat16", "float16")


class LiveEngine(Engine, Protocol):
    """An engine of this process, which holds a model until it is closed."""

    def close(self) -> None:
        """Give up what it holds."""
        ...


@dataclass
class SignalsConfig:
    """What to record of each token; see :class:`~tts.types.Signals`.

    Attributes:
        top: k of the mean over the k most probable tokens; 0 for none.
        entropy: whether to record the entropy.
        certainty: whether to record self-certainty.
        steps: whether to record which tokens end a step.
        confidence: whether to record what a model says of itself: the probability of a GrACE model's confidence token,
            or those of a FineCE model's value tokens.
        logprobs: whether to record its log-probability, which takes vLLM and a server some time; false records it where
            a scorer needs it or the engine has it anyway.
    """

    top: int = 0
    entropy: bool = False
    certainty: bool = False
    steps: bool = False
    confidence: bool = False
    logprobs: bool = True


@dataclass
class EngineConfig:
    """Which model draws, and how.

    Attributes:
        kind: "transformers"; "vllm", the same in vLLM; "openai", any server that speaks OpenAI's interface; or "fake":
            no language model, but one that tests know every token of.
        model: "tiny", "grace" or "finece" (which come with the package), a directory, or a name on the hub.
        revision: the revision of a model on the hub; null takes its default.
        device: "auto", "cpu", "cuda" or "mps"; auto takes the fastest there is, or what vLLM was built for.
        dtype: "float32", "bfloat16" or "float16".
        temperature: see :class:`~tts.engines.sampling.Sampling`, and so are top_p, top_k, max_tokens and seed.
        top_p: see there.
        top_k: see there.
        max_tokens: see there.
        seed: see there.
        rows: the most samples in a batch, >= 1.
        signals: what to record of each token.
        tick: seconds a token takes the fake engine.
        seeded: whether each request to vLLM or a server has a seed of its own, so that a run can be repeated token by
            token; on a CPU vLLM is a fifth slower so. null does not; transformers always does.
        look: tokens that vLLM or its server draws between two looks at a sample that ends below a confidence, >= 1.
        vllm: any other arguments of vLLM's engine by name, such as ``gpu_memory_utilization``.
        openai: which servers, and how they are asked; see :class:`~tts.engines.openai.config.OpenAIConfig`.
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
    rows: int = 64
    signals: SignalsConfig = field(default_factory=SignalsConfig)
    tick: float = 0.0
    seeded: bool | None = None
    look: int = 8
    vllm: dict[str, Any] = field(default_factory=dict)
    openai: OpenAIConfig = field(default_factory=OpenAIConfig)

    def __post_init__(self) -> None:
        """Refuse what no engine could do."""
        for key, given, allowed in (
            ("kind", self.kind, KINDS),
            ("device", self.device, DEVICES),
            ("dtype", self.dtype, DTYPES),
        ):
            if given not in allowed:
                raise InputError(f"engine.{key} must be one of {', '.join(allowed)}, got {given!r}")
        if self.rows < 1 or self.tick < 0 or self.signals.top < 0:
            raise InputError(
                "engine.rows must be at least 1, engine.tick and engine.signals.top at least 0, "
                f"got {self.rows}, {self.tick:g} and {self.signals.top}"
            )
        if self.kind == "openai":
            self.openai.check()
        if self.look < 1:
            raise InputError(f"engine.look must be at least 1, got {self.look}")
        if self.vllm and self.kind != "vllm":
            raise InputError(f"engine.vllm is for engine.kind=vllm, and engine.kind is {self.kind}: leave one out")
        plain = self.signals
        if self.kind == "vllm" and (plain.entropy or plain.certainty or (plain.top and plain.confidence)):
            raise InputError(
                "vLLM tells no entropies or self-certainties, and top-k confidences or the model's own, not both: "
                f"change engine.signals, got {asdict(plain)}"
            )
        if not self.model.strip():
            raise InputError("engine.model must be tiny, grace, finece, a directory or a name on the hub, got nothing")
        _ = self.sampling

    @property
    def folder(self) -> Path | None:
        """The model's directory, None of one on the hub or of the fake engine.

        Raises:
            InputError: no such directory.
        """
        if self.kind == "openai":
            known = Path(self.openai.tokenizer).expanduser() if self.openai.tokenizer else None
            return known if known is not None and known.is_dir() else None
        model = None if self.kind == "fake" else resolve(self.model)
        return model if isinstance(model, Path) else None

    @property
    def sampling(self) -> Sampling:
        """The sampling parameters."""
        return Sampling(self.temperature, self.top_p, self.top_k, self.max_tokens, self.seed)

    @property
    def identity(self) -> tuple[str, str]:
        """What to call the model, and its revision: of a local one a fingerprint of its files.

        Raises:
            InputError: no such directory.
        """
        if self.kind == "fake":
            return "fake", ""
        if self.kind == "openai":
            return self.model, ""
        return identity(self.model, self.revision)

    @property
    def key(self) -> Mapping[str, object]:
        """What, beside the model and the prompt, decides the tokens that are drawn."""
        key = {**asdict(self.sampling), "dtype": self.dtype}
        if self.kind not in ("vllm", "openai"):
            return key
        return {**key, "engine": self.kind, "seeded": self.with_seeds, "extra": dict(self.openai.extra)}

    @property
    def with_seeds(self) -> bool:
        """Whether each request has a seed of its own."""
        return self.kind not in ("vllm", "openai") if self.seeded is None else self.seeded


def recorded_signals(config: EngineConfig) -> Signals:
    """Return the signals that ``engine.signals`` asks for; those of a model's own confidence come from its card.

    Raises:
        InputError: a model's own confidence is asked for, and the model has none.
    """
    plain = config.signals
    recorded = Signals(
        top=plain.top, entropy=plain.entropy, certainty=plain.certainty, steps=plain.steps, logprobs=plain.logprobs
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


def open_engine(config: EngineConfig, prompt: Prompt, tell: Callable[[str], None]) -> LiveEngine:
    """Load the model.

    Args:
        config: which and how.
        prompt: from a problem to what the model reads.
        tell: gets a sentence about anything that takes or changes something, such as a smaller batch.

    Raises:
        InputError: no such model or device, or a prompt that this model cannot be given.
        UnsupportedError: the extra for this kind of engine is not installed.
    """
    if config.kind == "fake":
        from tts.engines.fake import FakeEngine, Latency

        return FakeEngine(seed=config.seed, latency=Latency(tick=config.tick))
    try:
        return _OPEN[config.kind](config, prompt, tell)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("torch", "transformers", "vllm", "openai"):
            raise
        extra = "hf" if missing in ("torch", "transformers") else missing
        raise InputError(
            f"engine.kind {config.kind} needs {missing}, which is not installed: pip install 'tts-rerank[{extra}]'"
        ) from None


def _transformers(config: EngineConfig, prompt: Prompt, tell: Callable[[str], None]) -> LiveEngine:
    from tts.engines.hf.engine import TransformersEngine

    return TransformersEngine.load(
        resolve(config.model),
        prompt=prompt,
        sampling=config.sampling,
        rows=config.rows,
        device=config.device,
        dtype=config.dtype,
        revision=config.revision,
        tell=tell,
    )


def _vllm(config: EngineConfig, prompt: Prompt, tell: Callable[[str], None]) -> LiveEngine:
    from tts.engines.vllm.engine import VllmEngine

    return VllmEngine.load(
        resolve(config.model),
        prompt=prompt,
        sampling=config.sampling,
        dtype=config.dtype,
        revision=config.revision,
        device=config.device,
        seeded=config.with_seeds,
        check_every_tokens=config.look,
        options={"max_num_seqs": config.rows, **config.vllm},
        tell=tell,
    )


def _openai(config: EngineConfig, prompt: Prompt, tell: Callable[[str], None]) -> LiveEngine:
    from tts.engines.openai.engine import OpenAIEngine

    return OpenAIEngine.load(
        config.openai,
        model=config.model,
        prompt=prompt,
        sampling=config.sampling,
        seeded=config.with_seeds,
        check_every_tokens=config.look,
    )


_OPEN = {"transformers": _transformers, "vllm": _vllm, "openai": _openai}
