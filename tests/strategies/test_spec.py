"""Composed strategies: each part is built from a mapping, and every mistake gets one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from strategies import beam_spec, spec
from strategies.beam import PrunedBeams
from strategies.pruning import (
    PRUNERS,
    Resample,
)
from strategies.stopping import Beta, Confident, Never
from strategies.vote import Vote
from strategies.weighting import Linear, Softmax, Uniform
from tts.errors import InputError
from tts.types import (
    ENTROPY_ABOVE,
    TOKENS,
)


def test_a_composed_strategy_is_built_from_a_mapping():
    built = spec.vote(
        {
            "name": "mine",
            "weighting": {"name": "softmax", "temperature": 0.3},
            "stop": [{"name": "confident", "tau": 0.9}, "beta"],
            "budget": 8,
        },
        budget=16,
    )
    assert built == Vote("mine", 8, Softmax(0.3), (Confident(0.9), Beta(0.95)))
    assert spec.vote({"name": "mine", "prune": 0.1}, budget=5) == Vote("mine", 5, prune=0.1)
    assert spec.vote({"name": "plain"}, budget=5) == Vote("plain", 5, Uniform())


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"weighing": "linear"}, "unknown key of a composed strategy 'weighing': .*did you mean weighting"),
        ({"weighting": "linaer"}, "unknown weighting 'linaer': .*did you mean linear"),
        ({"weighting": {"name": "softmax", "temp": 1}}, "unknown option of weighting softmax 'temp': allowed are temp"),
        ({"weighting": {"name": "softmax", "temperature": "hot"}}, "needs a number for temperature, got 'hot'"),
        ({"stop": {"name": "unanimous", "window": 2.5}}, "needs a whole number for window, got 2.5"),
        ({"stop": []}, "must be a rule or a list of rules"),
        ({"stop": "sometimes"}, "unknown stopping rule 'sometimes'"),
        ({"budget": "many"}, "must be a whole number, got 'many'"),
        ({"stop": {"name": "beta", "level": True}}, "needs a number for level, got True"),
        ({"prune": "early"}, r"prune of a composed strategy must be a number in \[0, 1\] or null, got 'early'"),
        ({"prune": 1.5}, r"strategy composed needs prune in \[0, 1\] or null, got 1.5"),
        ({"prune": float("nan")}, "or null, got nan"),
    ],
)
def test_mistakes_in_a_composed_strategy_get_one_sentence(entry, sentence):
    with pytest.raises(InputError, match=sentence):
        spec.vote(entry, budget=4)


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
    assert beam_spec.beams(entry, budget=16) == PrunedBeams(
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
    plain = beam_spec.beams({"beams": {}}, budget=5)
    assert plain == PrunedBeams("composed", budget=5)
    assert (plain.weighting, plain.stop) == (Linear(), (Never(),))
    assert beam_spec.boundary({"entropy": 2}) == ENTROPY_ABOVE(2.0)
    for name in PRUNERS:
        assert beam_spec.pruner(name).name == name


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (
            {"beams": None},
            r"beams of a composed strategy must be a mapping \{width, start_width, until, .*\}, got None",
        ),
        ({"beams": {"widht": 4}}, "unknown key of beams 'widht': allowed are .*did you mean width"),
        ({"beams": {}, "select": "best"}, "unknown key of a composed strategy 'select'"),
        ({"beams": {"width": 2.5}}, "width of beams must be a whole number, got 2.5"),
        ({"beams": {"width": 0}}, "strategy composed needs width >= 1, got 0"),
        ({"beams": {"width": 3, "start_width": 2}}, "needs start_width >= width or null, got 2 and 3"),
        ({"beams": {"max_checks": True}}, "max_checks of beams must be a whole number, got True"),
        ({"beams": {"until": "stp"}}, r"until of beams must be step, or one of \{tokens: ...\}.*, got 'stp'"),
        ({"beams": {"until": {"tokens": 0}}}, r"until of beams cannot be \{'tokens': 0\}: .*needs k >= 1, got 0"),
        ({"beams": {"until": {"tokens": 2.5}}}, "tokens of until must be a whole number, got 2.5"),
        ({"beams": {"until": {"tokens": "many"}}}, "until of beams must be step, or one of"),
        ({"beams": {"until": {"entropy": -1}}}, r"until of beams cannot be \{'entropy': -1\}: .*value >= 0, got -1"),
        ({"beams": {"pruner": "topk"}}, "unknown pruner 'topk': allowed are .*did you mean top_k"),
        ({"beams": {"pruner": {"name": "top_k", "k": 1.5}}}, "pruner top_k needs a whole number for k, got 1.5"),
        ({"beams": {"pruner": {"name": "gap", "max_gap": 2}}}, r"pruner gap needs max_gap in \[0, 1\], got 2"),
        ({"beams": {"fork": "yes"}}, "fork of beams must be true or false, got 'yes'"),
        ({"beams": {"length": "long"}}, "length of beams must be a number of tokens or null, got 'long'"),
        ({"beams": {"length": -1}}, "needs length > 0 or null, got -1"),
        ({"beams": {}, "stop": "posterior"}, "posterior needs weighting log_odds"),
        ({"beams": {}, "budget": "8"}, "budget of a composed strategy must be a whole number, got '8'"),
    ],
)
def test_mistakes_in_beams_get_one_sentence(entry: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        beam_spec.beams(entry, budget=4)
    assert "\n" not in str(caught.value)
