"""A configuration names an engine; its kind checks, identifies, keys and opens it."""

from __future__ import annotations

import builtins
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tts.engines.config import EngineConfig, SignalsConfig, open_engine, recorded_signals
from tts.engines.fake.engine import FakeEngine
from tts.engines.openai.config import OpenAIConfig
from tts.engines.sampling import Sampling
from tts.errors import InputError
from tts.models.bundled import weights
from tts.models.finece import FineceCard
from tts.models.finece import write_card as write_finece
from tts.models.grace import GraceCard
from tts.models.grace import write_card as write_grace
from tts.models.resolve import fingerprint
from tts.prompts import Prompt
from tts.registry import ENGINES
from tts.types import Signals

SERVER = OpenAIConfig(urls=["http://localhost:1/v1"], extra={"a": 1})
SAMPLED = {"temperature": 0.8, "top_p": 1.0, "top_k": 0, "max_tokens": 256, "seed": 0, "dtype": "float32"}


@pytest.mark.parametrize(
    ("config", "more"),
    [
        (EngineConfig(), {"noise": "gumbel-1"}),
        (EngineConfig(kind="fake", seeded=True), {}),
        (EngineConfig(kind="vllm"), {"engine": "vllm", "seeded": False, "extra": {}}),
        (EngineConfig(kind="vllm", seeded=True), {"engine": "vllm", "seeded": True, "extra": {}}),
        (EngineConfig(kind="openai", openai=SERVER), {"engine": "openai", "seeded": False, "extra": {"a": 1}}),
    ],
)
def test_the_key_has_the_names_that_pools_store(config: EngineConfig, more: dict[str, Any]) -> None:
    """A pool that was drawn before goes on only where these names and values stay."""
    assert config.key == {**SAMPLED, **more} and list(config.key) == [*SAMPLED, *more]


def test_what_does_not_decide_the_tokens_is_no_part_of_the_key() -> None:
    assert EngineConfig(max_batch_size=3, token_delay_s=1, check_every_tokens=2, device="cpu").key == EngineConfig().key
    assert EngineConfig(temperature=0).key == {**SAMPLED, "temperature": 0}, "no noise"


def test_a_model_is_identified_by_name_and_revision(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert EngineConfig(model=str(tmp_path)).identity == (str(tmp_path), fingerprint(tmp_path))
    assert EngineConfig(kind="vllm", model="a/b", revision="v1").identity == ("a/b", "v1")
    assert EngineConfig(kind="openai", model="a/b", openai=SERVER).identity == ("a/b", "")
    assert EngineConfig(kind="fake", model="anything").identity == ("fake", "")


def test_the_folder_is_that_of_a_local_model(tmp_path: Path) -> None:
    assert EngineConfig().folder == weights("tiny")
    assert EngineConfig(kind="vllm", model=str(tmp_path)).folder == tmp_path
    assert EngineConfig(model="a/b").folder is EngineConfig(kind="fake").folder is None
    for tokenizer, folder in ((None, None), ("a/b", None), (str(tmp_path), tmp_path)):
        server = OpenAIConfig(urls=SERVER.urls, tokenizer=tokenizer)
        assert EngineConfig(kind="openai", openai=server).folder == folder
    with pytest.raises(InputError, match=r"engine\.model \./none: no such directory"):
        _ = EngineConfig(model="./none").folder


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"kind": "vlm"}, r"unknown engine\.kind 'vlm': allowed are fake, .*; did you mean vllm\?"),
        ({"device": "tpu"}, r"engine\.device must be one of auto, cpu, cuda, mps, got 'tpu'"),
        ({"dtype": "int8"}, r"engine\.dtype must be one of auto, float32, bfloat16, float16, got 'int8'"),
        ({"max_batch_size": 0}, r"engine\.max_batch_size must be at least 1, got 0"),
        ({"token_delay_s": -0.5}, r"engine\.token_delay_s must be at least 0, got -0\.5"),
        ({"check_every_tokens": 0}, r"engine\.check_every_tokens must be at least 1, got 0"),
        ({"signals": SignalsConfig(top=-1)}, r"engine\.signals\.top must be at least 0, got -1"),
        (
            {"model": " "},
            r"engine\.model must be tiny, grace, finece, a directory, a GGUF file or .*, got nothing",
        ),
        ({"top_p": 0.0}, r"top_p must be above 0 and at most 1, got 0\.0"),
        ({"vllm": {"a": 1}}, r"engine\.vllm is for engine\.kind=vllm, and engine\.kind is transformers"),
        ({"kind": "openai"}, r"engine\.kind=openai needs engine\.openai\.urls"),
        ({"kind": "vllm", "signals": SignalsConfig(entropy=True)}, r"vLLM reports no entropies or self-certainties"),
        ({"kind": "vllm", "signals": SignalsConfig(top=2, confidence=True)}, r"top-k confidences or the model's own"),
    ],
)
def test_a_configuration_that_no_engine_can_serve_gets_one_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        EngineConfig(**given)


