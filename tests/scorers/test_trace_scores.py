"""Trace scores are what their papers define, by brute force, and are never made up."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts.engines.base import Capabilities
from tts.engines.fake.engine import FakeEngine, extract
from tts.errors import InputError, UnsupportedError
from tts.models.finece import OWNER
from tts.runtime.driver import Options, run_all
from tts.scorers.base import Calibrated, RawScorer, Scorer
from tts.scorers.calibration.maps import fit_map
from tts.scorers.metered import MeteredEngine
from tts.scorers.trace_scores import SIGNAL_SCORES, TRACE_SCORES, WINDOW, TraceScorer, scorer_name
from tts.types import Problem, Sample, Signals, Trace

ONE = Problem("q", "?")
VALUED = {OWNER: tuple(range(11))}
VALUES = st.lists(st.floats(0.0, 30.0), min_size=1, max_size=80)
WATCHED = st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), min_size=1, max_size=40)
GRACE = ("grace", "grace_min", "grace_step", "grace_mean")


def groups(values: list[float], window: int) -> list[float]:
    if len(values) <= window:
        return [sum(values) / len(values)]
    return [sum(values[i : i + window]) / window for i in range(len(values) - window + 1)]


def by_hand(name: str, values: list[float], window: int) -> float:
    if name == "deepconf_tail":
        last = values[-window:]
        return sum(last) / len(last)
    if name == "deepconf_lowest":
        return min(groups(values, window))
    if name == "deepconf_bottom10":
        ranked = sorted(groups(values, window))
        kept = ranked[: max(1, math.floor(len(ranked) / 10))]
        return sum(kept) / len(kept)
    if name == "leco":
        tokens = [math.exp(value) for value in values]
        ratios = [len(tokens) * p / sum(tokens) for p in tokens]
        divergence = max(0.0, sum(r * math.log(r) - r + 1 for r in ratios) / len(ratios))
        return sum(tokens) / len(tokens) + sum(tokens[:5]) / len(tokens[:5]) - math.log(divergence ** (1 / 3) + 1)
    total = sum(values)
    return {"total_logprob": total, "entropy": -total / len(values)}.get(name, total / len(values))


def sample(name: str, values: list[float]) -> Sample:
    if name in GRACE:
        return Sample("a", "1", trace=Trace(watched={7: tuple(values)}, steps=(False,) * len(values)))
    if name == "finece":
        return Sample("a", "1", trace=Trace(watched={token: tuple(values) for token in range(11)}, owners=VALUED))
    if name == "leco":
        return Sample("a", "1", trace=Trace(logprobs=tuple(values), steps=(False,) * len(values)))
    trace: dict[str, Any] = {TRACE_SCORES[name].column: tuple(values)}
    return Sample("a", "1", trace=Trace(**trace))


@pytest.mark.parametrize("name", SIGNAL_SCORES)
@settings(deadline=None)
@given(values=VALUES, window=st.integers(1, 100))
def test_each_score_is_its_definition(name: str, values: list[float], window: int) -> None:
    if TRACE_SCORES[name].column in ("logprobs", "leco"):
        values = [-v for v in values]
    raw = TRACE_SCORES[name].raw(sample(name, values), window=window)
    assert raw == pytest.approx(by_hand(name, values, window), abs=1e-9)
    natural = TRACE_SCORES[name].probability
    if natural is not None:
        assert 0.0 <= natural(raw) <= 1.0
        assert natural(raw) == pytest.approx(math.exp(raw), abs=1e-9)


@settings(deadline=None)
@given(drawn=WATCHED)
def test_the_confidence_token_is_read_at_the_last_token_and_where_steps_end(drawn: list[tuple[float, bool]]) -> None:
    values, steps = zip(*drawn, strict=True)
    whole = Sample(trace=Trace(watched={7: values, 3: (0.0,) * len(values)}, steps=steps))
    read = {name: TRACE_SCORES[name].raw(whole) for name in GRACE}
    ends = [i for i in range(len(values) - 1) if steps[i]]
    at = [values[i] for i in ends] + [values[-1]]
    assert read["grace"] == values[-1]
    assert read["grace_min"] == min(at)
    assert read["grace_mean"] == pytest.approx(sum(at) / len(at))
    assert read["grace_step"] == (values[ends[-1]] if ends else values[-1])
    for name in GRACE:
        natural = TRACE_SCORES[name].probability
        assert natural is not None and natural(read[name]) == read[name]
        assert TRACE_SCORES[name].raw(whole, token=3) == 0.0


def test_a_probed_value_is_the_confidence_at_the_end_and_nowhere_else() -> None:
    both = Sample(trace=Trace(watched={7: (0.2, 0.4)}, steps=(True, False), probe=0.9))
    assert [TRACE_SCORES[name].raw(both) for name in GRACE] == [0.9, 0.2, 0.2, pytest.approx(0.3)]
    assert TRACE_SCORES["grace"].raw(Sample(trace=Trace(probe=0.9))) == 0.9


@pytest.mark.parametrize("name", GRACE[1:])
@pytest.mark.parametrize("steps", [(), (True,)])
def test_step_ends_that_were_not_noted_are_not_made_up(name: str, steps: tuple[bool, ...]) -> None:
    with pytest.raises(UnsupportedError, match=rf"{name} reads the probability of a confidence token where steps end"):
        TRACE_SCORES[name].raw(Sample(trace=Trace(watched={7: (0.2, 0.4)}, steps=steps)))


def test_the_natural_probabilities_are_those_of_tokens() -> None:
    tokens = (0.5, 0.9, 0.2)
    drawn = Sample(trace=Trace(logprobs=tuple(map(math.log, tokens))))
    mean, total = (TRACE_SCORES[n] for n in ("mean_logprob", "total_logprob"))
    assert mean.probability is not None and total.probability is not None
    assert mean.probability(mean.raw(drawn)) == pytest.approx(np.prod(tokens) ** (1 / 3))
    assert total.probability(total.raw(drawn)) == pytest.approx(np.prod(tokens))


@pytest.mark.parametrize("name", TRACE_SCORES)
def test_a_trace_without_the_signal_is_refused_and_never_gets_a_number(name: str) -> None:
    others: dict[str, Any] = {c: (1.0,) for c in ("logprobs", "top", "entropy", "certainty")}
    others["watched"] = {7: (0.5,)}
    columns = {"leco": "logprobs", **dict.fromkeys(("confidence", "steps", "values"), "watched")}
    del others[columns.get(TRACE_SCORES[name].column, TRACE_SCORES[name].column)]
    for trace in (Trace(), Trace(steps=(True,), **others)):
        with pytest.raises(UnsupportedError, match=rf"trace score {name} reads .* and sample 3 has none: draw it with"):
            TRACE_SCORES[name].raw(Sample(index=3, trace=trace))
    with pytest.raises(UnsupportedError, match="expected a finite number"):
        TRACE_SCORES[name].raw(sample(name, [math.nan]))


def test_what_to_collect_follows_from_the_score() -> None:
    assert {name: TraceScorer(name, top=5).needs for name in SIGNAL_SCORES} == {
        "mean_logprob": Signals(logprobs=True),
        "total_logprob": Signals(logprobs=True),
        "entropy": Signals(entropy=True),
        "self_certainty": Signals(certainty=True),
        "leco": Signals(logprobs=True, steps=True),
        **{f"deepconf_{m}": Signals(top=5) for m in ("mean", "bottom10", "tail", "lowest")},
    }
    assert TraceScorer("deepconf_mean").needs == Signals(top=20)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"score": "logprob"}, "unknown trace score 'logprob': allowed are deepconf_bottom10"),
        ({"score": "grace_min"}, "unknown trace score 'grace_min': allowed are deepconf_bottom10"),
        ({"score": "deepconf_tail", "window": 0}, "window and top of at least 1, got 0 and 20"),
        ({"score": "deepconf_tail", "top": 0}, "window and top of at least 1, got 32 and 0"),
    ],
)
def test_a_scorer_that_means_nothing_is_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        TraceScorer(**given)


def test_a_name_stands_for_one_way_to_score() -> None:
    assert TraceScorer("deepconf_tail", window=7).name == "deepconf_tail(window=7)"
    assert TraceScorer("mean_logprob", window=7).name == scorer_name("mean_logprob") == "mean_logprob"
    assert scorer_name("deepconf_lowest") == f"deepconf_lowest(window={WINDOW})"
    assert scorer_name("frequency") == "frequency"
    assert [scorer_name(name, 7) for name in GRACE] == [
        "grace",
        "grace(reading=min)",
        "grace(reading=step)",
        "grace(reading=mean)",
    ]


def scored(scorer: Any, samples: list[Sample]) -> list[float]:
    return asyncio.run(scorer.score(ONE, samples, MeteredEngine(FakeEngine()))).tolist()


def test_a_calibration_reads_the_raw_score_and_not_the_probability() -> None:
    scorer = TraceScorer("mean_logprob")
    assert isinstance(scorer, Scorer) and isinstance(scorer, RawScorer)
    samples = [Sample(trace=Trace(logprobs=(v,))) for v in (-0.1, -2.0)]
    assert scored(scorer, samples) == pytest.approx([math.exp(-0.1), math.exp(-2.0)])
    seen: list[Any] = []
    scored(Calibrated(scorer, lambda raw: seen.append(raw.tolist()) or raw), samples)  # type: ignore[func-returns-value]
    assert seen == [[-0.1, -2.0]]
    fitted = fit_map("platt", [-0.1, -0.2, -2.0, -3.0], [True, True, False, False])
    assert scored(Calibrated(scorer, fitted), samples) == fitted([-0.1, -2.0]).tolist()


class Confident(FakeEngine):
    """The fake engine with made-up top-k confidences of 3 nats."""

    capabilities = Capabilities(watch_tokens=True, score_prefix=True, branch=True, top=20)

    async def sample(self, request: Any) -> Any:
        async for chunk in super().sample(request):
            top = (3.0,) * len(chunk.token_ids) if request.signals.top else ()
            yield type(chunk)(chunk.text, chunk.token_ids, Trace(chunk.trace.logprobs, {}, top), chunk.end)


def test_the_driver_takes_a_raw_score_only_when_calibrated() -> None:
    from strategies.catalog import CATALOG

    strategy, engine = CATALOG["grace_sc"].build(4), Confident()

    def play(scorer: Scorer) -> Any:
        problems = engine.problems(3)
        return asyncio.run(
            run_all(strategy, problems, engine, extract=extract, scorer=scorer, options=Options(concurrency=2))
        )

    with pytest.raises(UnsupportedError, match=r"gave 3\.0 .* calibrate raw scores first"):
        play(TraceScorer("deepconf_mean"))
    for scorer in (TraceScorer("mean_logprob"), Calibrated(TraceScorer("deepconf_mean"), lambda raw: raw / 10)):
        confidences = {s.confidence for r in play(scorer) for s in r.decision.samples}
        assert max(confidences) - min(confidences) < 1e-9
        assert max(confidences) == pytest.approx(0.3 if isinstance(scorer, Calibrated) else math.exp(-0.1))
    with pytest.raises(UnsupportedError, match="needs the 21 most probable tokens"):
        play(TraceScorer("deepconf_mean", top=21))


def test_value_tokens_are_not_taken_for_a_confidence_token() -> None:
    drawn = Sample(trace=Trace(watched={t: (0.5, 0.5) for t in range(11)}, steps=(True, False), owners=VALUED))
    for name in GRACE:
        with pytest.raises(UnsupportedError, match="has none: draw it with a GrACE model"):
            TRACE_SCORES[name].raw(drawn)
    assert TRACE_SCORES["finece"].raw(drawn) == pytest.approx(0.5)
