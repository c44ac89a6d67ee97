"""The losses, against sums by hand."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tts.training.grace.losses import confidence_logit, confidence_loss, divergence, language_loss  # noqa: E402
from tts.training.grace.recipe import GraceRecipe  # noqa: E402
from tts.training.packing import Packed, pack  # noqa: E402
from tts.training.responses import Branches, Response  # noqa: E402

EOS, TOKEN = 2, 7
ONE = Response(0, (3, 4), (5, 6), True, True, "1")
CUT = Response(1, (3,), (5, 6, 5), False, False, "2")


def packed_alone(*responses: Response) -> Packed:
    return pack([Branches(one.prompt, (one,)) for one in responses], end=EOS, token=TOKEN)


def test_the_confidence_is_the_tokens_probability_over_the_whole_vocabulary() -> None:
    logits = torch.randn(3, 5, 11, generator=torch.Generator().manual_seed(0)) * 4
    assert torch.allclose(confidence_logit(logits, TOKEN).sigmoid(), logits.softmax(-1)[..., TOKEN], atol=1e-6)


def test_the_language_model_loss_knows_nothing_of_the_token() -> None:
    packed = packed_alone(ONE, CUT)
    logits = torch.randn(7, 11, generator=torch.Generator().manual_seed(1)).requires_grad_()
    loss = language_loss(logits, packed.source, packed.labels, TOKEN)
    loss.backward()
    assert logits.grad is not None and not logits.grad[..., TOKEN].any()
    kept = [i for i in range(11) if i != TOKEN]
    by_hand = 0.0
    for row, place in packed.labels.ne(-100).nonzero().tolist():
        probabilities = logits.detach()[packed.source[row, place], kept].softmax(-1)
        by_hand -= math.log(probabilities[kept.index(int(packed.labels[row, place]))])
    assert float(loss.detach()) == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("loss", ["squared", "log"])
@pytest.mark.parametrize("positions", ["end", "every"])
def test_the_calibration_loss_is_what_its_name_says(loss: str, positions: str) -> None:
    packed = packed_alone(ONE, CUT)
    logits = torch.randn(7, 11, generator=torch.Generator().manual_seed(2))
    wanted = torch.tensor([0.9, 0.2])
    recipe = GraceRecipe(loss=loss, positions=positions)
    found = confidence_loss(confidence_logit(logits, TOKEN), packed, wanted, recipe)
    by_hand = 0.0
    for row, places in enumerate(([0, 1, 2], [0, 1, 2, 3])):
        goal = float(wanted[row])
        off = []
        for place in places:
            c = float(logits[packed.source[row, place]].softmax(-1)[TOKEN])
            off.append((c - goal) ** 2 if loss == "squared" else -goal * math.log(c) - (1 - goal) * math.log(1 - c))
        by_hand += off[-1] + (sum(off) / len(off) if positions == "every" else 0.0)
    assert float(found) == pytest.approx(by_hand, rel=1e-4)


def test_far_from_its_goal_the_log_loss_still_has_a_gradient() -> None:
    packed = packed_alone(ONE)
    gradients = {}
    for loss in ("squared", "log"):
        logits = torch.zeros(3, 11)
        logits[..., TOKEN] = -14.0  # P = 1e-7
        logits.requires_grad_()
        recipe = GraceRecipe(loss=loss, positions="end")
        confidence_loss(confidence_logit(logits, TOKEN), packed, torch.ones(1), recipe).backward()
        assert logits.grad is not None
        gradients[loss] = float(logits.grad.abs().max())
    assert gradients["log"] > 0.9 and gradients["squared"] < 1e-5


def test_the_divergence_from_the_base_model_is_what_its_name_says() -> None:
    packed = packed_alone(ONE, CUT)
    generator = torch.Generator().manual_seed(3)
    base, logits = (torch.randn(7, 11, generator=generator) for _ in range(2))
    kept = [i for i in range(11) if i != TOKEN]
    by_hand = 0.0
    for row, place in packed.labels.ne(-100).nonzero().tolist():
        at = packed.source[row, place]
        p, q = base[at, kept].softmax(-1), logits[at, kept].softmax(-1)
        by_hand += float((p * (p / q).log()).sum())
    assert float(divergence(logits, base, packed.source, packed.labels, TOKEN)) == pytest.approx(by_hand, rel=1e-4)
    moved = base.clone()
    moved[..., TOKEN] += 5.0  # how sure the model is does not change what it says
    assert float(divergence(moved, base, packed.source, packed.labels, TOKEN)) == pytest.approx(0.0, abs=1e-6)
