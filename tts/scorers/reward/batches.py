"""The sequences that a reward model reads: short enough for it, and padded to one length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tts.errors import UnsupportedError
from tts.types import Problem, Sample


def check_length(path: Path, model: Any, problem: Problem, sample: Sample, tokens: int) -> None:
    """Refuse a sample that does not fit the model's context together with its question.

    Raises:
        UnsupportedError: naming the sample.
    """
    most = getattr(model.config, "max_position_embeddings", None)
    if most is not None and tokens > most:
        raise UnsupportedError(
            f"reward model {path} reads {most} tokens and draw {sample.index} of problem {problem.id!r} has {tokens} "
            "with its question: draw shorter samples or use another model"
        )


def padded(rows: Sequence[Sequence[int]], pad: int, device: str) -> tuple[Any, Any]:
    """Return token ids as one tensor, padded on the right, and its attention mask, both [rows, longest]."""
    import torch

    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows], device=device)
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
    return ids, mask
