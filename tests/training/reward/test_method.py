"""An outcome reward model: learned from graded responses, written as a classifier that its scorer opens."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit

from tests.support.extras import needs_peft
from tests.training.cases import halves, interrupted, model, tokenizer
from tts.engines.config import EngineConfig
from tts.errors import InputError
from tts.scorers.metered import MeteredEngine
from tts.scorers.reward.outcome import OutcomeReward, written_ids
from tts.training.build import TrainedModel, train
from tts.training.last_states import LastStates
from tts.training.responses import Split
from tts.training.reward.method import CARD, RewardMethod
from tts.training.reward.model import RewardModel, classifier, empty_classifier
from tts.training.reward.recipe import RewardRecipe
from tts.training.schedule import LoraConfig
from tts.types import Problem, Sample

QUICK = RewardRecipe(
    method="full", epochs=2, batch_size=20, micro_batch_size=20, learning_rate=3e-3, evaluations=1, dtype="float32",
    seed=1,
)  # fmt: skip


def run(out: Path, recipe: RewardRecipe = QUICK, split: Split | None = None, **given: Any) -> TrainedModel:
    return train(out, model(), tokenizer(), split or halves(), RewardMethod(recipe), base={"model": "m"}, **given)


@needs_peft
@pytest.mark.parametrize("method", ["full", pytest.param("lora", marks=pytest.mark.slow)])
def test_it_learns_which_responses_are_right_and_becomes_a_classifier(tmp_path: Path, method: str) -> None:
    recipe = replace(QUICK, method=method, lora=LoraConfig(rank=8), epochs=4 if method == "lora" else 2)
    found = run(tmp_path, recipe)
    assert found.history.best.useful and found.history.best.auroc > 0.75
    held = halves().held_out[:6]
    with torch.inference_mode():
        alone = [float(_odds(found.model, one)) for one in held]
    method_ = RewardMethod(recipe)
    method_.write(tmp_path, found.model, tokenizer(), tokens=(), base="m", dtype=torch.float32, extra={"seed": 1})
    assert CARD.read(tmp_path)[1]["base"] == "m"
    scorer = OutcomeReward(tmp_path, device="cpu")
    loaded = scorer._load()[0]
    with torch.inference_mode():
        classified = [float(loaded(torch.tensor([[*one.prompt, *one.ids]])).logits[0, 0]) for one in held]
    assert classified == pytest.approx(alone, abs=1e-4)
    one, sample = Problem("q", "Mary has 2 apples ."), Sample("so 2 .", "2")
    ids = written_ids(tokenizer(), one.question, sample.text)
    with torch.inference_mode():
        wanted = expit(float(loaded(torch.tensor([ids])).logits[0, 0]))
    score = asyncio.run(scorer.score(one, [sample], MeteredEngine(None)))
    assert score == pytest.approx([wanted], abs=1e-5)


def _odds(learner: Any, one: Any) -> Any:
    from tts.training.packing import pack
    from tts.training.responses import Branches

    return learner(pack([Branches(one.prompt, (one,))], end=-1, token=-1))[0]


def test_the_head_starts_as_a_probe_of_the_base(tmp_path: Path) -> None:
    from tts.progress.phases import Phases

    base, split = model(), halves()
    learner, objective = RewardMethod(QUICK).start(base, split, None, tokens=[], end=2, device="cpu", phases=Phases())
    assert isinstance(learner, RewardModel) and learner.score.weight.abs().sum() > 0
    with torch.inference_mode():
        loss = objective.losses(learner, range(len(objective.rows)), range(len(objective.rows)))[1]
    assert loss < np.log(2) and objective.extra_state == {}


def test_a_training_that_was_interrupted_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    with interrupted(14):  # two steps into the second epoch, of twelve
        run(tmp_path / "broken")
    said: list[str] = []
    again = run(tmp_path / "broken", report=said.append)
    assert said[0] == "continuing at step 12 of 24"
    assert torch.equal(whole.model.score.weight, again.model.score.weight)
    assert whole.history.evaluations == again.history.evaluations


def test_a_model_without_such_a_classifier_and_grown_parts_are_refused() -> None:
    from transformers import BertConfig

    with pytest.raises(InputError, match=r"its head is no linear layer called score\): choose another base model"):
        empty_classifier(BertConfig(num_hidden_layers=1))
    with pytest.raises(InputError, match=r"recipe\.method must be one of lora, full, got 'grow'"):
        RewardRecipe(method="grow")
    assert RewardMethod(QUICK).for_base(EngineConfig()).recipe == QUICK
    assert classifier(RewardModel(model(), LastStates())).num_labels == 1
