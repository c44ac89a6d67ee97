"""Values and a head say a number in [0, 1], and are taught to."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from tts.models.value_head import confidence, loss  # noqa: E402


@given(goal=st.floats(0, 1))
def test_what_the_loss_is_least_at_says_the_goal(goal: float) -> None:
    """Probabilities shared between the two values beside the goal: no other logits have a lower loss."""
    steps = min(int(goal * 10), 9)
    share = goal * 10 - steps
    best = torch.full((11,), -30.0)
    best[steps], best[steps + 1] = torch.log(torch.tensor([1 - share, share]).clamp(min=1e-12))
    assert float(confidence(best)) == pytest.approx(goal, abs=1e-4)
    least = float(loss(best, torch.tensor(goal)))
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        other = best.clamp(min=-5) + 0.5 * torch.randn(11, generator=generator)
        assert float(loss(other, torch.tensor(goal))) >= least - 1e-4


def test_a_head_is_a_log_odds() -> None:
    given = torch.tensor([[0.0], [2.0]])
    assert confidence(given).tolist() == pytest.approx([0.5, 1 / (1 + 2.718281828**-2)])
    expected = torch.nn.functional.binary_cross_entropy(confidence(given), torch.tensor([0.3, 0.9]), reduction="none")
    assert loss(given, torch.tensor([0.3, 0.9])).tolist() == pytest.approx(expected.tolist())


def test_shapes_are_kept() -> None:
    given = torch.randn(2, 3, 11)
    assert confidence(given).shape == loss(given, torch.rand(2, 3)).shape == (2, 3)
    assert confidence(torch.zeros(11)) == pytest.approx(0.5)
