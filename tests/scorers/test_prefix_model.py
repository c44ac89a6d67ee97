"""The model of a FineCE scorer: batches change nothing, and a text that does not fit is refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tts.errors import InputError, UnsupportedError  # noqa: E402
from tts.models.finece import FineceCard  # noqa: E402
from tts.scorers.prefix_model import PrefixModel  # noqa: E402
from tts.types import Problem  # noqa: E402

ONE = Problem("q", "?")
CARD = FineceCard("full", "head", (), "tiny")


class LastToken:
    """A model of a single logit, the id of the token itself; it keeps the widths of its batches."""

    config = SimpleNamespace(max_position_embeddings=6)

    def __init__(self) -> None:
        self.widths: list[tuple[int, int]] = []

    def __call__(self, *, input_ids: Any, attention_mask: Any, use_cache: bool) -> Any:
        assert not use_cache and (input_ids[attention_mask == 0] == 0).all()
        self.widths.append(tuple(input_ids.shape))
        return SimpleNamespace(logits=input_ids[..., None].float())


def opened(batch: int = 32) -> tuple[PrefixModel, LastToken]:
    scorer = PrefixModel(Path("none"), CARD, "tiny", batch=batch)
    scorer._model = LastToken()
    return scorer, scorer._model


@pytest.mark.parametrize("batch", [1, 2, 32])
def test_each_text_is_read_at_its_last_token_whatever_the_batch(batch: int) -> None:
    scorer, model = opened(batch)
    texts = [(5, 1), (2,), (7, 7, 7, 3), (4, 4, -2)]
    found = scorer.read(texts)
    assert found == pytest.approx(1 / (1 + np.exp(-np.array([text[-1] for text in texts], dtype=float))))
    assert model.widths[0] == (min(batch, 4), {1: 1, 2: 2, 32: 4}[batch])


def test_no_texts_have_no_confidences() -> None:
    assert opened()[0].read([]).shape == (0,)


def test_a_text_longer_than_the_context_is_refused() -> None:
    scorer, _ = opened()
    scorer.check(ONE, [(1,) * 6])
    with pytest.raises(UnsupportedError, match=r"a prefix of problem 'q' has 7 tokens with its question .* holds 6"):
        scorer.check(ONE, [(1,) * 7])


def test_a_directory_without_a_model_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"scorer .* cannot be loaded \(.*\): train it again"):
        PrefixModel(tmp_path, CARD, tmp_path).check(ONE, [(1,)])
