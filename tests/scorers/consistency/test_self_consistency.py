"""The self-consistency frequency is a share of the samples judged together."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts.engines.fake.engine import FakeEngine
from tts.scorers.base import Scorer
from tts.scorers.consistency.self_consistency import SelfConsistency, frequency
from tts.scorers.metered import MeteredEngine
from tts.types import Problem, Sample, Usage


@settings(deadline=None)
@given(st.lists(st.sampled_from(["1", "2", "3", None]), max_size=20))
def test_each_answer_gets_its_share_and_no_answer_gets_nothing(answers: list[str | None]) -> None:
    engine = MeteredEngine(FakeEngine())
    scorer = SelfConsistency()
    assert isinstance(scorer, Scorer)
    scores = asyncio.run(scorer.score(Problem("q", "?"), [Sample(answer=a) for a in answers], engine))
    assert scores.shape == (len(answers),)
    assert engine.usage == Usage()
    for answer, score in zip(answers, scores, strict=True):
        assert score == (0.0 if answer is None else answers.count(answer) / len(answers))
    by_answer = dict(zip(answers, scores, strict=True))
    assert sum(by_answer.values()) == pytest.approx(1 - answers.count(None) / len(answers) if answers else 0.0)


def test_labels_do_as_well_as_answers() -> None:
    assert frequency([0, 1, 0, None]).tolist() == [0.5, 0.25, 0.5, 0.0]
