"""Models with other layers than full attention run on transformers' own caches, with the same tokens and signals."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from transformers import AutoConfig, AutoModelForCausalLM  # noqa: E402

from tests.engines.hf.cases import PROBLEMS, alone, draws  # noqa: E402
from tts.engines.base import Meter, Prefix  # noqa: E402
from tts.engines.hf import engine as engine_module  # noqa: E402
from tts.engines.hf.compatibility import choose_decoder  # noqa: E402
from tts.engines.hf.decoder import Decoder  # noqa: E402
from tts.engines.hf.library_decoder import LibraryDecoder  # noqa: E402
from tts.engines.hf.step_input import JoiningSequence, StepInput  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.errors import UnsupportedError  # noqa: E402
from tts.types import STEP, TOKENS, End, Signals  # noqa: E402

COMMON = {
    "vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 16, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
    "max_position_embeddings": 128, "initializer_range": 0.2,
}  # fmt: skip
LINEAR = {
    "layer_types": ["linear_attention", "full_attention"], "linear_num_key_heads": 2, "linear_num_value_heads": 2,
    "linear_key_head_dim": 8, "linear_value_head_dim": 8,
}  # fmt: skip
TWO = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8}
OTHERS: dict[str, dict[str, Any]] = {
    "mistral": {"sliding_window": 8},  # which names no types of layers
    "gemma3_text": TWO,
    "gpt_oss": {**TWO, "num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen3_5_text": LINEAR,
    "falcon_h1": {"mamba_d_ssm": 32, "mamba_n_heads": 2, "mamba_d_head": 16, "mamba_d_state": 8},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
}
EVERYTHING = Signals(watch=(7, 9), top=5, entropy=True, certainty=True, steps=True, logprobs=True)


def small(kind: str, **more: Any) -> Any:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **{**COMMON, **more})).eval()


def greedy(model: Any, ids: tuple[int, ...], tokens: int) -> list[int]:
    made = model.generate(
        torch.tensor([ids]), max_new_tokens=tokens, do_sample=False, eos_token_id=None, pad_token_id=0
    )
    found: list[int] = made[0, len(ids) :].tolist()
    return found


@pytest.mark.parametrize("kind", OTHERS)
def test_tokens_are_those_of_generate_at_temperature_0(kind: str) -> None:
    told: list[str] = []
    model = small(kind, **OTHERS[kind])
    decoder = choose_decoder(model, Sampling(temperature=0), (), told.append)
    assert isinstance(decoder, LibraryDecoder) and [kind in text for text in told] == [True]
    first, second = ((5, 9, 11, 30, 8), (40, 41, 3, 9, 12, 60, 7, 7, 20, 21, 22, 23))
    joining = [JoiningSequence(ids, ids[:3]) for ids in (first, second, first)]
    drawn = decoder.run(StepInput(joining=joining, noise_keys=[(i, 0) for i in range(3)])).tokens
    lengths, found = [5, 12, 5], [[token] for token in drawn]
    for step in range(1, 15):
        keys = [(i, step) for i in range(3)]
        drawn = decoder.run(StepInput(tokens=list(drawn), lengths=list(lengths), noise_keys=keys)).tokens
        lengths = [length + 1 for length in lengths]
        for row, token in zip(found, drawn, strict=True):
            row.append(token)
    assert found == [greedy(model, ids, 15) for ids in (first, second, first)]


def test_a_wide_window_and_full_attention_need_no_other_cache() -> None:
    for more in ({}, {"sliding_window": 128}, {"sliding_window": None}):
        assert type(choose_decoder(small("mistral", **more), Sampling(), (), print)) is Decoder
    with pytest.raises(UnsupportedError, match="model type mamba cannot run on the transformers engine"):
        choose_decoder(small("mamba", state_size=8), Sampling(), (), print)


def test_draws_pauses_and_given_texts_are_those_of_the_common_cache(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine draws in four rows, which move, join and leave; one pauses and goes on; texts are scored and read."""

    def library(model: Any, sampling: Sampling, suppressed: Any, notify: Any) -> LibraryDecoder:
        return LibraryDecoder(model, sampling, suppressed=suppressed)

    common = make(max_batch_size=4)
    monkeypatch.setattr(engine_module, "choose_decoder", library)
    other = make(max_batch_size=4)
    assert type(common.batch.decoder) is Decoder and type(other.batch.decoder) is LibraryDecoder
    asked = [(problem, index) for problem in PROBLEMS[:3] for index in range(3)]
    mine, its = (draws(one, asked, signals=EVERYTHING, until=TOKENS(25)) for one in (other, common))
    assert [(s.token_ids, s.end) for s in mine] == [(s.token_ids, s.end) for s in its]
    for sample, known in zip(mine, its, strict=True):
        for column, values in zip(sample.trace.columns(), known.trace.columns(), strict=True):
            np.testing.assert_allclose(np.array(column, float), np.array(values, float), rtol=1e-3, atol=1e-5)
    for one in (other, common):
        lines = [alone(one, PROBLEMS[3], until=STEP)]
        if lines[0].end is End.BOUNDARY:
            lines.append(alone(one, PROBLEMS[3], prefix=lines[0], until=TOKENS(30)))
        one.lines = [(line.text, line.end) for line in lines]
    assert other.lines == common.lines
    texts = [Prefix(problem, text) for problem in PROBLEMS[:3] for text in ("", "We know that")]
    scores = [asyncio.run(one.score(texts, [7, 9], Meter())) for one in (other, common)]
    np.testing.assert_allclose(*scores, rtol=1e-3, atol=1e-6)
    wanted = Signals(watch=(7,), probe=9, logprobs=True)
    read = [asyncio.run(one.read(PROBLEMS[0], "We know that Anna has 3.", wanted, Meter())) for one in (other, common)]
    assert read[0].probe == pytest.approx(read[1].probe, rel=1e-3, abs=1e-6)
    np.testing.assert_allclose(read[0].logprobs, read[1].logprobs, rtol=1e-3, atol=1e-5)
