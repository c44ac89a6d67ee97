"""Composed strategies: each part is built from a mapping, and every mistake gets one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from strategies.beam import PrunedBeams
from strategies.pruning import (
    PRUNERS,
    Resample,
)
from strategies.spec import boundary, compose, pruner
from strategies.stopping import Beta, Confident, Never
from strategies.vote import Vote
from strategies.weighting import Linear, Softmax, Uniform
from tts.errors import InputError
from tts.types import (
    ENTROPY_ABOVE,
    TOKENS,
)


def test_a_composed_strategy_is_built_from_a_mapping():
    built = compose(
        {
            "name": "mine",
            "weighting": {"name": "softmax", "temperature": 0.3},
            "stop": [{"name": "confident", "tau": 0.9}, "beta"],
            "budget": 8,
        },
        budget=16,
    )
    assert built == Vote("mine", 8, Softmax(0.3), (Confident(0.9), Beta(0.95)))
    assert compose({"name": "mine", "prune": 0.1}, budget=5) == Vote("mine", 5, prune=0.1)
    assert compose({"name": "plain"}, budget=5) == Vote("plain", 5, Uniform())


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"weighing": "linear"}, "unknown option of strategy composed 'weighing': .*did you mean weighting"),
        ({"weighting": "linaer"}, "unknown weighting 'linaer': .*did you mean linear"),
        ({"weighting": {"name": "softmax", "temp": 1}}, "unknown option of weighting softmax 'temp': allowed are temp"),
        ({"weighting": {"name": "softmax", "temperature": "hot"}}, "needs a number for temperature, got 'hot'"),
        ({"stop": {"name": "unanimous", "window": 2.5}}, "needs a whole number for window, got 2.5"),
        ({"stop": []}, "must be a rule or a list of rules"),
        ({"stop": "sometimes"}, "unknown stopping rule 'sometimes'"),
        ({"budget": "many"}, "strategy composed needs a whole number for budget, got 'many'"),
        ({"stop": {"name": "beta", "level": True}}, "needs a number for level, got True"),
        ({"prune": "early"}, "strategy composed needs a number or null for prune, got 'early'"),
        ({"prune": 1.5}, r"strategy composed needs prune in \[0, 1\] or null, got 1.5"),
        ({"prune": float("nan")}, "strategy composed needs a finite number for prune, got nan"),
        ({"select": "worst"}, "strategy composed needs one of vote, best for select, got 'worst'"),
        ({"width": 3}, "unknown option of strategy composed 'width'"),
    ],
)
def test_mistakes_in_a_composed_strategy_get_one_sentence(entry, sentence):
    with pytest.raises(InputError, match=sentence):
        compose(entry, budget=4)


def test_beams_are_built_from_a_mapping() -> None:
    entry = {
        "name": "guided",
        "beams": {
            "width": 3,
            "start_width": 7,
            "until": {"tokens": 30},
            "pruner": {"name": "resample", "temperature": 0.2},
            "max_checks": 5,
            "fork": False,
            "length": 80,
        },
        "weighting": {"name": "softmax", "temperature": 0.3},
        "stop": [{"name": "confident", "tau": 0.9}, "beta"],
        "budget": 6,
    }
    assert compose(entry, budget=16) == PrunedBeams(
        "guided",
        3,
        6,
        Resample(0.2),
        TOKENS(30),
        5,
        False,
        Softmax(0.3),
        (Confident(0.9), Beta(0.95)),
        7,
        80.0,
    )
    plain = compose({"beams": {}}, budget=5)
    assert plain == PrunedBeams("composed", budget=5)
    assert (plain.weighting, plain.stop) == (Linear(), (Never(),))
    assert boundary({"entropy": 2}) == ENTROPY_ABOVE(2.0)
    for name in PRUNERS:
        assert pruner(name).name == name


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (
            {"beams": None},
            r"beams of strategy composed must be a mapping \{width, .*, start_width, length\}, got None",
        ),
        ({"beams": {"widht": 4}}, "unknown option of strategy composed 'widht': allowed are .*did you mean width"),
        (
            {"beams": {}, "select": "best"},
            "unknown option of strategy composed 'select': allowed are beams, budget, name, ",
        ),
        ({"beams": {"width": 2.5}}, "strategy composed needs a whole number for width, got 2.5"),
        ({"beams": {"width": 0}}, "strategy composed needs width >= 1, got 0"),
        ({"beams": {"width": 3, "start_width": 2}}, "needs start_width >= width or null, got 2 and 3"),
        ({"beams": {"max_checks": True}}, "strategy composed needs a whole number for max_checks, got True"),
        ({"beams": {"until": "stp"}}, r"until of beams must be step, or one of \{tokens: ...\}.*, got 'stp'"),
        ({"beams": {"until": {"tokens": 0}}}, r"until of beams cannot be \{'tokens': 0\}: .*needs k >= 1, got 0"),
        (
            {"beams": {"until": {"tokens": 2.5}}},
            r"until of beams must be step, or one of \{tokens: ...\}.*, got \{'tokens': 2.5\}",
        ),
        ({"beams": {"until": {"tokens": "many"}}}, "until of beams must be step, or one of"),
        ({"beams": {"until": {"entropy": -1}}}, r"until of beams cannot be \{'entropy': -1\}: .*value >= 0, got -1"),
        ({"beams": {"pruner": "topk"}}, "unknown pruner 'topk': allowed are .*did you mean top_k"),
        ({"beams": {"pruner": {"name": "top_k", "k": 1.5}}}, "pruner top_k needs a whole number for k, got 1.5"),
        ({"beams": {"pruner": {"name": "gap", "max_gap": 2}}}, r"pruner gap needs max_gap in \[0, 1\], got 2"),
        ({"beams": {"fork": "yes"}}, "strategy composed needs true or false for fork, got 'yes'"),
        ({"beams": {"length": "long"}}, "strategy composed needs a number or null for length, got 'long'"),
        ({"beams": {"length": -1}}, "needs length > 0 or null, got -1"),
        ({"beams": {}, "stop": "posterior"}, "posterior needs weighting log_odds"),
        ({"beams": {}, "budget": "8"}, "strategy composed needs a whole number for budget, got '8'"),
    ],
)
def test_mistakes_in_beams_get_one_sentence(entry: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        compose(entry, budget=4)
    assert "\n" not in str(caught.value)
