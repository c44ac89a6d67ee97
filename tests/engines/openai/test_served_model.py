"""A served model has its tokenizer if there is one and the servers take its tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("transformers")

from tts.engines.openai.served_model import ServedModel, ServerFeatures, load_served_model
from tts.errors import InputError
from tts.models.bundled import weights
from tts.prompts import Prompt

IDS = ServerFeatures(token_ids=True, context=512)


def test_without_a_tokenizer_none_is_loaded() -> None:
    assert load_served_model("m", IDS, tokenizer=None, prompt=Prompt()) == ServedModel("m", IDS)


def test_a_tokenizer_counts_where_the_server_takes_texts() -> None:
    model = load_served_model("m", ServerFeatures(), tokenizer=str(weights("grace")), prompt=Prompt())
    assert model.encoder is None and model.count is not None and model.count("Jack has 11 beads.") > 3


def test_special_tokens_are_those_of_the_generation_configuration() -> None:
    model = load_served_model("m", IDS, tokenizer=str(weights("grace")), prompt=Prompt())
    assert model.encoder is not None and model.encoder.context == 512
    assert len(model.suppressed) == 1 and model.encoder.tokenizer.eos_token_id in model.ends
    assert not set(model.suppressed) & model.ends


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"engine\.openai\.tokenizer .* cannot be loaded .*: give a model's directory"):
        load_served_model("m", IDS, tokenizer=str(tmp_path), prompt=Prompt())
