"""The verifier on the fake engine: reading, drawing, and abstentions."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from tts.agent import terms
from tts.agent.terms import Terms
from tts.agent.verdict import Verdict
from tts.agent.verifier import Verifier
from tts.engines.base import Request
from tts.engines.fake.engine import FakeEngine, Latency, extract
from tts.engines.loop import LOOP
from tts.engines.streams import collected
from tts.errors import EngineError, InputError, UnsupportedError
from tts.runtime.options import Options
from tts.runtime.runner import Runner
from tts.scorers.calibration.calibration_file import Provenance
from tts.scorers.calibration.maps import CalibrationMap
from tts.scorers.calibration.promise_file import Promise
from tts.scorers.calibration.reference import Reference
from tts.scorers.consistency.self_consistency import SelfConsistency
from tts.scorers.watched import WatchedScorer
from tts.types import Problem, Usage

QUESTION = "What is number 3 ?"
RIGHT = "step 0 slip 0 \nstep 1 slip 0 \nstep 2 slip 0 \nstep 3 slip 0 \n#### 0"
WRONG = "step 0 slip 0 \nstep 1 slip 2 \nstep 2 slip 2 \nstep 3 slip 2 \n#### 2"


class ZeroGold(FakeEngine):
    """Every question's right answer is 0."""

    def truth(self, problem: Problem, text: str) -> float:
        return super().truth(replace(problem, gold="0"), text)


def promise(threshold: float, how: str = "read") -> Promise:
    return Promise(0.1, 0.1, threshold, how, 400, 0.5, Provenance("fake", "watched"), Reference((0.5,), (-0.1,)))


def verifier(engine: FakeEngine | None = None, **options: object) -> Verifier:
    return Verifier(engine or ZeroGold(), WatchedScorer(), extract=extract, **options)  # type: ignore[arg-type]


