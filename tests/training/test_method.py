"""Both training methods have every method of the protocol, with the same parameters."""

from __future__ import annotations

import inspect

import pytest

pytest.importorskip("torch")

from tts.training.finece.method import FineceMethod
from tts.training.grace.method import GraceMethod
from tts.training.method import TrainingMethod


@pytest.mark.parametrize("method", [GraceMethod, FineceMethod])
def test_a_training_method_is_what_the_pipeline_calls(method: type) -> None:
    names = [name for name in vars(TrainingMethod) if not name.startswith("_") and name != "recipe"]
    assert set(names) == {"for_base", "check", "check_tokenizer", "add_tokens", "start", "write"}
    for name in names:
        wanted = inspect.signature(getattr(TrainingMethod, name)).parameters
        assert list(inspect.signature(getattr(method, name)).parameters) == list(wanted), name
