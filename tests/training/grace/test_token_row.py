"""The confidence token starts near the base rate."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.training.cases import alone, model, responses, tokenizer  # noqa: E402
from tts.training.adapters import add_tokens  # noqa: E402
from tts.training.grace.losses import confidence_logit  # noqa: E402
from tts.training.grace.token_row import start_row  # noqa: E402
from tts.training.packing import pack  # noqa: E402


@pytest.mark.parametrize("tied", [True, False])
def test_the_row_starts_near_the_base_rate(tied: bool) -> None:
    words, small = tokenizer(), model(tied=tied)
    (token,) = add_tokens(small, words, ["<CNF>"])
    given = [one for one in responses(120) if one.correct or one.question % 3 == 0]
    packed = pack(alone(given), end=words.eos_token_id, token=token)
    right = torch.tensor([one.correct for one in given])

    def read() -> Any:
        found = small(input_ids=packed.ids, output_hidden_states=True)
        return packed.ends(packed.read(found.hidden_states[-1])), packed.ends(packed.read(found.logits)), right

    with torch.no_grad():
        start_row(small, read, token)
        log_odds = confidence_logit(read()[1], token)
    share = float(right.float().mean())
    assert 0.6 < share < 0.8 and float(log_odds.sigmoid().mean()) == pytest.approx(share, abs=0.2)  # the ridge pulls
    without = torch.full_like(log_odds, -math.log(len(words)))  # of a row of zeros: far from any target
    loss, before = (torch.nn.functional.binary_cross_entropy_with_logits(x, right.float()) for x in (log_odds, without))
    assert float(loss) < 0.4 * float(before)
