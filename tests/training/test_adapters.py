"""The trained weights of a model: new tokens' rows, adapters, and the optimisers that move them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.support.extras import needs_peft  # noqa: E402
from tests.training.cases import QUICK, halves, model, run, tokenizer  # noqa: E402
from tts.training.adapters import adapted, add_tokens, is_tied, optimisers, trainable  # noqa: E402
from tts.training.muon import Muon  # noqa: E402
from tts.training.schedule import GrowConfig, Schedule  # noqa: E402

pytestmark = needs_peft


@pytest.mark.parametrize("tied", [True, False])
def test_adapters_train_the_new_rows_and_no_other(tmp_path: Path, tied: bool) -> None:
    recipe = replace(QUICK, method="lora", epochs=1)
    trained = run(tmp_path, recipe, halves(30), base=model(tied=tied))
    rows = {name: weight for name, weight in trainable(trained.model) if "token_adapter" in name}
    assert len(rows) == (1 if tied else 2) and all(weight.shape[0] == 1 for weight in rows.values())
    merged = trained.model.merge_and_unload()
    before, after = model(tied=tied).get_output_embeddings().weight, merged.get_output_embeddings().weight
    assert torch.equal(after[: len(before)], before) and len(after) == len(before) + 1
    assert is_tied(merged) == tied


def test_a_vocabulary_with_rows_to_spare_keeps_its_size() -> None:
    small, words = model(spare=5), tokenizer()
    rows = small.get_input_embeddings().weight.shape[0]
    assert add_tokens(small, words, ["<CNF>"]) == [rows - 5]
    assert small.get_input_embeddings().weight.shape[0] == rows


def test_muon_takes_the_matrices_of_the_layers_and_adamw_the_rest() -> None:
    small = model()
    adamw, muon = optimisers(small, Schedule(method="full", learning_rate=1e-3, muon_learning_rate=1e-2))
    assert isinstance(muon, Muon) and (adamw.param_groups[0]["lr"], muon.param_groups[0]["lr"]) == (1e-3, 1e-2)
    matrices = {id(weight) for weight in muon.param_groups[0]["params"]}
    for name, weight in small.named_parameters():
        assert (id(weight) in matrices) == ("layers" in name and weight.ndim == 2), name
    assert len(optimisers(small, Schedule(method="full"))) == 1


def test_the_rows_of_a_grown_models_tokens_are_no_matrix_for_muon() -> None:
    schedule = Schedule(method="grow", grow=GrowConfig(16, 1, 12, 1), muon_learning_rate=1e-2)
    learner = adapted(model(), schedule, [10, 11])
    adamw, muon = optimisers(learner, schedule)
    assert any(weight is learner.rows for weight in adamw.param_groups[0]["params"])
    assert all(weight is not learner.rows for weight in muon.param_groups[0]["params"])
