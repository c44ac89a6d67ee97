"""Backward Confidence Integration is equation 5 over futures that are drawn anew, each token of them charged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scorers.integration.cases import PROMPT, SEGMENT, Table, TreeEngine, begun, confidence, equation_5, judged
from tests.support.examples import examples
from tts.engines.base import Capabilities
from tts.errors import InputError, UnsupportedError
from tts.scorers.base import Scorer
from tts.scorers.controls import ConstantScorer, OracleScorer
from tts.scorers.integration import Integrated, integrate
from tts.scorers.metered import ROLLOUTS
from tts.types import (
    ENTROPY_ABOVE,
    STEP,
    TOKENS,
    End,
    Problem,
    Signals,
    Usage,
)


@settings(max_examples=examples(60), deadline=None)
@given(
    width=st.integers(1, 3),
    depth=st.integers(1, 3),
    alpha=st.floats(0, 1),
    ends=st.lists(st.sampled_from([End.BOUNDARY, End.STOP, End.LENGTH]), max_size=4),
    finished=st.sets(st.text("012", min_size=1, max_size=3), max_size=12),
)
def test_it_is_equation_5(width: int, depth: int, alpha: float, ends: list[End], finished: set[str]) -> None:
    done = [letter + path for letter in "abcd" for path in finished]
    samples = [begun("abcd"[i], i, end) for i, end in enumerate(ends)]
    engine, table = TreeEngine(done), Table()
    values, _ = judged(Integrated(table, width=width, depth=depth, alpha=alpha), samples, engine)
    expected = [
        equation_5(s.text, s.end is End.BOUNDARY, w=width, left=depth, alpha=alpha, finished=done) for s in samples
    ]
    assert values == pytest.approx(expected, abs=1e-12)
    assert all(0.0 <= value <= 1.0 for value in values)
    assert len(table.calls) <= depth + 1  # one a level
    assert [s.text for call in table.calls[1:] for s in call] == sorted(engine.texts, key=lambda t: (len(t), t))
    numbers = [request.index for request in engine.requests]
    assert len(set(numbers)) == len(numbers) and all(number >= ROLLOUTS for number in numbers)


@pytest.mark.parametrize(("width", "depth", "segments"), [(2, 1, 2), (1, 4, 4), (3, 2, 12), (2, 3, 14)])
def test_each_partial_sample_costs_the_sum_of_the_powers_of_the_width(width: int, depth: int, segments: int) -> None:
    samples = [begun("a", 0), begun("b", 5), begun("c", 6, End.STOP)]
    engine = TreeEngine()
    _, usage = judged(Integrated(Table(), width=width, depth=depth, alpha=0.5), samples, engine)
    assert len(engine.requests) == 2 * segments
    assert engine.most == 2 * width**depth  # a level is drawn at once
    read = sum(PROMPT + 1 + len(request.prefix.token_ids) for request in engine.requests if request.prefix)
    assert usage == Usage(scorer_prefill=read, scorer_decode=2 * segments * SEGMENT)


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_a_single_path_is_smoothed_from_its_future(depth: int, alpha: float) -> None:
    [value], _ = judged(Integrated(Table(), width=1, depth=depth, alpha=alpha), [begun("a")], TreeEngine())
    path = [confidence("a" + "0" * i) for i in range(depth + 1)]
    smoothed = sum(alpha * (1 - alpha) ** i * path[i] for i in range(depth)) + (1 - alpha) ** depth * path[depth]
    assert value == pytest.approx(smoothed, abs=1e-12)


def test_levels_fold_back_onto_their_parents() -> None:
    levels = [np.array([0.2, 0.4, 0.6]), np.array([0.1, 0.3, 0.5]), np.array([1.0, 0.0, 0.8])]
    parents = [np.array([0, 0, 2]), np.array([1, 1, 2])]
    first = [0.1, 0.5 * 0.3 + 0.5 * 0.5, 0.5 * 0.5 + 0.5 * 0.8]
    expected = [0.5 * 0.2 + 0.5 * (first[0] + first[1]) / 2, 0.4, 0.5 * 0.6 + 0.5 * first[2]]
    assert integrate(levels, parents, 0.5).tolist() == pytest.approx(expected)
    assert integrate([np.array([0.2])], [], 0.5).tolist() == [0.2]
    assert integrate([np.zeros(0)], [], 0.5).tolist() == []


def test_no_width_and_no_depth_draw_nothing() -> None:
    samples = [begun("a"), begun("b", 1, End.STOP)]
    values, usage = judged(Integrated(Table(), width=0, depth=0, alpha=0.5), samples, None)
    assert (values, usage) == ([confidence("a"), confidence("b")], Usage())


def test_finished_samples_need_no_engine_and_partial_ones_do() -> None:
    scorer = Integrated(Table(), width=2, depth=2, alpha=0.5)
    assert judged(scorer, [begun("a", 0, End.STOP)], None) == ([confidence("a")], Usage())
    assert judged(scorer, [], TreeEngine())[0] == []
    with pytest.raises(UnsupportedError, match="there is no model here"):
        judged(scorer, [begun("a")], None)

    class Straight(TreeEngine):
        capabilities = Capabilities()

    with pytest.raises(UnsupportedError, match="this engine cannot continue a text"):
        judged(scorer, [begun("a")], Straight())


def test_it_says_what_it_is() -> None:
    scorer = Integrated(Table(), width=2, depth=1, alpha=0.5)
    assert isinstance(scorer, Scorer) and scorer.judges_prefixes
    assert (scorer.name, scorer.needs) == ("table+bci(w=2,d=1,alpha=0.5)", Table.needs)
    assert scorer.key == {"of": "texts", "bci": {"width": 2, "depth": 1, "alpha": 0.5, "until": ["step", 0.0, 1]}}
    unsure = Integrated(ConstantScorer(), width=2, depth=1, alpha=0.5, until=ENTROPY_ABOVE(1.5))
    assert (unsure.name, unsure.needs) == (
        "constant+bci(w=2,d=1,alpha=0.5,until=entropy_above:1.5:1)",
        Signals(entropy=True),
    )
    others = [Integrated(Table(), width=2, depth=1, alpha=a, until=u) for a in (0.5, 0.6) for u in (STEP, TOKENS(30))]
    assert len({other.name for other in others}) == len({str(other.key) for other in others}) == 4


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"width": 2, "depth": 0}, "needs width and depth >= 1, or both 0 .* got width 2 and depth 0"),
        ({"width": 0, "depth": 1}, "got width 0 and depth 1"),
        ({"width": -1, "depth": -1}, "got width -1 and depth -1"),
        ({"alpha": 1.01}, r"needs alpha in \[0, 1\], got 1.01"),
        ({"alpha": math.nan}, "got nan"),
        ({"scorer": OracleScorer()}, "needs a scorer of partial samples, and oracle judges whole samples only"),
    ],
)
def test_what_means_nothing_is_refused_in_one_sentence(options: dict[str, Any], sentence: str) -> None:
    given = {"scorer": Table(), "width": 1, "depth": 1, "alpha": 0.5, **options}
    with pytest.raises(InputError, match=sentence) as caught:
        Integrated(given.pop("scorer"), **given)
    assert "\n" not in str(caught.value)


def test_a_scorer_that_gives_another_number_of_scores_is_refused() -> None:
    class Short(Table):
        async def score(self, problem: Problem, samples: Any, engine: Any) -> Any:
            return np.zeros(1)

    with pytest.raises(UnsupportedError, match=r"Short gave scores of shape \(1,\) for 2 samples of problem 'q'"):
        judged(Integrated(Short(), width=1, depth=1, alpha=0.5), [begun("a"), begun("b", 1)], TreeEngine())
