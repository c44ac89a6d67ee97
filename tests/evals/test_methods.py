"""The strategies that a configuration names: chosen, composed, and checked against what their source offers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evals.config import CompareConfig
from evals.methods import composed, described, methods, playable
from strategies.catalog import CATALOG
from strategies.vote import Vote
from tts.config import load_config
from tts.errors import InputError
from tts.requirements import Available

CONFIGS = Path(__file__).parents[2] / "configs"
POOL = Available("pool", branching=False)
BARE = Available("pool", confidence=False, branching=False)
LIVE = Available("engine")
LIVE_ONLY = {"distinct_best_first", "distinct_sampling"}


def test_all_means_the_catalogue_and_leaves_out_what_the_pool_cannot_serve() -> None:
    every, skipped = methods(["all"], POOL)
    assert [m.name for m in every] == [name for name in CATALOG if name not in LIVE_ONLY]
    assert set(skipped) == LIVE_ONLY and len(set(skipped.values())) == 1
    assert skipped["distinct_sampling"].startswith("draws from prefixes, and the pool cannot continue one")
    counting, skipped = methods(["all"], BARE)
    assert {m.name for m in counting} | set(skipped) == set(CATALOG)
    assert {"self_consistency", "esc", "oracle"} <= {m.name for m in counting}
    assert all(CATALOG[name].requires.confidence for name in skipped if name not in LIVE_ONLY)
    assert {reason for name, reason in skipped.items() if name not in LIVE_ONLY} == {
        "needs confidences, and the pool has none: score the pool, or choose strategies that only count"
    }


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([], r"no strategy was named"),
        (["escc"], r"unknown strategy 'escc': allowed are .*; did you mean esc\?"),
        ([3], r"unknown strategy '3'"),
        ([{"name": "esc", "label": ""}], r"label of a strategy must be one line of text, got ''"),
        ([{"name": "esc", "label": "all"}], r"a strategy cannot be called all"),
        (["esc", "cges", "esc"], r"two strategies are called esc: name each one once"),
        ([{"name": "a"}, {"name": "a", "stop": "beta"}], r"two strategies are called a"),
        ([{}, {"stop": "beta"}], r"two strategies are called composed"),
        (["esc", {"name": "esc"}], r"two strategies are called esc: name each one once"),
        ([{"name": "esc", "windw": 8}], r"unknown parameter .* esc 'windw': allowed are budget, window; .* window\?"),
        ([{"name": "esc", "window": "x"}], r"parameter window of strategy esc must be a whole number, got 'x'"),
        ([{"name": "esc", "window": 0}], r"window"),
        ([{"name": "esc", "budget": 0}], r"parameter budget of strategy esc must be at least 1, got 0"),
        ([{"name": "all"}], r"cannot be called all"),
        ([{"name": ""}], r"name of a strategy must be one line of text, got ''"),
        ([{"name": "a\nb"}], r"must be one line of text"),
        ([{"name": 3}], r"must be one line of text, got 3"),
        ([{"nam": "a"}], r"unknown option of strategy composed 'nam': .*did you mean name\?"),
        ([{"name": "a", "weighting": "linar"}], r"unknown weighting 'linar': .*did you mean linear\?"),
        ([{"name": "a", "stop": "bta"}], r"unknown stopping rule 'bta': .*did you mean beta\?"),
        ([{"name": "a", "stop": {"name": "beta", "levle": 0.9}}], r"option of stopping rule beta 'levle': .*level\?"),
        ([{"name": "a", "stop": {"name": "beta", "level": "high"}}], r"beta needs a number for level, got 'high'"),
        ([{"name": "a", "stop": {"name": "beta", "level": 1.5}}], r"beta needs level in \(0, 1\), got 1\.5"),
        ([{"name": "a", "stop": {"name": "confident", "tau": -1}}], r"confident needs tau in \[0, 1\], got -1"),
        ([{"name": "a", "stop": {"name": "unanimous", "window": 2.5}}], r"needs a whole number for window, got 2\.5"),
        ([{"name": "a", "weighting": {"name": "softmax", "temperature": 0}}], r"temperature > 0, got 0"),
        ([{"name": "a", "stop": []}], r"stop of a composed strategy must be a rule or a list of rules, got \[\]"),
        ([{"name": "a", "stop": "posterior"}], r"posterior needs weighting log_odds"),
        ([{"name": "a", "select": "worst"}], r"strategy a needs one of vote, best for select, got 'worst'"),
        ([{"name": "a", "budget": 0}], r"needs budget >= 1, got 0"),
        ([{"name": "a", "budget": "8"}], r"strategy a needs a whole number for budget, got '8'"),
    ],
)
def test_a_bad_strategy_is_refused(entries: list[Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        methods(entries, POOL)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("entry", ["cges", {"name": "a", "weighting": "linear"}, {"name": "a", "select": "best"}])
def test_a_strategy_asked_for_by_name_needs_what_it_reads(entry: Any) -> None:
    with pytest.raises(InputError, match="needs confidences, and the pool has none"):
        methods(["all", entry], BARE)


def test_a_composed_strategy_is_what_its_mapping_says_and_keeps_to_the_budget() -> None:
    entry = {"name": "mine", "weighting": "linear", "stop": [{"name": "confident", "tau": 0.9}, "beta"], "budget": 12}
    row = composed(entry)
    assert (row.name, row.source, row.requires.confidence) == ("mine", "composed", True)
    assert row.params == {"weighting": "linear", "stop": ({"name": "confident", "tau": 0.9}, "beta"), "budget": 12}
    small, large = row.build(5, row.params), row.build(40, row.params)
    assert (small.budget, large.budget) == (5, 12)
    assert isinstance(small, Vote)
    assert [type(rule).__name__ for rule in small.stop] == ["Confident", "Beta"]


def test_a_label_names_a_strategy_in_tables() -> None:
    row = described({"name": "esc", "window": 3, "label": "mine"})
    assert (row.name, row.build(8).name, row.params["window"]) == ("mine", "mine", 3)
    assert described({"name": "other", "stop": "beta", "label": "mine"}).build(8).name == "mine"


def test_the_example_of_composed_strategies_loads_and_builds() -> None:
    chosen, _ = methods(load_config(CompareConfig, [CONFIGS / "composed.yaml"]).strategies, POOL)
    mine = [row for row in chosen if row.source == "composed"]
    assert [row.name for row in mine] == ["softmax_until_decided", "log_odds_until_sure"]
    assert [[type(rule).__name__ for rule in row.build(8).stop] for row in mine] == [
        ["Beta"],
        ["Confident", "Posterior"],
    ]
    assert [type(row.build(8).weighting).__name__ for row in mine] == ["Softmax", "LogOdds"]


@pytest.mark.parametrize("path", [CONFIGS / "compare.yaml", CONFIGS / "composed.yaml"], ids=lambda path: path.name)
def test_every_example_loads(path: Path) -> None:
    assert methods(load_config(CompareConfig, [path]).strategies, POOL)[0]


def test_a_run_plays_pruning_only_where_a_scorer_watches_and_a_fit_pool_shows_it() -> None:
    pruned = {"confidence_pruned_voting", "confidence_pruned_cges"}
    shown, bare = Available("fit pool", branching=False), Available("fit pool", branching=False, watched=False)
    chosen, _ = playable(["all"], LIVE)
    assert pruned <= {row.name for row in chosen}
    for live, fit in ((Available("engine", watched=False), shown), (LIVE, bare)):
        chosen, skipped = playable(["all"], live, fit=fit)
        assert pruned <= set(skipped) and "cges" in {row.name for row in chosen}
    by_name = ["confidence_pruned_cges"]
    with pytest.raises(InputError, match="cges prunes draws by the probability of the one token that the scorer watch"):
        playable(by_name, Available("engine", watched=False))
    with pytest.raises(InputError, match="reads a watched probability at the end of each step, and the fit pool has"):
        playable(by_name, LIVE, fit=bare)
    unfitted = [{"name": "mine", "prune": 0.1}]
    assert len(playable(unfitted, LIVE, fit=bare)[0]) == 1


def test_a_run_leaves_out_controls_and_what_must_learn_without_a_fit_pool() -> None:
    chosen, skipped = playable(["all"], LIVE)
    assert {name for name, row in CATALOG.items() if row.scores != "recorded" or row.learn} == set(skipped)
    assert skipped["oracle"] == "is a control for recorded pools: `tts compare` the pool that this run writes"
    assert len(chosen) + len(skipped) == len(CATALOG)
    with pytest.raises(InputError, match="strategy pandora learns from other questions: give fit=POOL"):
        playable(["pandora"], LIVE)
    assert playable(["pandora"], LIVE, fit=Available("fit pool"))[0]


def test_a_run_needs_a_scorer_for_confidences_and_one_of_prefixes_for_beams() -> None:
    beams = [{"name": "guided", "beams": {}}]
    assert playable(beams, LIVE)[0]
    with pytest.raises(InputError, match="strategy cges needs confidences, and there is no scorer: give scorer"):
        playable(["cges"], Available("engine", confidence=False))
    with pytest.raises(InputError, match="guided needs confidences of partial samples, and the scorer judges whole"):
        playable(beams, Available("engine", prefix_confidence=False))
    with pytest.raises(InputError, match="guided draws from prefixes, and the pool cannot continue one: play it live"):
        methods(beams, POOL)
