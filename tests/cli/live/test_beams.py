"""Beams on the command line: played live beside others, refused where they cannot be, their forks unshared."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evals.config import RunConfig
from evals.methods import composed, methods
from strategies.beam import PrunedBeams
from strategies.pruning import TopK
from strategies.stopping import Confident
from tests.cli.cases import Tts
from tts.config import load_config
from tts.errors import InputError
from tts.pool import load_pool
from tts.requirements import Available, Requirements

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
FAKE = ("engine.kind=fake", "engine.max_batch_size=4", "task.questions=6")
GUIDED = "{name: guided, beams: {width: 3, until: step, pruner: {name: top_k, k: 1}}, budget: 5}"
WATCHED = "scorer.name=watched"


def test_beams_are_played_beside_other_strategies_and_share_none_of_their_forks(tts: Tts, tmp_path: Path) -> None:
    path, target = tmp_path / "p.sqlite", tmp_path / "j.json"
    strategies = f"strategies=[self_consistency,{GUIDED}]"
    ran = tts("run", *FAKE, "budget=6", strategies, WATCHED, f"out={path}", "--json", target)
    assert (ran.status, ran.err.count("Traceback")) == (0, 0)
    assert re.search(r"holds 36 samples, 36 of them drawn now", ran.out)
    counting, guided = json.loads(target.read_text())["strategies"]
    assert (guided["name"], guided["source"], guided["params"]["budget"]) == ("guided", "composed", 5)
    assert guided["reasons"] == {"budget": 6}
    assert guided["cached"] == 0
    assert all(len(d["samples"]) > 5 for d in guided["decisions"])
    assert guided["accuracy"] >= counting["accuracy"]
    assert [len(entry.samples) for entry in load_pool(path).entries] == [6] * 6
    compared = tts("compare", path, "--strategies", "self_consistency,grace_sc", "--permutations", "5")
    assert compared.status == 0
    info = json.loads(tts("pool", "info", path, "--json").out)["runs"]
    assert [(run["draws"], run["samples"]) for run in info] == [
        ("whole", 36),
        ("tree", sum(len(d["samples"]) for d in guided["decisions"])),
    ]
    assert info[1]["differs"] == {"strategy": "guided"} and info[1]["accuracy"] is None and guided["run"] == 2
    for command in ("compare", "decide"):
        refused = tts(command, path, "run=2")
        assert refused.status == 2 and "no independent draws" in refused.err
    joined = tts("compare", path, "run=1,2")
    assert joined.status == 2 and "run 2 holds draws that a strategy continued" in joined.err


def test_beams_alone_keep_their_trees_apart_and_play_the_same_again(tts: Tts, tmp_path: Path) -> None:
    path, decisions = tmp_path / "p.sqlite", []
    for number in range(2):
        target = tmp_path / f"{number}.json"
        ran = tts("run", *FAKE, f"strategies=[{GUIDED}]", WATCHED, "lookahead=2", f"out={path}", "--json", target)
        assert ran.status == 0
        assert "run 2 holds the trees of guided (" in ran.out
        assert "of this task" not in ran.out
        found = json.loads(target.read_text())["strategies"][0]["decisions"]
        decisions.append([(d["id"], d["answer"], d["samples"], d["usage"]["delivered"]) for d in found])
        assert all(d["aborted_draws"] == 0 for d in found)
    assert decisions[0] == decisions[1]


def test_the_file_of_beams_runs_and_a_rule_ends_them_early(tts: Tts, tmp_path: Path) -> None:
    target = tmp_path / "j.json"
    ran = tts("run", CONFIGS / "strategy/beams.yaml", *FAKE, WATCHED, f"out={tmp_path / 'p.sqlite'}", "--json", target)
    assert ran.status == 0
    guided = json.loads(target.read_text())["strategies"][1]
    assert guided["reasons"]["confident"] > 0


@pytest.mark.parametrize("scorer", ["random", "{name: random, seed: 3}", "constant", "{name: constant, value: 0.3}"])
def test_controls_guide_beams_too(tts: Tts, tmp_path: Path, scorer: str) -> None:
    given = f"scorer={scorer}" if scorer.startswith("{") else f"scorer.name={scorer}"
    ran = tts("run", *FAKE, f"strategies=[{GUIDED}]", given, f"out={tmp_path / 'p.sqlite'}")
    assert ran.status == 0
    assert "budget 6" in ran.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "strategy guided needs confidences, and there is no scorer: give scorer.name"),
        *(
            (
                (f"scorer.name={name}",),
                "strategy guided needs confidences of partial samples, and the scorer judges whole samples only: "
                "give a scorer of prefixes, such as grace or mean_logprob",
            )
            for name in ("p_true", "verbalised", "oracle")
        ),
    ],
)
def test_a_scorer_that_cannot_judge_prefixes_is_refused_before_anything_is_drawn(
    tts: Tts, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    path = tmp_path / "p.sqlite"
    ran = tts("run", *FAKE, f"strategies=[esc,{GUIDED}]", *arguments, f"out={path}")
    assert (ran.status, ran.out, ran.err) == (2, "", f"tts: {sentence}\n")
    assert not path.exists()


@pytest.mark.parametrize(
    ("beams", "sentence"),
    [
        ("{width: 0}", "strategy guided needs width >= 1, got 0"),
        ("{pruner: topk}", "unknown pruner 'topk': allowed are .*; did you mean top_k\\?"),
        ("{until: {steps: 2}}", "until of beams must be step, or one of .*"),
        ("{until: {entropy: 2.0}}", "this engine cannot record the entropy of each token, which .*"),
        ("3", "beams of strategy guided must be a mapping .*, got 3"),
    ],
)
def test_bad_beams_are_one_sentence(tts: Tts, tmp_path: Path, beams: str, sentence: str) -> None:
    given = f"strategies=[{{name: guided, beams: {beams}}}]"
    ran = tts("run", *FAKE, given, WATCHED, f"out={tmp_path / 'p.sqlite'}")
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(f"tts: {sentence}\n", ran.err)


def test_a_pool_cannot_serve_beams(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    assert tts("run", *FAKE, "budget=2", WATCHED, f"out={path}").status == 0
    ran = tts("compare", path, f"strategies=[self_consistency,{GUIDED}]")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == (
        "tts: strategy guided draws from prefixes, and the pool cannot continue one: play it live by `tts run`, or "
        "choose strategies that only stop or select\n"
    )


def test_composed_beams_are_a_row_that_keeps_to_the_budget() -> None:
    entry: dict[str, Any] = {"name": "mine", "beams": {"pruner": "top_k"}, "stop": {"name": "confident"}, "budget": 12}
    row = composed(entry)
    assert row.requires == Requirements(
        confidence=True, prefix_confidence=True, branching=True, pausing=True, sequential=True
    )
    for budget, own in ((5, 5), (40, 12)):
        assert row.build(budget, row.params) == PrunedBeams("mine", budget=own, pruner=TopK(), stop=(Confident(),))
    chosen, _ = methods(["esc", entry], Available("engine"))
    assert [m.name for m in chosen] == ["esc", "mine"]
    with pytest.raises(InputError, match="unknown parameter of strategy esc 'beams'"):
        methods([{**entry, "name": "esc"}], Available("engine"))


def test_the_file_of_beams_says_what_it_says() -> None:
    config = load_config(RunConfig, [CONFIGS / "strategy/beams.yaml"])
    rows, _ = methods(config.strategies, Available("engine"))
    built = rows[1].build(config.budget, rows[1].params)
    assert built == PrunedBeams("guided", 4, 8, stop=(Confident(0.98),))
