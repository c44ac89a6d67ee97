"""Value tokens and a linear head give a confidence in [0, 1]."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.training.cases import model  # noqa: E402
from tts.models.value_head import ValueHeadModel, confidence  # noqa: E402


def test_the_confidence_of_value_tokens_is_their_expectation() -> None:
    logits = torch.log(torch.tensor([[1.0, *[1e-9] * 9, 3.0], [1e-9, 1.0, 1.0, *[1e-9] * 8]]))
    assert confidence(logits).tolist() == pytest.approx([0.75, 0.15], abs=1e-6)
    assert confidence(torch.zeros(11)) == pytest.approx(0.5)


def test_the_confidence_of_a_head_is_its_sigmoid() -> None:
    assert confidence(torch.tensor([[0.0], [2.0]])).tolist() == pytest.approx([0.5, 1 / (1 + 2.718281828**-2)])


def test_shapes_are_kept() -> None:
    assert confidence(torch.randn(2, 3, 11)).shape == confidence(torch.randn(2, 3, 1)).shape == (2, 3)


def test_a_new_head_gives_one_half_everywhere() -> None:
    base = model()
    headed = ValueHeadModel(base)
    logits = headed(input_ids=torch.tensor([[5, 6, 7]])).logits
    assert logits.shape == (1, 3, 1) and confidence(logits).tolist() == [[0.5, 0.5, 0.5]]
    assert headed.get_input_embeddings() is base.get_input_embeddings()
    assert headed.get_output_embeddings() is base.get_output_embeddings()
