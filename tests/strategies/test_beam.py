"""Beams: the width and the budget hold, partial samples never vote, and every sample is accounted for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.beam import PrunedBeams
from strategies.pruning import (
    NoPruning,
    Pruner,
    Resample,
    TopK,
)
from strategies.stopping import Beta, Confident, Reservation
from strategies.weighting import Linear, LogOdds, Softmax, Uniform
from tests.strategies.beams.cases import (
    ANY,
    UNIT,
    paused_until_end,
    played,
)
from tests.strategies.cases import sizes
from tts.types import (
    END,
    STEP,
    TOKENS,
    Draw,
    End,
    Problem,
    Sample,
    Usage,
)


@sizes(quick=50, full=300)
def test_the_width_holds_the_budget_holds_and_every_sample_is_accounted_for(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(
        width=st.integers(1, 6),
        budget=st.integers(1, 9),
        positions=st.integers(1, 4),
        fork=st.booleans(),
        pruner=ANY,
        weighting=st.sampled_from([Linear(), Uniform(), Softmax(0.3), LogOdds(), LogOdds(0.5)]),
        bar=st.sampled_from([0.9, 1.0]),
        costs=st.booleans(),
        data=st.data(),
    )
    def check(
        width: int,
        budget: int,
        positions: int,
        fork: bool,
        pruner: Pruner,
        weighting: Any,
        bar: float,
        costs: bool,
        data: Any,
    ) -> None:
        ends = st.sampled_from([End.BOUNDARY, End.BOUNDARY, End.STOP, End.LENGTH, End.FAILED])
        whole = st.sampled_from([End.STOP, End.LENGTH, End.FAILED])
        out: list[Sample] = []
        waves: list[list[tuple[Draw, Sample]]] = []

        def reply(draw: Draw, number: int) -> Sample:
            end = data.draw(whole if draw.until == END else ends)
            before = draw.prefix.token_ids if draw.prefix else ()
            sample = Sample(
                text=f"{draw.prefix.text if draw.prefix else ''}{number} ",
                answer=None if end in (End.BOUNDARY, End.FAILED) else data.draw(st.sampled_from(["a", "b", None])),
                end=end,
                confidence=None if end is End.FAILED else data.draw(UNIT),
                index=number,
                token_ids=(*before, number),
                usage=Usage(delivered=1, scorer_prefill=len(before) * costs),
                given=len(before),
            )
            out.append(sample)
            if draw.prefix is None and (not waves or waves[-1][-1][0] is not draw):
                waves.append([])
            waves[-1].append((draw, sample))
            return sample

        stop = (Confident(bar),)
        strategy = PrunedBeams("x", width, budget, pruner, STEP, positions, fork, weighting, stop)
        decision, asked = played(strategy, reply)
        assert list(decision.samples) == out
        assert decision.usage is not None and decision.usage.delivered == len(out)
        ended = [s for s in out if s.end is not End.BOUNDARY]
        assert 1 <= len(ended) <= budget
        fired = [s for s in ended if s.answer is not None and s.confidence is not None and s.confidence > bar]
        if decision.reason == "confident":
            assert decision.answer == fired[0].answer
        else:
            assert decision.reason == "budget"
            assert not fired
            assert len(ended) == budget
            assert all(any(s.end is not End.BOUNDARY for _, s in wave) for wave in waves), (
                "at least one beam of each wave survived"
            )
        assert all(d.n >= 1 for d in asked)
        for wave in waves:
            depths = [s.text.count(" ") for _, s in wave]
            assert max(depths) <= positions + 1
            for level in range(1, max(depths) + 1):  # in play: those of this level, and those that ended before it
                here = [s for (_, s), depth in zip(wave, depths, strict=True) if depth == level]
                earlier = [s for (_, s), d in zip(wave, depths, strict=True) if d < level and s.end is not End.BOUNDARY]
                assert len(here) + len(earlier) <= width
                if fork and decision.reason == "budget":
                    assert len(here) + len(earlier) == wave[0][0].n
            for draw, _ in wave:
                assert draw.prefix is None or (draw.prefix in out and draw.prefix.end is End.BOUNDARY)
            if not fork:
                prefixes = [draw.prefix.text for draw, _ in wave if draw.prefix is not None]
                assert len(prefixes) == len(set(prefixes))
        assert decision.answer in ({s.answer for s in ended if s.answer is not None} or {None})
        assert decision.vote_share is None or 0.0 <= decision.vote_share <= 1.0

    check()


def test_survivors_share_the_free_beams_the_best_gets_the_rest_and_goes_first() -> None:
    def reply(draw: Draw, number: int) -> Sample:
        end = End.BOUNDARY if draw.prefix is None else End.STOP
        return Sample(str(number), None if draw.prefix is None else "a", end, confidence=number / 100)

    def asked(**options: Any) -> list[tuple[int, str | None]]:
        _, draws = played(PrunedBeams(width=5, budget=5, **options), reply)
        return [(d.n, d.prefix.text if d.prefix else None) for d in draws]

    assert asked(pruner=TopK(2)) == [(5, None), (3, "4"), (2, "3")]
    assert asked(pruner=TopK(2), fork=False)[:4] == [(5, None), (1, "4"), (1, "3"), (3, None)]
    assert asked(pruner=Resample(0.001)) == [(5, None), (5, "4")]


def test_waves_follow_until_the_budget_has_ended_and_the_last_one_is_smaller() -> None:
    decision, asked = played(PrunedBeams(width=4, budget=10, pruner=NoPruning(), max_checks=1), paused_until_end)
    assert [d.n for d in asked if d.prefix is None] == [4, 4, 2]
    assert sum(s.end is End.STOP for s in decision.samples) == 10
    decision, asked = played(PrunedBeams(width=4, budget=4, pruner=TopK(1), fork=False), paused_until_end)
    assert [d.n for d in asked if d.prefix is None] == [4, 3, 2, 1]


def test_after_the_last_position_survivors_are_drawn_to_their_end_and_nothing_is_given_up() -> None:
    for positions in (1, 3):
        strategy = PrunedBeams(width=2, budget=2, pruner=NoPruning(), until=TOKENS(5), max_checks=positions)
        decision, asked = played(strategy, paused_until_end)
        deepest = [[d.until for d in asked if (d.prefix is None) == first] for first in (True, False)]
        assert deepest[0] == [TOKENS(5)]
        assert deepest[1] == [TOKENS(5)] * 2 * (positions - 1) + [END] * 2
        assert (decision.answer, decision.reason) == ("a", "budget")


def test_a_partial_sample_never_votes_even_if_it_carries_an_answer() -> None:
    def reply(draw: Draw, number: int) -> Sample:
        if draw.prefix is None:
            return Sample("p", "wrong", End.BOUNDARY, confidence=1.0)
        return Sample("w", "right", confidence=0.1)

    decision, _ = played(PrunedBeams(width=3, stop=(Confident(0.5),)), reply)
    assert (decision.answer, decision.vote_share, decision.reason) == ("right", 1.0, "budget")


def test_a_rule_ends_the_question_in_the_middle_of_a_wave() -> None:
    sure = {2: 0.95, 3: 0.3, 4: 0.99, 5: 0.9}

    def reply(draw: Draw, number: int) -> Sample:
        if draw.prefix is None and number < 2:
            return Sample("p", None, End.BOUNDARY, 0.5, number)
        return Sample("w", f"answer {number}", End.STOP, sure.get(number, 0.4), number)

    by = {
        "two": replace(PrunedBeams(width=2, budget=6, pruner=NoPruning()), stop=(Confident(0.9),)),
        "three": replace(PrunedBeams(width=3, budget=6, pruner=NoPruning()), stop=(Beta(0.99), Confident(0.94))),
        "best": replace(PrunedBeams(width=2, budget=6, pruner=NoPruning()), stop=(Reservation(0.98),)),
    }
    decision, asked = played(by["two"], reply)  # the second survivor is never drawn on
    assert (decision.answer, decision.reason, len(decision.samples), len(asked)) == ("answer 2", "confident", 3, 2)
    decision, asked = played(by["three"], reply)  # a beam that ends early decides while two have paused
    assert (decision.answer, decision.reason, len(decision.samples), len(asked)) == ("answer 2", "confident", 3, 1)
    decision, _ = played(by["best"], reply)  # the second wave's first beam, and what was drawn with it
    assert (decision.reason, len(decision.samples)) == ("reservation", 6)
    assert decision.answer == "answer 4"


def test_failed_beams_use_up_budget_never_fork_and_it_ends_where_all_fail() -> None:
    def reply(draw: Draw, number: int) -> Sample:
        if number < 3:
            return Sample(end=End.FAILED, error="it broke")
        return Sample("t", "a" if draw.prefix else None, End.STOP if draw.prefix else End.BOUNDARY, confidence=0.5)

    decision, asked = played(PrunedBeams(width=4), reply)
    assert (decision.answer, decision.failed, len(asked)) == ("a", 3, 2)
    broken = PrunedBeams(width=2, budget=5)
    decision, asked = played(broken, lambda draw, number: Sample(end=End.FAILED, error="it broke"))
    assert (decision.answer, decision.failed, decision.reason) == (None, 5, "budget")
    assert decision.p_correct is None and decision.vote_share is None
    assert [d.n for d in asked] == [2, 2, 1]


@sizes(quick=40, full=100)
def test_p_correct_and_vote_share_lie_in_the_unit_interval_under_every_weighting(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(
        confidence=st.lists(UNIT, min_size=1, max_size=6),
        weighting=st.sampled_from([Linear(), LogOdds(), LogOdds(0.5)]),
    )
    def check(confidence: list[float], weighting: Any) -> None:
        def reply(draw: Draw, number: int) -> Sample:
            return Sample("t", "ab"[number % 2], confidence=confidence[number])

        n = len(confidence)
        decision, _ = played(PrunedBeams(width=n, budget=n, weighting=weighting), reply)
        assert decision.answer is not None
        assert (decision.vote_share is None) == (weighting == Linear() and sum(confidence) == 0.0)
        assert decision.vote_share is None or 0.0 <= decision.vote_share <= 1.0
        assert (decision.p_correct is None) == (not weighting.signed)
        assert decision.p_correct is None or 0.0 <= decision.p_correct <= 1.0

    check()


def test_resampling_depends_on_the_problem_and_the_position_and_on_nothing_else() -> None:
    strategy = PrunedBeams(width=5, budget=5, pruner=Resample(0.5), max_checks=4)

    def reply(draw: Draw, number: int) -> Sample:
        return replace(paused_until_end(draw, number), confidence=number % 7 / 7)

    def forks(name: str) -> list[tuple[int, int | None]]:
        _, asked = played(strategy, reply, Problem(name, "?"))
        return [(d.n, d.prefix.index if d.prefix else None) for d in asked]

    assert forks("q") == forks("q")
    assert len({tuple(forks(f"q{k}")) for k in range(8)}) > 1


def test_a_wave_may_begin_more_beams_than_live_on() -> None:
    """Begun 6 a wave of 2: the first position keeps no more than 2, and the last, smaller wave begins 3."""

    def reply(draw: Draw, number: int) -> Sample:
        end = End.BOUNDARY if draw.prefix is None else End.STOP
        return Sample("x", "a" if end is End.STOP else None, end, confidence=number / 100, index=number)

    strategy = PrunedBeams(width=2, start_width=6, budget=3, pruner=NoPruning(), fork=False)
    decision, asked = played(strategy, reply)
    assert [(d.n, d.prefix.index if d.prefix else None) for d in asked] == [
        (6, None),
        (1, 5),
        (1, 4),
        (3, None),
        (1, 10),
    ]
    assert sum(s.end is End.STOP for s in decision.samples) == 3
