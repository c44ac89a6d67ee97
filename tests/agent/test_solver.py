"""The solver: one open model for questions from scripts, threads and running event loops, with limits that hold."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import tts
from tts.agent.config import AgentConfig
from tts.config import load_config
from tts.engines.sampling import SamplingChange
from tts.errors import BusyError, InputError
from tts.types import Problem

FAKE = {"kind": "fake", "model": "fake", "strategy": "esc", "budget": 12}
QUESTION = "What is 3 + 4?"


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    tts.close()


def test_one_solver_answers_in_a_script_a_thread_and_a_running_loop() -> None:
    solver = tts.Solver.open(**FAKE)
    found = [solver.solve(QUESTION)]
    thread = threading.Thread(target=lambda: found.append(solver.solve(QUESTION)))
    thread.start()
    thread.join()

    async def inside() -> None:
        found.append(solver.solve(QUESTION))
        found.extend(await asyncio.gather(*(solver.asolve(QUESTION) for _ in range(3))))

    asyncio.run(inside())
    assert len({(answer.answer, answer.usage.delivered) for answer in found}) == 1 and len(found) == 6
    assert found[0].accept is None and found[0].promise == "none" and found[0].stopped_by in ("unanimous", "budget")


def test_solvers_of_one_model_share_its_runner_and_its_ledger() -> None:
    one, two = tts.Solver.open(**FAKE), tts.Solver.open(**{**FAKE, "strategy": "adaptive_consistency"})
    assert one.parts.runner is two.parts.runner
    spent = one.solve(QUESTION).usage + two.solve("What is 5 + 5?").usage
    assert one.parts.runner.spent == spent
    assert tts.Solver.open(**FAKE, max_questions=3).parts.runner is not one.parts.runner


def test_a_question_out_of_time_has_the_answer_of_the_samples_that_are_ready() -> None:
    solver = tts.Solver.open(**{**FAKE, "budget": 5000, "strategy": "self_consistency"}, token_delay_s=0.001)
    found = solver.solve(QUESTION, time_limit_s=1.5)
    assert found.stopped_by == "time_limit" and 0 < len(found.samples) < 5000 and found.answer is not None


def test_a_question_has_its_own_sampling_parameters() -> None:
    solver = tts.Solver.open(**FAKE)
    usual, other = solver.solve(QUESTION), solver.solve(QUESTION, sampling=SamplingChange(seed=7))
    assert [s.text for s in usual.samples] != [s.text for s in other.samples]
    named = solver.solve(Problem("mine", QUESTION, "7"))
    assert [s.text for s in named.samples] != [s.text for s in usual.samples]


def test_more_questions_than_may_wait_are_refused_and_the_others_answered() -> None:
    solver = tts.Solver.open(**FAKE, max_questions=1, max_waiting=1, token_delay_s=0.002)

    async def many() -> list[object]:
        return await asyncio.gather(*(solver.asolve(f"What is {n} + 1?") for n in range(4)), return_exceptions=True)

    found = asyncio.run(many())
    assert [isinstance(one, BusyError) for one in found] == [False, False, True, True]


def test_paths_beside_a_file_start_from_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text("promise: {solve: p.json}\ncalibration: {read: /c.json}\n")
    config = load_config(AgentConfig, [file])
    assert (config.promise.solve, config.calibration.read) == (str(tmp_path / "p.json"), "/c.json")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"budget": 0}, "budget must be at least 1"),
        ({"max_questions": 0}, "limits.max_questions must be at least 1"),
        ({"time_limit_s": 0}, "limits.time_limit_s must be above 0"),
        ({"answers": "numbers"}, "task.answers"),
        ({"lookahed": 1}, r"Solver.open has no argument 'lookahed'; did you mean lookahead\?"),
    ],
)
def test_values_out_of_range_are_refused(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        tts.Solver.open(**{**FAKE, **given})  # type: ignore[arg-type]