def test_recorded_signals_are_those_of_the_configuration_and_of_the_models_card(tmp_path: Path) -> None:
    asked = SignalsConfig(top=3, steps=True, confidence=True, logprobs=False)
    plain = Signals(top=3, steps=True)
    assert recorded_signals(EngineConfig(signals=SignalsConfig(top=3, steps=True, logprobs=False))) == plain
    config = EngineConfig(model=str(tmp_path), signals=asked)
    with pytest.raises(InputError, match=r"has no grace\.json"):
        recorded_signals(config)
    write_grace(tmp_path, GraceCard("<CNF>", 7, "after"))
    assert recorded_signals(config) == plain | Signals.watching("grace", (7,)) | Signals(probe=7)
    tokens = tuple(range(20, 31))
    write_finece(tmp_path, FineceCard("grown", "values", tokens, "tiny"))
    assert recorded_signals(config) == plain | Signals.watching("finece", tokens)
    with pytest.raises(InputError, match=r"engine\.signals\.confidence=true records .*: give engine\.model=DIRECTORY"):
        recorded_signals(EngineConfig(model="a/b", signals=asked))


def test_the_fake_engine_is_opened_with_the_seed_and_the_delay() -> None:
    engine = open_engine(EngineConfig(kind="fake", seed=3, token_delay_s=0.5), Prompt(), print)
    assert isinstance(engine, FakeEngine) and engine.seed == 3 and engine.latency.tick_s == 0.5
    engine.close()


@pytest.mark.parametrize(
    ("kind", "missing", "extra"),
    [("transformers", "torch", "hf"), ("vllm", "vllm", "vllm"), ("openai", "openai", "openai")],
)
def test_an_extra_that_is_not_installed_is_named(
    kind: str, missing: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = EngineConfig(kind=kind, openai=SERVER if kind == "openai" else OpenAIConfig())
    ENGINES.get(kind)
    usual = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name.startswith(f"tts.engines.{ {'transformers': 'hf'}.get(kind, kind) }.engine"):
            raise ModuleNotFoundError(f"No module named {missing!r}", name=f"{missing}.part")
        return usual(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    sentence = rf"engine\.kind {kind} needs {missing}, which is not installed: pip install 'tts-rerank\[{extra}\]'"
    with pytest.raises(InputError, match=sentence):
        open_engine(config, Prompt(), print)


def test_the_sampling_parameters_are_those_of_the_configuration() -> None:
    config = EngineConfig(temperature=0.5, top_p=0.9, top_k=4, max_tokens=8, seed=2)
    assert config.sampling == Sampling(0.5, 0.9, 4, 8, 2)


def test_a_configuration_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tts.engines.config import EngineConfig; from tts.engines.openai.config import OpenAIConfig; "
        "from tts.registry import ENGINES; server = OpenAIConfig(urls=['http://x']); "
        "[EngineConfig(kind=kind, openai=server if kind == 'openai' else OpenAIConfig()) for kind in ENGINES.names()]; "
        "assert not {'torch', 'transformers', 'vllm', 'openai'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_servers_draw_as_many_samples_as_they_take_requests_and_other_engines_a_batch() -> None:
    urls = ["http://a/v1", "http://b/v1"]
    assert EngineConfig(max_batch_size=7).rows == 7
    assert EngineConfig(kind="openai", model="m", openai=OpenAIConfig(urls=urls, concurrency=5)).rows == 10
    assert EngineConfig(kind="openai", model="m", openai=OpenAIConfig(urls=urls, n=True)).rows is None
