"""A small random model with a confidence token that is never drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.engines.hf.cases import PROBLEMS, random_model  # noqa: E402
from tts.engines.hf.engine import TransformersEngine  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.prompts import Prompt  # noqa: E402
from tts.training.tiny.tokenizer import build  # noqa: E402

CLOSE = {"rtol": 1e-4, "atol": 1e-4}
TOKEN = "<CNF>"
MANY = [(problem, index) for problem in PROBLEMS for index in range(3)]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    made = build(2000)
    made.add_special_tokens({"additional_special_tokens": [TOKEN]})
    return made


@pytest.fixture(scope="module")
def cnf(tokenizer: Any) -> int:
    return int(tokenizer.convert_tokens_to_ids(TOKEN))


@pytest.fixture(scope="module")
def model(tokenizer: Any, cnf: int) -> Any:
    made = random_model(tokenizer, tie_word_embeddings=False)
    loud = [cnf, tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("\n")]
    with torch.no_grad():  # their probabilities are near 0 at some tokens, near 1 at others
        made.lm_head.weight[loud] *= 4
    made.generation_config.suppress_tokens = [cnf, 10, 11]
    return made


@pytest.fixture
def make(model: Any, tokenizer: Any) -> Iterator[Any]:
    made = []

    def engine(*, temperature: float = 1.0, max_tokens: int = 40, **more: Any) -> TransformersEngine:
        how = {key: more.pop(key) for key in ("top_p", "top_k") if key in more}
        sampling = Sampling(temperature=temperature, max_tokens=max_tokens, **how)
        made.append(TransformersEngine(model, tokenizer, prompt=Prompt(), sampling=sampling, **more))
        return made[-1]

    yield engine
    for one in made:
        one.close()
