"""The training loop, on an objective of one weight: its steps, rates, evaluations and early stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.training.cases import interrupted  # noqa: E402
from tts.progress.phases import Phases  # noqa: E402
from tts.training.checkpoint import CHECKPOINT, read  # noqa: E402
from tts.training.history import Evaluation  # noqa: E402
from tts.training.loop import Loop  # noqa: E402
from tts.training.schedule import Schedule  # noqa: E402

SCHEDULE = Schedule(
    method="full", epochs=3, batch_size=4, micro_batch_size=2, learning_rate=0.1, evaluations=2, warmup=0.5
)
IDENTITY: dict[str, Any] = {"shapes": {}, "base": {}, "recipe": {}}


class OneWeight(torch.nn.Module):
    """A model of one weight, as the optimisers expect it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([0.0]))

    def get_input_embeddings(self) -> Any:
        return torch.nn.Embedding(1, 1)

    get_output_embeddings = get_input_embeddings


class Towards:
    """Pulls the weight towards 1; ``briers`` are the scores of its evaluations."""

    def __init__(self, briers: Sequence[float] = ()) -> None:
        self.rows, self.lengths = [[i] for i in range(8)], [1] * 8
        self.extra_state: Mapping[str, Any] = {"extra": 5}
        self.briers = list(briers)
        self.parts: list[int] = []

    def losses(self, model: Any, part: Sequence[int], batch: Sequence[int]) -> tuple[Any, float, float]:
        self.parts.append(len(part))
        loss = (model.weight - 1).square().sum() * len(part) / len(batch)
        return loss, float(loss.detach()), 0.0

    held_out_tokens = 3

    def evaluate(self, model: Any, step: int, advance: Callable[[int], None]) -> Evaluation:
        brier = self.briers.pop(0) if self.briers else float((model.weight - 1).square().sum())
        return Evaluation(step, brier, 0.25, 0.5, 0.5, 0.0)


def loop(out: Path, objective: Towards, schedule: Schedule = SCHEDULE, saved: Any = None, phases: Any = None) -> Loop:
    return Loop(
        out,
        OneWeight(),
        objective,
        schedule,
        identity=IDENTITY,
        saved=saved,
        device="cpu",
        report=lambda line: None,
        phases=phases or Phases(),
    )


def test_it_takes_every_step_in_passes_and_evaluates_as_often_as_the_schedule_has_it(tmp_path: Path) -> None:
    objective = Towards()
    made = loop(tmp_path, objective)
    assert (made.per_batch, made.per_pass, made.per_epoch, made.steps) == (4, 2, 2, 6)
    made.run()
    assert made.step == 6 and len(made.history.losses) == 6 and objective.parts == [2, 2] * 6
    assert [one.step for one in made.history.evaluations] == [1, 2, 3, 4, 5, 6]


def test_the_rate_rises_to_its_peak_and_falls_to_zero(tmp_path: Path) -> None:
    made, rates = loop(tmp_path, Towards()), []
    for _ in range(made.steps):
        rates.append(made._scale())
        made.step += 1
    assert rates == pytest.approx([1 / 3, 2 / 3, 1.0, 1.0, 2 / 3, 1 / 3])
    assert made._scale() == 0.0


def test_it_stops_after_as_many_worse_evaluations_as_its_patience_and_takes_the_best_weights(tmp_path: Path) -> None:
    lines: list[str] = []
    made = loop(tmp_path, Towards([0.3, 0.1, 0.2, 0.2, 0.0]), replace(SCHEDULE, patience=2))
    made.report = lines.append
    made.run()
    assert made.step == 4 and made.history.best.step == 2
    assert lines[-1] == "held-out Brier has not improved in 2 evaluations: stopping early"
    best = torch.load(tmp_path / "best.pt")
    assert best["step"] == 2 and torch.equal(made.model.weight, best["weights"]["weight"])


def test_a_checkpoint_holds_the_extra_state_and_continues_as_if_never_stopped(tmp_path: Path) -> None:
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole = loop(tmp_path / "whole", Towards())
    whole.run()
    with interrupted(4):
        loop(tmp_path / "cut", Towards()).run()
    saved = read(tmp_path / "cut" / CHECKPOINT, IDENTITY, "cpu")
    assert saved is not None and saved["extra"] == 5 and saved["step"] == 3
    again = loop(tmp_path / "cut", Towards(), saved=saved)
    again.run()
    assert again.history == whole.history and torch.equal(again.model.weight, whole.model.weight)
