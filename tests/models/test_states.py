"""Hidden states: every text is read as if it stood alone, once, whatever it is read with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.training.cases import model  # noqa: E402
from tts.errors import InputError  # noqa: E402
from tts.models import states  # noqa: E402
from tts.models.states import Row, StateReader, plan_rows  # noqa: E402

ITEMS = [((30, 31, 32), (5, 6)), ((33,), (5, 6, 7)), ((30, 31, 32), (8,)), ((30, 31, 32), (5, 6)), ((34, 35), ())]
"""The third text shares nothing with the first, the fourth all."""


@torch.no_grad()
def alone(small: Any, prompt: tuple[int, ...], text: tuple[int, ...], layer: int = -1) -> Any:
    found = small.model(input_ids=torch.tensor([[*prompt, *text]]), output_hidden_states=True)
    return found.hidden_states[layer][0, len(prompt) - 1 :].double().numpy()


def test_a_prompt_shares_its_row_with_distinct_texts_and_rows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan_rows(ITEMS, shared=True) == [
        Row((34, 35), ((),), 2), Row((33,), ((5, 6, 7),), 4), Row((30, 31, 32), ((8,), (5, 6)), 6),
    ]  # fmt: skip
    assert [row.length for row in plan_rows(ITEMS, shared=False)] == [2, 4, 4, 5]
    assert Row.of((1, 2), [(5, 6), (5, 6, 7), (5, 8)]).length == 6  # a token that texts begin with is read once
    monkeypatch.setattr(states, "PASS_TOKENS", 5)
    assert len(plan_rows(ITEMS, shared=True)) == 4
    monkeypatch.setattr(states, "PASS_TOKENS", 100)
    monkeypatch.setattr(states, "ROW_TEXTS", 1)
    assert len(plan_rows(ITEMS, shared=True)) == 4


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("layer", "most"), [(-1, 8192), (1, 4)])
def test_states_are_those_of_each_text_alone(
    shared: bool, layer: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "PASS_TOKENS", most)
    small, read = model(), []
    reader = StateReader(small.model, layer=layer, shared=shared)
    found = reader.read(ITEMS, read.append)
    assert sum(read) == sum(row.length for row in reader.rows(ITEMS))
    for i, (prompt, text) in enumerate(ITEMS):
        wanted = alone(small, prompt, text, layer)
        assert found.last[i] == pytest.approx(wanted[-1], abs=1e-5)
        assert found.mean[i] == pytest.approx(wanted[1:].mean(0) if text else wanted[-1], abs=1e-5)
    assert found.pooled("mean") is found.mean and found.pooled("last") is found.last


def test_a_text_without_a_prompt_is_read_by_itself() -> None:
    small = model()
    found = StateReader(small.model, shared=False).read([((), (30, 31, 32)), ((33,), (34,))])
    assert found.mean[0] == pytest.approx(alone(small, (30,), (31, 32)).mean(0), abs=1e-5)
    assert found.last[1] == pytest.approx(alone(small, (33,), (34,))[-1], abs=1e-5)


def test_nothing_has_no_states_and_a_layer_that_is_not_there_is_refused() -> None:
    small = model()
    assert np.shape(StateReader(small.model).read([]).mean) == (0, 32)
    with pytest.raises(InputError, match=r"recipe\.layer must be in \[-3, 2\] for this model, got 3"):
        StateReader(small.model, layer=3)
