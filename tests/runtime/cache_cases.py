"""A sample cache in memory, and strategies that draw through it."""

from __future__ import annotations

from typing import Any

from tests.engines.cases import (
    PassScorer,
    calmly,
    said,
)
from tts.engines.fake.engine import FakeEngine, extract
from tts.runtime.driver import Options, Result, run_all
from tts.scorers.watched import WatchedScorer
from tts.types import END, Boundary, Problem, Sample, Signals

ONE = Problem("q", "?", "a")


class Notes:
    """A cache in a dictionary that knows what it was told and asked."""

    forks = False

    def __init__(self, samples: dict[Any, Sample] | None = None) -> None:
        self.samples = dict(samples or {})
        self.put_order: list[tuple[str, str, int]] = []

    def get(self, problem: Problem, index: int, until: Boundary = END) -> Sample | None:
        return self.samples.get((problem.id, until.kind, index))

    def put(self, problem: Problem, sample: Sample, until: Boundary = END) -> None:
        key = (problem.id, until.kind, sample.index)
        assert until.kind != "end" or key not in self.samples, "kept twice"
        self.samples[key] = sample
        self.put_order.append(key)

    def put_score(self, problem: Problem, sample: Sample) -> None:
        self.samples[problem.id, "end", sample.index] = sample

    put_trace = put_score

    def decided(self, problem: Problem) -> None:
        del problem


def play(strategy: Any, problems: Any, engine: Any, cache: Any, **options: Any) -> list[Result]:
    read = extract if isinstance(engine, FakeEngine) else said
    scorer, signals = options.pop("scorer", None), options.pop("signals", Signals())
    settings = Options(**{"backoff_s": 0.0, **options})
    return calmly(
        run_all(strategy, problems, engine, extract=read, scorer=scorer, options=settings, signals=signals, cache=cache)
    )


def decided(results: list[Result]) -> list[Any]:
    return [
        (
            r.problem.id,
            r.decision.answer,
            r.decision.p_correct,
            r.decision.vote_share,
            r.decision.reason,
            r.decision.samples,
            r.decision.usage,
        )
        for r in results
    ]


SCORERS: dict[str, Any] = {"none": None, "watched": WatchedScorer(), "pass": PassScorer()}
