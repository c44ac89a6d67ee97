"""A GrACE model learns which responses are right, and to write what its anchor writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.support.extras import needs_peft  # noqa: E402
from tests.training.cases import QUICK, alone, halves, model, run, tokenizer  # noqa: E402
from tts.training.grace.recipe import GraceRecipe, TargetsConfig  # noqa: E402
from tts.training.packing import pack  # noqa: E402
from tts.training.schedule import GrowConfig, LoraConfig  # noqa: E402

pytestmark = needs_peft

LEARN = replace(QUICK, epochs=6, patience=16, batch_size=60, micro_batch_size=60, learning_rate=6e-3)


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(replace(LEARN, epochs=8, learning_rate=4e-3), id="full", marks=pytest.mark.slow),
        pytest.param(replace(LEARN, positions="every", loss="log"), id="every"),
        pytest.param(replace(LEARN, readout="after"), id="after", marks=pytest.mark.slow),
        pytest.param(
            replace(
                LEARN,
                method="lora",
                positions="every",
                loss="log",
                learning_rate=1e-2,
                batch_size=40,
                micro_batch_size=40,
                lora=LoraConfig(rank=16, alpha=16),
            ),
            id="lora",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_it_learns_which_responses_are_right(tmp_path: Path, recipe: GraceRecipe) -> None:
    best = run(tmp_path, recipe, halves(100)).history.best
    assert best.auroc > 0.95 and best.within > 0.95 and best.brier < 0.12


@pytest.mark.slow
@pytest.mark.parametrize("positions", ["end", "every"])
def test_a_model_that_grows_learns_it_without_another_text(tmp_path: Path, positions: str) -> None:
    grow = GrowConfig(channels=16, heads=1, neurons=12, layers=1)
    recipe = replace(
        LEARN, method="grow", grow=grow, weight_lm=0.0, loss="log", positions=positions, learning_rate=1e-2,
        muon_learning_rate=2e-2,
    )  # fmt: skip
    trained = run(tmp_path, recipe, halves(100))
    assert trained.history.best.auroc > 0.95 and trained.history.best.within > 0.95
    text = [round(one.lm, 4) for one in trained.history.evaluations]
    assert max(text) - min(text) <= 2e-4  # the text stays the same at every evaluation


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full", "lora"])
def test_with_the_base_as_anchor_it_writes_what_the_base_writes(tmp_path: Path, method: str) -> None:
    recipe = replace(QUICK if method == "full" else LEARN, method=method, epochs=4, lora=LoraConfig(rank=8, alpha=8))
    split, words = halves(100 if method == "full" else 60), tokenizer()
    packed = pack(alone(split.held_out), end=words.eos_token_id, token=len(words))
    before = packed.branches(packed.read(model()(input_ids=packed.ids).logits.detach()))
    gaps = {}
    for anchor, weight in (("response", 0.0), ("base", 20.0)):
        trained = run(tmp_path / anchor, replace(recipe, anchor=anchor, weight_lm=weight), split)
        with torch.no_grad():
            after = packed.branches(packed.read(trained.model(input_ids=packed.ids).logits))[..., : len(words)]
        seen = packed.labels != -100
        p, q = before[seen].log_softmax(-1), after[seen].log_softmax(-1)
        gaps[anchor] = float((p.exp() * (p - q)).sum(-1).mean())
        if anchor == "base":
            assert trained.history.losses[-1][2] < gaps["response"]  # the reported loss is that divergence
    assert gaps["base"] < (0.2 if method == "full" else 1.0) * gaps["response"]  # adapters hardly move in so few steps


@pytest.mark.slow
def test_with_solutions_as_anchor_it_learns_to_write_them(tmp_path: Path) -> None:
    split = halves()
    worked = {one.question: (50, 51, 52, 53) for one in split.train}
    recipe = replace(LEARN, anchor="solution", weight_lm=1.0, batch_size=30, epochs=10, learning_rate=4e-3)
    trained = run(tmp_path, recipe, replace(split, solutions=worked))
    losses = [lm for _, _, lm in trained.history.losses]
    assert losses[-1] < 0.5 * losses[0] and trained.history.best.auroc > 0.8
    with torch.no_grad():
        after = trained.model(input_ids=torch.tensor([[*split.held_out[0].prompt]])).logits[0, -1]
    assert int(after[: trained.tokens[0]].argmax()) == 50


def test_the_checkpoint_keeps_the_targets(tmp_path: Path) -> None:
    run(tmp_path, replace(QUICK, epochs=1, targets=TargetsConfig("soft")), halves(20))
    targets = torch.load(tmp_path / "checkpoint.pt", weights_only=False)["targets"]
    assert targets.shape == (80,) and 0 <= targets.min() < targets.max() <= 1
