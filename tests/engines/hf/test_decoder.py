"""The decoder draws the model's own next tokens, however sequences join, move and are cached."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.training.cases import model as small_model  # noqa: E402
from tts.engines.hf.decoder import Decoder  # noqa: E402
from tts.engines.hf.step_input import JoiningSequence, StepInput  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402

PROMPT = (5, 6, 7)
SEQUENCES = [(*PROMPT, 9), (*PROMPT, 11, 12, 13), (8, 9)]
KEYS = [(0, 0), (1, 0), (2, 0)]


@pytest.fixture(scope="module")
def model() -> Any:
    return small_model().eval()


@pytest.fixture
def decoder(model: Any) -> Decoder:
    return Decoder(model, Sampling(temperature=0))


def greedy(model: Any, ids: tuple[int, ...], n: int) -> list[int]:
    with torch.inference_mode():
        for _ in range(n):
            ids = (*ids, int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    return list(ids[-n:])


def joining() -> list[JoiningSequence]:
    return [JoiningSequence(ids, PROMPT if ids[:3] == PROMPT else ids) for ids in SEQUENCES]


def test_sequences_that_join_and_go_on_draw_what_the_model_draws(model: Any, decoder: Decoder) -> None:
    first = decoder.run(StepInput(joining=joining(), noise_keys=KEYS)).tokens
    lengths = [len(ids) for ids in SEQUENCES]
    second = decoder.run(StepInput(tokens=first, lengths=lengths, noise_keys=KEYS)).tokens
    for ids, *drawn in zip(SEQUENCES, first, second, strict=True):
        assert drawn == greedy(model, ids, 2)


def test_the_last_row_moves_into_a_freed_slot(model: Any, decoder: Decoder) -> None:
    first = decoder.run(StepInput(joining=joining(), noise_keys=KEYS)).tokens
    lengths = [len(ids) for ids in SEQUENCES]
    work = StepInput(
        moves=[(2, 0, lengths[2])], tokens=[first[2], first[1]], lengths=[lengths[2], lengths[1]], noise_keys=KEYS[:2]
    )
    second = decoder.run(work).tokens
    assert [first[2], second[0]] == greedy(model, SEQUENCES[2], 2)
    assert [first[1], second[1]] == greedy(model, SEQUENCES[1], 2)


def test_scores_are_the_models_probabilities(model: Any, decoder: Decoder) -> None:
    scores = decoder.score(joining(), [3, 4])
    for ids, row in zip(SEQUENCES, scores, strict=True):
        with torch.inference_mode():
            expected = model(input_ids=torch.tensor([ids])).logits[0, -1].float().softmax(-1)[[3, 4]]
        assert row == pytest.approx(expected.tolist(), abs=1e-5)


def test_cached_tokens_are_those_of_known_prompts_and_parked_rows(decoder: Decoder) -> None:
    fresh = joining()
    decoder.mark_cached(fresh)
    assert [one.cached for one in fresh] == [0, 3, 0], "the second shares the prompt of the first"
    decoder.run(StepInput(joining=fresh, noise_keys=KEYS))
    decoder.park([(1, fresh[1].prefix_key)])
    again = joining()
    decoder.mark_cached(again)
    assert [one.cached for one in again] == [3, 5, 2]
    decoder.clear()
    empty = joining()
    decoder.mark_cached(empty)
    assert [one.cached for one in empty] == [0, 3, 0] and decoder.parked.tokens == decoder.prompts.tokens == 0


def test_a_parked_row_goes_on_as_if_it_had_been_read_anew(model: Any, decoder: Decoder) -> None:
    decoder.run(StepInput(joining=joining(), noise_keys=KEYS))
    decoder.park([(1, (3, SEQUENCES[1]))])
    longer = JoiningSequence((*SEQUENCES[1], 21), PROMPT)
    decoder.mark_cached([longer])
    assert longer.cached == 6
    assert decoder.run(StepInput(joining=[longer], noise_keys=KEYS[:1])).tokens == greedy(model, longer.ids, 1)


def test_the_last_token_of_a_parked_row_is_read_in_the_step_of_the_others(
    model: Any, decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = decoder.run(StepInput(joining=joining(), noise_keys=KEYS)).tokens
    decoder.park([(1, (3, SEQUENCES[1]))])
    longer = [JoiningSequence((*SEQUENCES[1], token), PROMPT) for token in (21, 22)]
    new = JoiningSequence((*PROMPT, 9, 8, 7, 6), PROMPT)  # of which four are left to read
    passes: list[int] = []
    read = decoder._read_pass
    monkeypatch.setattr(decoder, "_read_pass", lambda items: passes.append(len(items)) or read(items))
    keys = [(i, 1) for i in range(len(first) + 3)]
    work = StepInput(tokens=first, lengths=[len(ids) for ids in SEQUENCES], joining=[*longer, new], noise_keys=keys)
    found = decoder.run(work).tokens
    assert passes == [1]
    assert found[: len(first)] == [greedy(model, ids, 2)[1] for ids in SEQUENCES]
    assert found[len(first) :] == [greedy(model, one.ids, 1)[0] for one in (*longer, new)]
    lengths = [len(ids) + 1 for ids in SEQUENCES] + [one.size for one in (*longer, new)]
    after = decoder.run(StepInput(tokens=found, lengths=lengths, noise_keys=keys)).tokens
    assert after[len(first) :] == [greedy(model, one.ids, 2)[1] for one in (*longer, new)]


def test_small_passes_read_the_same(model: Any) -> None:
    small = Decoder(model, Sampling(temperature=0), max_pass_tokens=3)
    whole = Decoder(model, Sampling(temperature=0))
    work = [decoder.run(StepInput(joining=joining(), noise_keys=KEYS)).tokens for decoder in (small, whole)]
    assert work[0] == work[1]
