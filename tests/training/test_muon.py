"""Muon: what torch's does, in the precision the processor is fast in."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tts.training.muon import Muon, orthogonal  # noqa: E402


@pytest.mark.parametrize("shape", [(24, 40), (40, 24), (32, 32)])
def test_it_takes_the_steps_of_torchs_muon(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=generator)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    mine = Muon([ours], lr=1e-2, weight_decay=0.01)
    other = torch.optim.Muon([theirs], lr=1e-2, momentum=0.95, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    for _ in range(4):
        gradient = torch.randn(shape, generator=generator)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        mine.step()
        other.step()
    moved = (theirs.detach() - start).norm()
    assert float((ours - theirs).detach().norm()) < 0.02 * float(moved)  # torch's iterates in bfloat16


def test_an_update_has_singular_values_of_about_one() -> None:
    found = orthogonal(torch.randn(30, 50, generator=torch.Generator().manual_seed(1)))
    values = torch.linalg.svdvals(found)
    assert found.shape == (30, 50) and float(values.min()) > 0.4 and float(values.max()) < 1.4


def test_a_weight_without_gradient_stays_as_it_is() -> None:
    weight = torch.nn.Parameter(torch.ones(3, 4))
    Muon([weight], lr=1.0).step()
    assert torch.equal(weight, torch.ones(3, 4))
