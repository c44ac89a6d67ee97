"""The objective of FineCE: its goals, a loss of zero at the goals, and one that padding does not change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.training.cases import model, tokenizer  # noqa: E402
from tests.training.finece_cases import halves  # noqa: E402
from tts.training.finece.objective import FineceObjective  # noqa: E402
from tts.training.finece.recipe import FineceRecipe  # noqa: E402
from tts.training.last_states import LastStates  # noqa: E402

RECIPE = FineceRecipe(method="full", dtype="float32", batch_size=20, micro_batch_size=20)


def objective(**changes: object) -> FineceObjective:
    words = tokenizer()
    tokens = tuple(range(len(words), len(words) + 11))
    return FineceObjective(
        halves(6), replace(RECIPE, **changes), tokens=tokens, end=words.eos_token_id, device="cpu", states=LastStates()
    )


def test_every_response_has_a_goal_after_each_of_its_tokens_that_has_one() -> None:
    found = objective()
    assert sorted(i for row in found.rows for i in row) == list(range(len(found.split.train)))
    for one, goals in zip(found.split.train, found.goals, strict=True):
        assert len(goals) <= len(one.ids) + 1
        known = np.array(goals)[~np.isnan(goals)]
        assert ((known >= 0) & (known <= 1)).all() and goals[-1] == float(one.correct)


def test_a_batch_costs_the_same_in_one_pass_and_in_several() -> None:
    found, net = objective(), model(spare=11)
    rows = list(range(len(found.rows)))
    with torch.no_grad():
        whole, _, _ = found.losses(net, rows, rows)
        parts = [found.losses(net, [row], rows)[0] for row in rows]
    assert float(whole) == pytest.approx(float(sum(parts)), rel=1e-4) and float(whole) > 0


def test_an_evaluation_is_on_the_responses_held_out() -> None:
    found = objective()
    tokens: list[int] = []
    with torch.no_grad():
        evaluation = found.evaluate(model(spare=11), 3, tokens.append)
    assert evaluation.step == 3 and 0.0 <= evaluation.auroc <= 1.0 and evaluation.brier < 1.0
    assert found.extra_state == {} and sum(tokens) == found.held_out_tokens > 0
