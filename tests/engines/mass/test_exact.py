"""Engines say beforehand whether samples have a probability as a whole."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tts.engines.exact import exactness
from tts.engines.sampling import Sampling
from tts.engines.vllm.capabilities import capabilities_of, exactness_of, logprobs_mode
from tts.errors import UnsupportedError
from tts.types import End, Sample, Signals, Trace

WARM = Sampling(0.7)


@pytest.mark.parametrize(
    ("sampling", "raw", "processed"),
    [
        (Sampling(1.0), "raw", "raw"),
        (Sampling(0.0, top_p=0.5), "greedy", "greedy"),
        (WARM, "", "processed"),
        (Sampling(1.0, top_p=0.9), "", "processed"),
        (Sampling(1.0, top_k=3), "", "processed"),
    ],
)
def test_reported_log_probabilities_are_exact_where_tokens_are_drawn_from_them(
    sampling: Sampling, raw: str, processed: str
) -> None:
    assert (exactness(sampling), exactness(sampling, "processed_logprobs")) == (raw, processed)
    assert exactness(sampling, "raw_logits") == ("greedy" if raw == "greedy" else "")


def test_vllm_has_what_the_kind_of_its_log_probabilities_gives() -> None:
    def able(sampling: Sampling, mode: str = "raw_logprobs", processors: object = None) -> tuple[bool, bool, bool, int]:
        config = SimpleNamespace(logprobs_mode=mode, max_logprobs=20, logits_processors=processors)
        found = capabilities_of(config, sampling, (), adapters=False)
        return found.processed, found.logprobs, found.watch_tokens, found.top

    assert able(WARM) == (False, True, True, 20)
    assert able(Sampling(1.0)) == able(Sampling(1.0), "processed_logprobs") == (True, True, True, 20)
    assert able(WARM, "processed_logprobs") == (True, False, False, 0)
    assert able(Sampling(1.0), processors=["one"]) == (False, True, True, 20)
    assert logprobs_mode(SimpleNamespace()) == "raw_logprobs"
    assert exactness_of(Signals(watch=(3,)), WARM, "raw_logprobs") == ""
    for signals in (Signals(watch=(3,)), Signals(top=2)):
        with pytest.raises(UnsupportedError, match="leave logprobs_mode out, or draw at temperature 1"):
            exactness_of(signals, WARM, "processed_logprobs")


@pytest.mark.parametrize("end", [end for end in End if end is not End.STOP])
def test_what_the_model_did_not_end_has_no_mass(end: End) -> None:
    assert Sample(end=end, token_ids=(1, 2), trace=Trace(processed=(-1.0, -2.0))).logprob is None


@pytest.mark.parametrize(
    ("ids", "logprobs", "processed", "expected"),
    [
        ((1, 2), (-0.5, -0.5), (-1.0, -2.0), -3.0),
        ((), (-0.5, -0.5), (-1.0, -2.0), -3.0),
        ((), (), (-1.0, -2.0), -3.0),
        ((1, 2, 3), (), (-1.0, -2.0), None),
        ((), (-0.5,) * 3, (-1.0, -2.0), None),
        ((1, 2), (), (-1.0, float("nan")), None),
        ((1, 2), (-0.5, -0.5), (), None),
        ((), (), (), None),
    ],
)
def test_every_token_has_a_log_probability_or_the_sample_has_none(
    ids: tuple[int, ...], logprobs: tuple[float, ...], processed: tuple[float, ...], expected: float | None
) -> None:
    assert Sample(token_ids=ids, trace=Trace(logprobs, processed=processed)).logprob == expected
