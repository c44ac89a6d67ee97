"""A pairwise judge: both orders of each pair, win rates of answers, and strategies that share samples."""

from __future__ import annotations

from typing import Any

import pytest

from strategies.catalog import CATALOG
from strategies.vote import Vote
from tests.engines.cases import calmly, play
from tests.scorers.test_judge import Scripted
from tts.answers.meaning.equality import Pairwise
from tts.engines.base import Request
from tts.engines.fake.engine import FakeEngine
from tts.errors import EngineError, InputError, UnsupportedError
from tts.runtime.driver import run_all
from tts.scorers.consistency.self_consistency import SelfConsistency
from tts.scorers.judges.opening import open_judge
from tts.scorers.judges.pairwise import PairwiseJudge, read_better, schedule
from tts.scorers.metered import MeteredEngine
from tts.types import Problem, Sample

PROBLEM = Problem("q", "What is 2 + 2?", "4")
SAMPLES = [Sample("2 + 2 is 4", "4"), Sample("hm", None, index=1), Sample("so 5", "5", index=2),
           Sample("it is 4", "4", index=3), Sample("so 6", "6", index=4)]  # fmt: skip


class Judging(Scripted):
    """Prefers the larger number, or the place that it is told to prefer."""

    def __init__(self, reply: str = "") -> None:
        super().__init__("")
        self.reply = reply

    async def sample(self, request: Request) -> Any:
        text = request.problem.question
        first, second = (int(text.partition(f"{place} ")[2][:1]) for place in ("one:", "two:"))
        self.replies = [self.reply or f"Better: {'first' if first > second else 'second'}"]
        async for chunk in super().sample(request):
            yield chunk


def judge_of(reply: str = "") -> PairwiseJudge:
    return PairwiseJudge(Judging(reply), rubric="{question} one: {first_answer} two: {second_answer}")


def test_answers_meet_in_both_orders_and_have_their_win_rates() -> None:
    engine, metered = Judging(), MeteredEngine(None)
    judge = PairwiseJudge(engine, rubric="{question} one: {first_answer} two: {second_answer}")
    scores = calmly(judge.score(PROBLEM, SAMPLES, metered)).tolist()
    assert scores == [0.0, 0.0, 0.5, 0.0, 1.0]  # 4 loses twice, 5 wins once, 6 wins twice; "hm" is not asked about
    assert len(engine.asked) == 6 and metered.usage.scorer_decode == 6 * 3


def test_a_preference_for_a_place_and_an_unreadable_verdict_are_ties() -> None:
    samples = [SAMPLES[0], SAMPLES[2]]
    assert calmly(judge_of("Better: first").score(PROBLEM, samples, MeteredEngine(None))).tolist() == [0.5, 0.5]
    with pytest.raises(EngineError, match="no verdict on 1 pairs could be read"):
        calmly(judge_of("hm").score(PROBLEM, samples, MeteredEngine(None)))


def test_an_answer_without_a_rival_costs_nothing() -> None:
    engine = Judging()
    judge = PairwiseJudge(engine, rubric="one: {first_answer} two: {second_answer}")
    scores = calmly(judge.score(PROBLEM, [SAMPLES[0], SAMPLES[3], SAMPLES[1]], MeteredEngine(None))).tolist()
    assert scores == [1.0, 1.0, 0.0] and not engine.asked


@pytest.mark.parametrize(
    ("candidates", "opponents", "pairs"), [(0, None, 0), (1, 4, 0), (2, None, 1), (2, 4, 1), (5, None, 10),
                                           (6, None, 15), (8, 2, 8), (8, 3, 16), (8, 4, 16), (8, 7, 28)]
)  # fmt: skip
def test_the_number_of_comparisons_is_bounded(candidates: int, opponents: int | None, pairs: int) -> None:
    found = schedule(candidates, opponents)
    assert len(found) == len(set(found)) == pairs and all(i < j for i, j in found)
    met = [sum(k in pair for pair in found) for k in range(candidates)]
    assert len(set(met)) <= 1  # all of them equally often


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("Better: first", "first"),
        ("<think>Better: first</think>**Better:** the second", "second"),
        ("tie", "tie"),
        ("The first one is better", None),
        ("<think>Better: first", None),
    ],
)
def test_the_last_verdict_counts(reply: str, verdict: str | None) -> None:
    assert read_better(reply) == verdict


def test_best_of_n_takes_the_winner_and_equal_answers_are_one_candidate() -> None:
    class Drawing(FakeEngine):
        async def sample(self, request: Request) -> Any:
            engine = Scripted("4567"[request.index])
            async for chunk in engine.sample(request):
                yield chunk

    same = Pairwise("text", lambda a, b: (a, b) == ("4", "6"))
    strategy, read = CATALOG["best_of_n"].build(3), lambda _, text: text
    playing = run_all(strategy, [PROBLEM], Drawing(), extract=read, scorer=judge_of(), equality=same)
    [result] = calmly(playing)
    assert result.decision.answer == "5" and [s.confidence for s in result.decision.samples] == [0.0, 1.0, 0.0]


def test_strategies_that_draw_one_by_one_are_refused_with_the_way_out() -> None:
    for scorer in (judge_of(), SelfConsistency()):
        with pytest.raises(UnsupportedError, match="draws samples one after another, and the scorer compares samples"):
            play(CATALOG["esc"].build(8), [PROBLEM], FakeEngine(), scorer=scorer)  # type: ignore[arg-type]
    [result] = play(Vote("sc", 4), FakeEngine().problems(1), FakeEngine(), scorer=SelfConsistency())
    assert all(s.confidence is not None for s in result.decision.samples)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"opponents": 1}, "scorer.opponents must be at least 2, or null to compare all pairs, got 1"),
        ({"attempts": 0}, "scorer.attempts must be at least 1, got 0"),
    ],
)
def test_bad_input_gets_one_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        open_judge(engine={"kind": "fake"}, mode="pairwise", **options)
    with pytest.raises(InputError, match=r"scorer\.rubric must hold \{second\} or \{second_answer\}"):
        PairwiseJudge(Judging(), rubric="{first}")
