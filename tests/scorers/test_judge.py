"""A judge is a second model: it gets the rubric, its last number counts, and its tokens are charged to the sample."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strategies.vote import Vote
from tests.engines.cases import calmly, play
from tts.engines.base import Chunk, Request
from tts.engines.config import EngineConfig
from tts.engines.fake.engine import FakeEngine
from tts.engines.fake.kind import FakeKind
from tts.errors import EngineError, InputError
from tts.prompts import Prompt
from tts.scorers.config import open_scorer
from tts.scorers.judges.opening import open_judge
from tts.scorers.judges.pointwise import Judge, read_score
from tts.scorers.metered import MeteredEngine
from tts.types import End, Problem, Sample

PROBLEM = Problem("q", "What is 2 + 2?", "4")


class Scripted(FakeEngine):
    """An engine that answers with given replies in turn and remembers what it was asked."""

    def __init__(self, *replies: str) -> None:
        super().__init__()
        self.replies, self.asked = list(replies), list[str]()

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        self.asked.append(request.problem.question)
        request.meter.prompt += 10
        request.meter.drawn += 3
        yield Chunk(self.replies.pop(0) if len(self.replies) > 1 else self.replies[0], (1, 2, 3), end=End.STOP)


class ScriptedKind(FakeKind):
    """A kind of engine for configurations."""

    def load(self, config: EngineConfig, prompt: Prompt, notify: Callable[[str], None]) -> Any:
        return Scripted("Score: 80")


KIND = ScriptedKind()


def judged(judge: Scripted, *samples: Sample, **options: Any) -> tuple[list[float], MeteredEngine]:
    metered = MeteredEngine(None)
    return calmly(Judge(judge, **options).score(PROBLEM, samples, metered)).tolist(), metered


def test_the_judge_sees_question_work_and_answer_and_its_tokens_are_charged() -> None:
    judge = Scripted("Fine.\n**Score: 90**")
    scores, metered = judged(judge, Sample("2 + 2 = 4", "4"), Sample("hm"))
    assert scores == [0.9, 0.0]
    assert len(judge.asked) == 1 and "What is 2 + 2?" in judge.asked[0] and "Proposed answer: 4" in judge.asked[0]
    assert (metered.usage.scorer_prefill, metered.usage.scorer_decode) == (10, 3)


def test_it_is_asked_again_where_a_reply_holds_no_number() -> None:
    judge = Scripted("I cannot say", "Score: 25")
    assert judged(judge, Sample("4", "4"))[0] == [0.25]
    with pytest.raises(EngineError, match="must end with a number from 0 to 100, and wrote 'I cannot say'"):
        judged(Scripted("I cannot say"), Sample("4", "4"))


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        ("Score: 80", 80.0),
        ("<think>Score: 10?</think>The score is good.\nScore: 75.5", 75.5),
        ("**Score:** 60/100", 60.0),
        ("85", 85.0),
        ("Score: 400", None),
        ("It has 4 steps, and all of them are right.", None),
        ("<think>Score: 10", None),
    ],
)
def test_the_last_marked_number_counts(reply: str, number: float | None) -> None:
    assert read_score(reply) == number


def test_a_configuration_names_its_engine_and_its_rubric(tmp_path: Path) -> None:
    rubric = tmp_path / "rubric.txt"
    rubric.write_text("Is {answer} right? Score it.")
    engine = {"kind": "tests.scorers.test_judge:KIND", "max_tokens": 20}
    spec = {"name": "judge", "engine": engine, "rubric": str(rubric)}
    opened = open_scorer(spec, model="m", revision="", template="")
    assert opened.key["rubric"] == "Is {answer} right? Score it."
    assert opened.key["engine"]["temperature"] == 0.0 and opened.key["engine"]["max_tokens"] == 20  # type: ignore[index]
    [result] = play(Vote("sc", 2), [PROBLEM], FakeEngine(), scorer=opened.scorer)
    assert [s.confidence for s in result.decision.samples] == [0.8, 0.8]
    assert all(s.usage is not None and s.usage.scorer_decode == 3 for s in result.decision.samples)
    assert np.isfinite(result.decision.samples[0].confidence or 0.0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"engine": {"kind": "fake", "temprature": 0}}, "unknown key 'temprature'"),
        ({"engine": {"kind": "fake"}, "rubric": "none.txt"}, "none.txt: no such file"),
        ({"engine": {"kind": "fake"}, "attempts": 0}, "scorer.attempts must be at least 1, got 0"),
    ],
)
def test_bad_input_gets_one_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        open_judge(**options)


def test_a_rubric_without_an_answer_is_refused() -> None:
    with pytest.raises(InputError, match=r"scorer\.rubric must hold"):
        Judge(Scripted("1"), rubric="Score it")
