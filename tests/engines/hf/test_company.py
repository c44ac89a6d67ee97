"""A draw does not depend on its company: the batch's size, the other sequences, and their order."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.engines.hf.cases import PROBLEMS, alone, draws
from tts.engines.hf.engine import TransformersEngine
from tts.engines.sampling import Sampling
from tts.models.bundled import weights
from tts.prompts import Prompt
from tts.types import TOKENS


def test_the_bundled_model_draws_the_same_texts_in_any_company() -> None:
    wanted = [(problem, index) for problem in PROBLEMS[:5] for index in range(2)]
    requests = {16: wanted, 1: wanted[:3], 3: wanted[::-1]}
    texts: dict[int, dict[Any, str]] = {}
    for size, some in requests.items():
        sampling = Sampling(temperature=0.8, max_tokens=32)
        engine = TransformersEngine.load(weights(), prompt=Prompt(), sampling=sampling, max_batch_size=size)
        texts[size] = dict(zip(some, (sample.text for sample in draws(engine, some)), strict=True))
        engine.close()
    same = [texts[size][one] == texts[16][one] for size in (1, 3) for one in requests[size]]
    assert len(set(texts[16].values())) > 7 and sum(same) >= len(same) - 1, "rounding may change one of 13"


def test_forks_of_a_prefix_and_attempts_are_independent(make: Any) -> None:
    engine, problem = make(max_tokens=30), PROBLEMS[0]
    short, long = (alone(engine, problem, until=TOKENS(n)) for n in (6, 7))
    assert short.token_ids == long.token_ids[:6] and len(long.token_ids) == 7
    first = alone(engine, problem, 0, prefix=short)
    others = [
        alone(engine, problem, 1, prefix=short),
        alone(engine, problem, 0, prefix=short, attempt=1),
        alone(engine, problem, 0, prefix=long),
    ]
    assert first.token_ids == alone(engine, problem, 0, prefix=short).token_ids
    assert len({sample.token_ids[7:14] for sample in (first, *others)}) == 4


def test_draws_of_a_question_are_computed_once_where_they_agree(make: Any) -> None:
    engine, wanted = make(temperature=0.1, max_tokens=16), [(problem, i) for problem in PROBLEMS[:2] for i in range(12)]
    together = draws(engine, wanted)
    assert engine.batch.drawn == sum(len(sample.token_ids) for sample in together) > 1.5 * engine.batch.computed
    apart = make(temperature=0.1, max_tokens=16, max_batch_size=1)
    separate = [sample.token_ids for sample in draws(apart, wanted)]
    assert apart.batch.computed == apart.batch.drawn
    same = [one.token_ids == other for one, other in zip(together, separate, strict=True)]
    assert sum(same) >= len(same) - 1, "rounding may change one of 24"
