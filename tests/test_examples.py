"""Commands and snippets of the README and the examples run as shown."""

from __future__ import annotations

import asyncio
import runpy
from pathlib import Path

from tts.engines.fake import FakeEngine, extract
from tts.runtime.driver import run_all
from tts.strategy import BaseStrategy
from tts.types import Decision, Draw

ROOT = Path(__file__).parents[1]


def test_the_own_rule_example_compares_and_runs_live(capsys):
    runpy.run_path(str(ROOT / "examples" / "own_rule.py"), run_name="__main__")
    out = capsys.readouterr().out
    assert "agreed" in out
    assert "live: " in out


class FirstTwoAgree(BaseStrategy):
    """The strategy of the README."""

    name, budget = "first_two_agree", 8

    def run(self, problem):
        samples = yield Draw(2)
        while len(samples) < self.budget and len({s.answer for s in samples}) > 1:
            samples += yield Draw(1)
        return Decision(samples[-1].answer, tuple(samples), "agreed")


def test_the_generator_of_the_readme_is_a_strategy():
    engine = FakeEngine(seed=2)
    results = asyncio.run(run_all(FirstTwoAgree(), engine.problems(20), engine, extract=extract))
    assert {len(r.decision.samples) for r in results} <= {2, 8}
    assert sum(r.decision.usage.delivered for r in results) == engine.drawn


def test_the_readme_names_every_strategy_of_its_results():
    from strategies.catalog import CATALOG

    readme = (ROOT / "README.md").read_text()
    assert all(f"| {name} |" in readme for name in CATALOG)
    assert f"all {len(CATALOG)} with their sources" in readme
