"""A small random model and engines on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.engines.hf.cases import random_model  # noqa: E402
from tts.engines.hf.engine import TransformersEngine  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.prompts import Prompt  # noqa: E402
from tts.training.tiny.tokenizer import build  # noqa: E402
from tts.types import Signals  # noqa: E402

EVERYTHING = Signals(watch=(10, 11), top=20, entropy=True, certainty=True)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return build(2000)


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    return random_model(tokenizer)


@pytest.fixture
def make(model: Any, tokenizer: Any) -> Iterator[Any]:
    made = []

    def engine(*, temperature: float = 1.0, max_tokens: int = 40, seed: int = 0, **more: Any) -> TransformersEngine:
        how = {key: more.pop(key) for key in ("top_p", "top_k") if key in more}
        sampling = Sampling(temperature=temperature, max_tokens=max_tokens, seed=seed, **how)
        more.setdefault("prompt", Prompt())
        made.append(TransformersEngine(model, tokenizer, sampling=sampling, **more))
        return made[-1]

    yield engine
    for one in made:
        one.close()
