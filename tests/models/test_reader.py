"""Models that are read: their tokens of question and response, and a directory that holds none."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.training.cases import model, tokenizer
from tts.errors import InputError
from tts.models.reader import TextEncoder, load_reader


def test_a_text_that_is_too_long_loses_its_beginning(tmp_path: Path) -> None:
    words = tokenizer()
    words.save_pretrained(tmp_path)
    question, text = "Mary has 2 apples .", "so she has 2 and 3"

    def ids(one: str) -> tuple[int, ...]:
        return tuple(words(one, add_special_tokens=False).input_ids)

    asked = ids(f"{question}\n")
    assert TextEncoder(tmp_path, None).item(question, text) == (asked, ids(text))
    assert TextEncoder(tmp_path, len(asked) + 2).item(question, text) == (asked, ids(text)[-2:])
    assert TextEncoder(tmp_path, 3).item(question, text) == (asked[-2:], ids(text)[-1:])
    prompt, empty = TextEncoder(tmp_path, 3).item("", "")
    assert len(prompt) >= 1 and empty == (0,)


def test_a_model_is_loaded_without_its_language_head(tmp_path: Path) -> None:
    model().save_pretrained(tmp_path)
    reader = load_reader(tmp_path, device="cpu", dtype="float32", layer=1, shared=True)
    assert (reader.context, reader.width, reader.layer) == (256, 32, 1)
    assert type(reader.model).__name__ == "LlamaModel" and not reader.model.training
    with pytest.raises(InputError, match=r"recipe\.layer must be in \[-3, 2\]"):
        load_reader(tmp_path, device="cpu", dtype="float32", layer=9, shared=True)


def test_a_directory_without_a_model_or_a_tokenizer_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read \(.*\): give the directory of a transformers model"):
        load_reader(tmp_path, device="cpu", dtype="float32", layer=-1, shared=True)
    with pytest.raises(InputError, match=r"has no tokenizer \(.*\): give the directory of a transformers model with"):
        TextEncoder(tmp_path, None)
