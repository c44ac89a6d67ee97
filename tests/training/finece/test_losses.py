"""The loss of a FineCE scorer is least where the confidence is the goal."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from tts.models.value_head import confidence  # noqa: E402
from tts.training.finece.losses import value_loss  # noqa: E402


@settings(deadline=None)
@given(goal=st.floats(0, 1))
def test_the_loss_is_least_where_the_confidence_is_the_goal(goal: float) -> None:
    """Probabilities shared between the two values beside the goal: no other logits have a lower loss."""
    steps = min(int(goal * 10), 9)
    share = goal * 10 - steps
    best = torch.full((11,), -30.0)
    best[steps], best[steps + 1] = torch.log(torch.tensor([1 - share, share]).clamp(min=1e-12))
    assert float(confidence(best)) == pytest.approx(goal, abs=1e-4)
    least = float(value_loss(best, torch.tensor(goal)))
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        other = best.clamp(min=-5) + 0.5 * torch.randn(11, generator=generator)
        assert float(value_loss(other, torch.tensor(goal))) >= least - 1e-4


def test_the_loss_of_a_head_is_binary_cross_entropy() -> None:
    logits = torch.tensor([[0.0], [2.0]])
    goals = torch.tensor([0.3, 0.9])
    expected = torch.nn.functional.binary_cross_entropy(confidence(logits), goals, reduction="none")
    assert value_loss(logits, goals).tolist() == pytest.approx(expected.tolist())


def test_shapes_are_kept() -> None:
    assert value_loss(torch.randn(2, 3, 11), torch.rand(2, 3)).shape == (2, 3)
