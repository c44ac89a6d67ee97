"""Scorers from a configuration: names, options, nesting, and one sentence for each mistake."""

from __future__ import annotations

from typing import Any

import pytest

from tts.answers import Grader
from tts.engines.fake.engine import extract
from tts.errors import InputError
from tts.registry import SCORERS
from tts.scorers.config import open_scorer
from tts.scorers.controls import OracleScorer, RolloutOracle
from tts.scorers.staged import Staged
from tts.types import Signals

KNOWN = {"model": "fake", "revision": "", "template": "{question}", "extract": extract}
STAGED = {
    "name": "staged",
    "paused": {"name": "mean_logprob", "window": 4},
    "ended": {"name": "constant", "value": 0.5},
}


def opened(spec: dict[str, Any], **known: Any) -> Any:
    return open_scorer(spec, **{**KNOWN, **known})


@pytest.mark.parametrize("name", ["p_true", "verbalised", "self_consistency", "constant", "random", "watched"])
def test_a_name_alone_opens_a_scorer_of_that_name(name: str) -> None:
    found = opened({"name": name})
    assert (found.name, found.scorer.name, dict(found.key)) == (name, name, {"name": name})
    assert found.probability and found.inner is found.scorer


def test_options_go_into_the_key() -> None:
    assert opened({"name": "constant", "value": 0.3}).key == {"name": "constant", "value": 0.3}
    assert opened({"name": "rollout_oracle"}).key == {"name": "rollout_oracle", "rollouts": 16}


def test_oracles_grade_by_the_rule_of_the_task() -> None:
    rule = Grader("number")
    oracle, rollouts = (opened({"name": name}, grader=rule).scorer for name in ("oracle", "rollout_oracle"))
    assert isinstance(oracle, OracleScorer) and isinstance(rollouts, RolloutOracle)
    assert oracle.grader is rollouts.grader is rule and rollouts.extract is extract


def test_a_staged_scorer_opens_its_parts_and_keeps_their_keys() -> None:
    found = opened(STAGED)
    assert isinstance(found.scorer, Staged)
    assert found.scorer.needs == Signals(logprobs=True)
    assert found.key == {"name": "staged", "paused": STAGED["paused"], "ended": STAGED["ended"]}


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"name": "nme"}, "unknown scorer 'nme': allowed are apricot, cocoa_msp, "),
        ({}, "unknown scorer None"),
        (
            {"name": "constant", "valu": 1},
            "unknown option of scorer constant 'valu': allowed are calibration, value; did you mean value?",
        ),
        ({"name": "constant", "value": "x"}, "scorer constant needs a number for value, got 'x'"),
        ({"name": "rollout_oracle", "rollouts": 0}, "scorer rollout_oracle needs rollouts >= 1, got 0"),
        ({"name": "rollout_oracle", "extract": 1}, "unknown option of scorer rollout_oracle 'extract'"),
        ({"name": "reward"}, "scorer reward needs scorer.path"),
        ({"name": "constant", "calibration": 3}, "scorer.calibration must be a file, got 3"),
        ({**STAGED, "paused": "finece"}, "scorer staged needs a mapping for paused"),
        ({**STAGED, "paused": {"name": "oracle"}}, "staged needs a scorer of prefixes for paused, and oracle judges"),
        ({**STAGED, "ended": {"name": "deepconf_tail"}}, "gives raw scores: give scorer.ended.calibration"),
    ],
)
def test_a_mistake_gets_one_sentence(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        opened(spec)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_the_confidence_of_the_fake_engine_is_refused_for_other_models() -> None:
    with pytest.raises(InputError, match="scorer watched reads the fake engine's own confidence"):
        opened({"name": "watched"}, model="tiny")


def test_every_name_is_listed_once() -> None:
    assert {"grace", "finece", "rollout_oracle", "staged"} <= set(SCORERS.names())