def test_a_text_with_its_working_is_read_in_one_pass() -> None:
    engine = ZeroGold()
    good, bad = verifier(engine).score_many([(QUESTION, RIGHT), (QUESTION, WRONG)])
    assert (good.how, good.score, good.answer, good.reason) == ("read", 1.0, "0", "one pass")
    assert (bad.how, bad.score, bad.answer) == ("read", 0.0, "2")
    assert good.p_correct is None is good.accept
    assert (good.promise, good.calibrated) == ("none", False)
    assert engine.drawn == 0
    assert good.usage == Usage(scorer_prefill=engine.scored // 2)
    assert str(good) == "0: score 1.000, uncalibrated by read"


def test_a_bare_answer_is_checked_by_draws() -> None:
    engine = ZeroGold()
    judge = verifier(engine)
    right, wrong = judge.score_many([(QUESTION, "0"), (QUESTION, "#### 17")])
    assert right.how == wrong.how == "draw(8)"
    assert right.score is not None
    assert wrong.score is not None
    assert right.score > 0.8 > 0.2 > wrong.score
    assert right.p_correct is None
    assert judge.runner.spent.generated == engine.drawn
    assert right.usage + wrong.usage == judge.runner.spent


def test_draws_check_the_answer_of_a_text_and_none_read_a_bare_answer() -> None:
    judge = verifier()
    assert judge.score(QUESTION, RIGHT, draws=4).how == "draw(4)"
    assert judge.score(QUESTION, "#### 0", draws=0).how == "read"


def test_the_same_call_gives_the_same_verdict_by_other_draws_than_those_that_answered() -> None:
    engine = ZeroGold()
    judge = verifier(engine)
    first, again = (judge.score(QUESTION, "0") for _ in range(2))
    assert replace(first, usage=Usage()) == replace(again, usage=Usage())
    assert first.usage.delivered == again.usage.delivered
    seen: list[str] = []
    original = engine.sample

    def sample(request: Request):  # type: ignore[no-untyped-def]
        seen.append(request.problem.id)
        return original(request)

    engine.sample = sample  # type: ignore[method-assign]
    judge.score(QUESTION, "0")
    assert {name.startswith("check-") for name in seen} == {True}


@pytest.mark.parametrize("text", ["", " ", "no number here", "half of\nit"])
def test_a_text_without_an_answer_is_an_abstention(text: str) -> None:
    promised = Terms("read", promise=promise(0.5))
    for judge, accept in ((verifier(), None), (verifier(read=promised), False)):
        verdict = judge.score(QUESTION, text)
        assert verdict.abstained
        assert verdict.reason == "no answer can be read from the text"
        assert (verdict.p_correct, verdict.score, verdict.answer, verdict.accept) == (None, None, None, accept)
        assert verdict.usage == Usage()
        assert "abstained" in str(verdict)


def test_a_calibration_gives_a_probability_and_a_promise_an_acceptance() -> None:
    known = Terms("read", calibration=CalibrationMap("platt", (2.0, -1.0)), promise=promise(0.5))
    good, bad = verifier(read=known).score_many([(QUESTION, RIGHT), (QUESTION, WRONG)])
    assert (good.score, good.accept, good.promise, good.calibrated) == (1.0, True, "kept", True)
    assert good.p_correct == pytest.approx(1 / (1 + 2.718281828**-1.0))
    assert (bad.score, bad.accept) == (0.0, False)
    drawn = verifier(read=known).score(QUESTION, "0")
    assert (drawn.p_correct, drawn.accept, drawn.promise) == (None, None, "none")
    known = Terms("", calibration=CalibrationMap("platt", (2.0, -1.0)))
    assert verifier(draw=known).score(QUESTION, "0").p_correct is not None
    assert verifier(draw=known).score(QUESTION, "0", draws=3).p_correct is None


def test_the_alarm_sees_each_question_once_and_voids_the_promise_with_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(terms.LOG, "warning", lambda line, *values: lines.append(line % values))
    reference = Reference(tuple(k / 1000 for k in range(200)), (-0.1,) * 200)
    judge = verifier(promise=replace(promise(0.5), reference=reference))
    judge.score_many([(QUESTION, RIGHT)] * 50)
    assert judge.metrics["read"]["seen"] == 1
    verdicts = judge.score_many([(f"What is number {number} ?", RIGHT) for number in range(60)])
    states = [verdict.promise for verdict in verdicts]
    fired = states.index("void")
    assert 2 < fired < 40
    assert states == ["kept"] * fired + ["void"] * (60 - fired)
    assert {verdict.accept for verdict in verdicts} == {True}
    [line] = lines
    assert line.startswith("the promise for read is void")
    assert judge.metrics["read"]["void"] == 1.0


def test_a_text_unlike_the_reference_is_an_abstention() -> None:
    like = Terms("read", reference=Reference((), tuple(-0.2 + k / 1000 for k in range(100))))
    unlike = Terms("read", reference=Reference((), tuple(-0.09 + k / 1000 for k in range(80))))
    assert verifier(read=like).score(QUESTION, RIGHT).score == 1.0
    verdict = verifier(read=unlike).score(QUESTION, RIGHT)
    assert verdict.abstained
    assert "unlike" in verdict.reason
    assert "-0.10 a token" in verdict.reason
    assert verdict.usage.scorer_prefill


def test_promises_are_for_the_way_that_they_name() -> None:
    both = verifier(promise=[promise(0.5), promise(0.9, "draw(4)")], draws=4)
    assert (both.score(QUESTION, RIGHT).accept, both.score(QUESTION, RIGHT).promise) == (True, "kept")
    assert (both.score(QUESTION, "99").accept, both.score(QUESTION, "99").how) == (False, "draw(4)")
    assert both.score(QUESTION, "99", draws=2).promise == "none"
    with pytest.raises(InputError, match=r"a promise for draw\(4\) does not hold for read or draw\(8\)"):
        verifier(promise=promise(0.9, "draw(4)"))


def test_a_check_whose_time_was_up_is_not_let_through() -> None:
    engine = ZeroGold(skill=0.8, latency=Latency(tick_s=0.01))
    verdict = verifier(engine, promise=promise(0.0, "draw(500)"), draws=500).score(QUESTION, "0", time_limit_s=0.5)
    assert verdict.reason.startswith("time_limit")
    assert (verdict.p_correct, verdict.accept) == (None, False)
    assert verdict.promise == ("kept" if verdict.abstained else "void")


@pytest.mark.parametrize(
    ("question", "answer", "message"),
    [
        ("", "7", "a question must be text, got nothing"),
        (7, "7", "a question must be text, got int"),
        (QUESTION, 7, "an answer must be text, got int"),
        ("a\ud800", "7", "the question holds half of a character"),
        (QUESTION, "7\udfff", "the answer holds half of a character"),
    ],
)
def test_what_is_no_text_is_one_sentence(question: object, answer: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        verifier().score(question, answer)  # type: ignore[arg-type]


@pytest.mark.parametrize("draws", [-1, 1.5, True, "4"])
def test_a_number_of_draws_is_a_whole_number(draws: object) -> None:
    with pytest.raises(InputError, match="draws must be a whole number"):
        verifier().score(QUESTION, RIGHT, draws=draws)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="pair 1 must be"):
        verifier().score_many([(QUESTION, RIGHT), "ab"])  # type: ignore[list-item]


def test_failures_of_the_engine_are_errors_and_are_charged() -> None:
    engine = FakeEngine(fails=lambda request: True)
    judge = verifier(engine, runner=Runner(engine, options=Options(retries=1, backoff_s=0)))
    with pytest.raises(EngineError, match="every draw failed"):
        judge.score(QUESTION, "0")
    assert judge.runner.spent.aborted > 0


def test_time_that_is_up_is_an_abstention() -> None:
    slow = ZeroGold(latency=Latency(tick_s=0.05))
    for answer in ("0", RIGHT):
        verdict = verifier(slow).score(QUESTION, answer, time_limit_s=0.01)
        assert verdict.abstained
        assert verdict.reason == "time_limit: the time was up before there was a score"
    with pytest.raises(InputError, match="time_limit_s must be above 0"):
        verifier().score(QUESTION, "0", time_limit_s=0.0)


def test_a_verifier_serves_threads_and_running_loops() -> None:
    judge = verifier()
    found: list[object] = []

    async def inside() -> None:
        found.append(judge.score(QUESTION, RIGHT).score)
        found.append((await judge.ascore(QUESTION, RIGHT)).score)
        found.extend(v.score for v in await judge.ascore_many([(QUESTION, RIGHT)] * 3))
        found.append((await judge.ascore_steps(QUESTION, RIGHT))[-1].score)

    threads = [threading.Thread(target=lambda: found.append(judge.score(QUESTION, RIGHT).score)) for _ in range(4)]
    for thread in threads:
        thread.start()
    asyncio.run(inside())
    for thread in threads:
        thread.join()
    assert found == [1.0] * 10


def test_without_a_scorer_or_with_one_that_compares_answers_are_checked_by_draws() -> None:
    for scorer in (None, SelfConsistency()):
        judge = Verifier(ZeroGold(), scorer, extract=extract)
        verdict = judge.score(QUESTION, RIGHT)
        assert verdict.how == "draw(8)"
        assert verdict.score is not None
        with pytest.raises(InputError, match="draws=0"):
            judge.score(QUESTION, RIGHT, draws=0)
        with pytest.raises(UnsupportedError, match="steps"):
            judge.score_steps(QUESTION, RIGHT)


def test_steps_have_the_confidence_of_the_pass_that_drew_them() -> None:
    engine = FakeEngine(noise=0.0)
    problem = FakeEngine.problems(1)[0]
    judge = Verifier(engine, WatchedScorer(), extract=extract)
    request = Request(problem, 0, signals=WatchedScorer().needs)
    drawn = LOOP.run(collected(engine, replace(request, signals=replace(request.signals, steps=True))))
    steps = judge.score_steps(problem.question, drawn.text)
    assert [step.step for step in steps] == drawn.text.split("\n")
    assert len(steps) == 5
    partial = judge.score_steps(problem.question, drawn.text[: drawn.text.index("\n") + 1])
    assert [step.step for step in partial] == [drawn.text.split("\n")[0]]
    assert judge.score_steps(problem.question, "") == []


def test_one_call_with_many_bare_answers_does_not_overrun_the_runner() -> None:
    engine = ZeroGold()
    judge = verifier(engine, runner=Runner(engine, max_questions=4, max_waiting=60), draws=1)
    verdicts = judge.score_many([(f"What is number {number} ?", "0") for number in range(200)])
    assert {verdict.how for verdict in verdicts} == {"draw(1)"}
    assert judge.runner.spent.generated == engine.drawn


def test_an_engine_that_reads_no_texts_checks_every_answer_by_draws() -> None:
    engine = ZeroGold()
    engine.capabilities = replace(FakeEngine.capabilities, reads=frozenset())  # type: ignore[misc]
    assert verifier(engine).score(QUESTION, RIGHT).how == "draw(8)"
    with pytest.raises(InputError, match="draws=0"):
        verifier(engine).score(QUESTION, RIGHT, draws=0)


def test_parameters_of_calls_at_the_same_time_do_not_mix() -> None:
    calls = [("0", 2), ("0", 5), (RIGHT, 0), ("17", 3), (WRONG, None), (RIGHT, 4)]
    alone = [verifier().score(f"What is number {n} ?", text, draws=draws) for n, (text, draws) in enumerate(calls)]
    judge = verifier()

    async def together() -> list[Verdict]:
        asked = enumerate(calls * 3)
        return await asyncio.gather(
            *(judge.ascore(f"What is number {n % 6} ?", text, draws=draws) for n, (text, draws) in asked)
        )

    for one, other in zip(asyncio.run(together()), alone * 3, strict=True):
        assert replace(one, usage=Usage()) == replace(other, usage=Usage())


def test_a_question_may_be_a_problem() -> None:
    problem = Problem("mine", QUESTION, "0")
    judge = verifier(FakeEngine())
    read, drawn = judge.score_many([(problem, RIGHT), (problem, "0")])
    assert (read.score, drawn.how) == (1.0, "draw(8)")
    assert judge.score_steps(problem, RIGHT)[-1].score == 1.0
