"""Free text by meaning: a tiny model of the right shape decides, both ways, and bad models are one sentence."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from evals.config import CompareConfig
from evals.tasks.equality import open_equality
from tts.answers import merge
from tts.errors import InputError
from tts.types import Problem, Usage

WORDS = ["[PAD]", "[UNK]", "paris", "it", "is", "london"]


def make(folder: Path, labels: list[str], favourite: int) -> str:
    """Save a tiny sequence classifier that always gives one label."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")
    tokenizer.save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
    )
    model = transformers.BertForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.eye(len(labels))[favourite])
    model.save_pretrained(folder)
    return str(folder)


def test_two_texts_are_equal_where_each_entails_the_other(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from tts.answers.meaning.entailment import Entailment

    labels = ["CONTRADICTION", "NEUTRAL", "ENTAILMENT"]
    same = Entailment(make(tmp_path / "same", labels, 2))
    merged = merge(["Paris", "It is Paris", "paris", "London"], kind="text", equal=same.equal)
    assert merged.labels == (0, 0, 0, 0) and same.comparisons == 2
    assert same.equal("it is paris", "paris") and same.comparisons == 2
    equality = open_equality({"name": "entailment", "model": str(tmp_path / "same")}, "text", key="task.equal")
    assert equality is not None and equality.report is None
    assert asyncio.run(equality.compare(Problem("q", "?"), [("it is paris", "paris")], lambda _: None)) == (
        [True],
        Usage(),
    )
    other = Entailment(make(tmp_path / "other", labels, 1))
    assert merge(["Paris", "It is Paris", "paris"], kind="text", equal=other.equal).labels == (0, 1, 0)
    with pytest.raises(InputError, match="has the labels good, bad and none for entailment"):
        Entailment(make(tmp_path / "reward", ["good", "bad"], 0))
    with pytest.raises(InputError, match="cannot be loaded"):
        Entailment(str(tmp_path / "missing"))


def test_the_configuration_needs_free_text_and_a_model() -> None:
    with pytest.raises(InputError, match="equal=entailment compares answers of the kind text: give answers=text, got"):
        CompareConfig(equal={"name": "entailment", "model": "m"})
    with pytest.raises(InputError, match=r"equal=entailment needs equal\.model=NAME"):
        CompareConfig(answers="text", equal={"name": "entailment"})
    with pytest.raises(InputError, match=r"unknown equality in equal 'exakt': .*did you mean exact\?"):
        CompareConfig(answers="text", equal={"name": "exakt"})
    with pytest.raises(InputError, match="unknown option of equality entailment 'modell'"):
        open_equality({"name": "entailment", "model": "m", "modell": 1}, "text", key="equal")
    assert open_equality({"name": "auto"}, "text", key="equal") is None
