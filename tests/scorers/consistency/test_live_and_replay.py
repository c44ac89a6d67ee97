"""Consistency scores of a live run are those of a replay of its samples, equal answers, failures and all."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from evals.decisions.rerank import rankings
from evals.live.plan import score_pool
from evals.replay.provenance import provenance_of
from evals.replay.rescore import rescored
from strategies.vote import Vote
from tests.engines.cases import calmly
from tts.answers.meaning.equality import Pairwise
from tts.engines.base import Chunk, Request
from tts.engines.fake.engine import FakeEngine
from tts.errors import EngineError, InputError
from tts.pool import Entry, Pool
from tts.runtime.driver import Options, run_all
from tts.scorers.base import RawScorer, Scorer
from tts.scorers.config import open_scorer
from tts.scorers.consistency.scores import CONSISTENCY_SCORES, FREQUENCY, ConsistencyScorer
from tts.scorers.consistency.self_consistency import SelfConsistency
from tts.types import End, Problem, Sample, Trace

PROBLEM = Problem("q", "?", "paris")
TEXTS = ("so it is paris", "so it is Rome", "the city of paris", "so it is paris", "hm", "!", "", "it is Oslo")
EQUALITY = Pairwise("text", lambda a, b: "paris" in a and "paris" in b)


class Scripted(FakeEngine):
    """Draws given texts in turn with the signals of two tokens; "!" fails and an empty text has no signals."""

    signals = True
    capabilities = replace(FakeEngine().capabilities, entropy=True)

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        text, i = TEXTS[request.index], request.index
        if text == "!":
            raise EngineError("server is gone", again=False)
        trace = Trace(logprobs=(-0.1 * i - 0.2, -0.3), entropy=(0.2, 0.1 * i)) if text and self.signals else Trace()
        yield Chunk(text, (1, 2) if text else (), trace, End.STOP)


class Silent(Scripted):
    """The same without signals, and without a way to read them."""

    signals = False
    capabilities = replace(FakeEngine().capabilities, reads=frozenset())


def read(problem: Problem, text: str) -> str | None:
    _, found, answer = text.rpartition("is ") if "is " in text else text.rpartition("the ")
    return answer if found else None


def drawn(scorer: Scorer, engine: FakeEngine | None = None) -> tuple[Sample, ...]:
    engine = engine or Scripted()
    playing = run_all(
        Vote("sc", len(TEXTS)), [PROBLEM], engine, extract=read, scorer=scorer, equality=EQUALITY,
        options=Options(retries=0, backoff_s=0.0),
    )  # fmt: skip
    [result] = calmly(playing)
    return tuple(replace(s, answer=read(PROBLEM, s.text)) for s in result.decision.samples)  # as pools keep them


def pool_of(samples: tuple[Sample, ...]) -> Pool:
    return Pool("memory", "0" * 64, (Entry(PROBLEM, samples, (None,) * len(samples), {}),))


def confidences(pool: Pool) -> list[float | None]:
    return [sample.confidence for sample in pool.entries[0].samples]


@pytest.mark.parametrize("name", CONSISTENCY_SCORES)
def test_a_replay_gives_the_confidences_of_the_live_run(name: str) -> None:
    scorer = SelfConsistency() if name == FREQUENCY else ConsistencyScorer(name)
    samples = drawn(scorer)
    assert [s.end is End.FAILED for s in samples] == [text == "!" for text in TEXTS]
    answered = [s.confidence for s in samples if s.answer is not None]
    assert len(answered) == 5 and all(value is not None and 0.0 <= value < 1.0 for value in answered)
    recorded = pool_of(samples)
    again = rescored(recorded, name, probability=True, answers="text", equality=EQUALITY)
    assert confidences(again) == [None if s.answer is None else pytest.approx(s.confidence) for s in samples]
    alone = rescored(recorded, name, answers="text")
    joined = rescored(recorded, name, answers="text", equality=EQUALITY)
    assert (confidences(alone) == confidences(joined)) is name.endswith("_text"), "texts have no equal answers"
    if isinstance(scorer, RawScorer):
        exps = [None if value is None else pytest.approx(math.exp(value)) for value in confidences(joined)]
        assert exps == confidences(again)
    natural = confidences(rescored(recorded, name, probability=True, answers="text"))
    assert confidences(score_pool(recorded, scorer)) == natural


def test_a_confidence_of_one_question_is_the_same_and_ranks_nothing() -> None:
    values = {s.confidence for s in drawn(ConsistencyScorer("semantic_entropy")) if s.answer is not None}
    assert len(values) == 1


def test_samples_without_signals_fail_together_with_one_sentence() -> None:
    samples = drawn(ConsistencyScorer("semantic_entropy"), Silent())
    assert [s.end is End.FAILED for s in samples] == [text != "" for text in TEXTS]
    assert {s.error for s in samples} - {None, "server is gone"} == {
        "semantic_entropy reads every sample of a question: trace score total_logprob reads log-probabilities and "
        "sample 0 has none: draw it with an engine that keeps them, or choose another score"
    }
    discrete = drawn(ConsistencyScorer("semantic_entropy_discrete"), Silent())
    assert discrete[0].confidence == drawn(ConsistencyScorer("semantic_entropy_discrete"))[0].confidence
    bare = pool_of(drawn(SelfConsistency(), Silent()))
    with pytest.raises(
        InputError, match=r"^memory: question 'q': cocoa_ppl reads every sample of a question: trace sco"
    ):
        rescored(bare, "cocoa_ppl")


def test_samples_are_ranked_by_comparison_with_the_others() -> None:
    pool = pool_of(drawn(SelfConsistency()))
    said: list[str] = []
    [ranking] = rankings(pool, "cocoa_ppl", notify=said.append)
    ranked = [(row.sample.index, row.score) for row in ranking.samples if row.score is not None]
    assert [index for index, _ in ranked] == [0, 1, 3, 2, 4, 7]
    assert [score for _, score in ranked][:3] == pytest.approx([-0.25 * 5 / 6, -0.3, -0.4 * 5 / 6])
    assert said == ["2 of 8 samples have no score 'cocoa_ppl' and come last; `tts score` adds the scores of a scorer"]


def test_scorers_are_opened_by_name_and_named_in_files_as_they_are_live() -> None:
    for name in CONSISTENCY_SCORES:
        live: dict[str, Any] = {"name": "self_consistency" if name == FREQUENCY else name}
        opened = open_scorer(live, model="m", revision="", template="")
        assert opened.probability and opened.scorer.compares_samples and not opened.scorer.judges_prefixes
        assert provenance_of(pool_of((Sample(),)), name).scorer == opened.name == live["name"]
    with pytest.raises(InputError, match="unknown consistency score 'cocoa': allowed are cocoa_msp, "):
        ConsistencyScorer("cocoa")
