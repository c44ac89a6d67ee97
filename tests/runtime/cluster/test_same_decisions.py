"""Strategies of the catalogue on leased questions decide as in one process, whatever dies or moves."""

from __future__ import annotations

import random
from collections.abc import Generator

import pytest

from strategies.catalog import CATALOG
from tts.runtime.cluster.lease import Lease, LeaseOptions, Report
from tts.runtime.cluster.leases import Leases
from tts.strategy import Strategy
from tts.types import Decision, Draw, Problem, Sample

QUESTIONS = [f"q{i}" for i in range(12)]


def draw(question: str, index: int) -> Sample:
    """The sample of a number: a pure function of question and number, as an engine's noise is."""
    dice = random.Random(f"{question} {index}")
    return Sample(
        answer=dice.choice(["1", "1", "2", "3"] if question > "q4" else ["1", "1", "1", "1", "2"]), index=index
    )


class Play:
    """A strategy on one question, from its committed samples on."""

    def __init__(self, strategy: Strategy, question: str, committed: int) -> None:
        self.question, self.decision, self.drawn = question, None, 0
        self._steps: Generator[Draw, list[Sample], Decision] = strategy.run(Problem(question, question))
        self._asked = next(self._steps).n
        self.decision: Decision | None = None
        while self.drawn < committed:
            self.step()

    def step(self) -> None:
        samples = [draw(self.question, self.drawn + i) for i in range(self._asked)]
        self.drawn += self._asked
        try:
            self._asked = self._steps.send(samples).n
        except StopIteration as stop:
            self.decision = stop.value


def plain(strategy: Strategy) -> dict[str, Decision | None]:
    plays = {question: Play(strategy, question, 0) for question in QUESTIONS}
    for play in plays.values():
        while play.decision is None:
            play.step()
    return {question: play.decision for question, play in plays.items()}


@pytest.mark.parametrize("name", ["self_consistency", "adaptive_consistency", "esc"])
@pytest.mark.parametrize("seed", range(4))
def test_decisions_are_those_of_one_process(name: str, seed: int) -> None:
    strategy, dice = CATALOG[name].build(16), random.Random(seed)
    leases = Leases(QUESTIONS, options=LeaseOptions(worker_deaths=1000, move_margin=0.9))
    incarnations = {"a": 1, "b": 1, "c": 1}
    plays: dict[str, dict[Lease, Play]] = {worker: {} for worker in incarnations}
    pool: dict[str, set[object]] = {question: set() for question in QUESTIONS}
    decisions: dict[str, Decision | None] = {}
    for worker in incarnations:
        leases.join(worker, 1, 3, 0.0)
    for turn in range(4000):
        worker, now = dice.choice("abc"), turn * 0.25
        inc = incarnations[worker]
        if dice.random() < 0.02:
            leases.died(worker, inc)
            plays[worker] = {}
            incarnations[worker] = inc = inc + 1
            leases.join(worker, inc, 3, now)
        orders = leases.orders(worker, inc, now)
        news = []
        for recall in orders.recalls:
            if plays[worker].pop(recall, None) is not None:
                news.append(Report(recall.question, recall.number, released=True))
        for grant in orders.grants:
            plays[worker][grant] = Play(strategy, grant.question, len(leases.keys(grant)))
        for lease, play in [*plays[worker].items()][:3]:
            before = play.drawn
            if play.decision is None:
                play.step()
            done = None if play.decision is None else range(play.drawn)
            news.append(Report(lease.question, lease.number, range(before, play.drawn), done))
        for accepted in leases.accept(worker, inc, news, now):
            assert not pool[accepted.question] & set(accepted.keys)
            pool[accepted.question].update(accepted.keys)
            if accepted.decided:
                (lease,) = (one for one in plays[worker] if one.question == accepted.question)
                decisions[accepted.question] = plays[worker].pop(lease).decision
        if not leases.left:
            break
    assert not leases.failed and decisions == plain(strategy)
    assert {q: len(keys) for q, keys in pool.items()} == {q: len(d.samples) for q, d in decisions.items() if d}
