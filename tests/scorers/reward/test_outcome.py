"""The outcome reward model is whatever sequence classifier it is given, and charges what it reads."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tts.engines.fake.engine import FakeEngine  # noqa: E402
from tts.errors import InputError, UnsupportedError  # noqa: E402
from tts.scorers.base import Calibrated, RawScorer, Scorer  # noqa: E402
from tts.scorers.metered import MeteredEngine  # noqa: E402
from tts.scorers.reward.outcome import OutcomeReward  # noqa: E402
from tts.types import Problem, Sample, Usage  # noqa: E402

ONE = Problem("q", "two and two ?")
SAMPLES = [Sample("so four", "4"), Sample("it is five and that is all", "5"), Sample("", None)]
WORDS = ["[PAD]", "[UNK]", "two", "and", "?", "so", "four", "it", "is", "five", "that", "all", "user", ":", "assistant"]


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tokenizer(pad: bool = True, chat: bool = False) -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    plain = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    plain.pre_tokenizer = WhitespaceSplit()
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, unk_token="[UNK]", pad_token="[PAD]" if pad else None
    )
    if chat:
        made.chat_template = "{% for m in messages %}{{ m['role'] }} : {{ m['content'] }} {% endfor %}"
    return made


def saved(path: Path, kind: str = "bert", labels: int = 1, **options: Any) -> Path:
    torch.manual_seed(labels)
    small: dict[str, Any] = {
        "vocab_size": len(WORDS),
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 16,
        "num_labels": labels,
    }
    if kind == "bert":
        model = transformers.BertForSequenceClassification(transformers.BertConfig(**small))
    else:
        config = transformers.LlamaConfig(**small, pad_token_id=None)
        model = transformers.LlamaForSequenceClassification(config)
    for parameter in model.parameters():  # larger than the usual start, so that texts differ
        torch.nn.init.normal_(parameter, std=0.5)
    model.save_pretrained(path)
    tokenizer(**options).save_pretrained(path)
    return path


def by_hand(path: Path, text: str) -> Any:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(path).eval()
    ids = transformers.AutoTokenizer.from_pretrained(path)(text, return_tensors="pt").input_ids
    with torch.inference_mode():
        return model(input_ids=ids).logits[0].double()


def play(scorer: OutcomeReward, what: str = "score") -> tuple[Any, Usage]:
    engine = MeteredEngine(FakeEngine())
    return asyncio.run(getattr(scorer, what)(ONE, SAMPLES, engine)), engine.usage


@pytest.mark.parametrize("kind", ["bert", "llama"])
@pytest.mark.parametrize("pad", [True, False])
def test_one_label_is_the_sigmoid_of_its_logit(tmp_path: Path, kind: str, pad: bool) -> None:
    path = saved(tmp_path / "m", kind, pad=pad)
    scores, usage = play(OutcomeReward(path, batch=2))
    texts = [f"two and two ?\n{s.text}" for s in SAMPLES]
    logits = [by_hand(path, text)[0].item() for text in texts]
    assert scores == pytest.approx(1 / (1 + np.exp(-np.array(logits))), abs=1e-5)
    assert np.ptp(scores) > 1e-3, "texts are told apart"
    assert usage == Usage(scorer_prefill=sum(len(text.split()) for text in texts)), "padding is not read"
    raw, _ = play(OutcomeReward(path, batch=3), "raw")
    assert raw == pytest.approx(logits, abs=1e-4)


@pytest.mark.parametrize(("labels", "positive"), [(2, None), (2, 0), (3, 1)])
def test_several_labels_are_the_softmax_of_the_positive_one(tmp_path: Path, labels: int, positive: int | None) -> None:
    path = saved(tmp_path / "m", labels=labels)
    scores, _ = play(OutcomeReward(path, positive=positive, template="{text} ? {question}"))
    right = labels - 1 if positive is None else positive
    expected = [by_hand(path, f"{s.text} ? two and two ?").softmax(0)[right].item() for s in SAMPLES]
    assert scores == pytest.approx(expected, abs=1e-5)


def test_a_chat_template_is_used_where_there_is_one(tmp_path: Path) -> None:
    path = saved(tmp_path / "m", chat=True)
    scores, _ = play(OutcomeReward(path))
    logits = [by_hand(path, f"user : two and two ? assistant : {s.text}")[0].item() for s in SAMPLES]
    assert scores == pytest.approx(1 / (1 + np.exp(-np.array(logits))), abs=1e-5)


def test_it_is_a_scorer_that_can_be_calibrated_and_loads_nothing_for_no_samples(tmp_path: Path) -> None:
    scorer = OutcomeReward(saved(tmp_path / "m"))
    assert isinstance(scorer, Scorer) and isinstance(scorer, RawScorer)
    engine = MeteredEngine(FakeEngine())
    assert asyncio.run(scorer.score(ONE, [], engine)).shape == (0,)
    assert scorer._loaded is None and engine.usage == Usage()
    halved = asyncio.run(Calibrated(scorer, lambda raw: raw / 2).score(ONE, SAMPLES, engine))
    assert halved == pytest.approx(play(scorer, "raw")[0] / 2, abs=1e-5)


def test_the_event_loop_lives_while_the_model_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    scorer, ticked = OutcomeReward(saved(tmp_path / "m")), threading.Event()
    inner = scorer._odds

    def patient(*arguments: Any) -> Any:
        assert ticked.wait(10), "the loop stood still"
        return inner(*arguments)

    monkeypatch.setattr(scorer, "_odds", patient)

    async def both() -> Any:
        reading = asyncio.create_task(scorer.score(ONE, SAMPLES, MeteredEngine(FakeEngine())))
        await asyncio.sleep(0.01)
        ticked.set()
        return await reading

    assert asyncio.run(both()).shape == (3,)


def test_what_is_no_sequence_classifier_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such directory; give that of a sequence-classification model"):
        OutcomeReward(tmp_path / "missing")
    with pytest.raises(InputError, match=r"holds no readable config\.json"):
        OutcomeReward(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}))
    with pytest.raises(InputError, match=r"must be a sequence classifier .* and is LlamaForCausalLM"):
        OutcomeReward(tmp_path)
    with pytest.raises(InputError, match="batch of at least 1, got 0"):
        OutcomeReward(tmp_path, batch=0)


def test_incomplete_weights_a_bad_label_and_a_long_text_get_one_sentence(tmp_path: Path) -> None:
    path = saved(tmp_path / "m", labels=2)
    with pytest.raises(InputError, match="has labels 0 to 1 and positive is 2"):
        play(OutcomeReward(path, positive=2))
    with pytest.raises(UnsupportedError, match="reads 16 tokens and draw 0 of problem 'q' has 17 with its question"):
        asyncio.run(OutcomeReward(path).score(ONE, [Sample("so " * 13)], MeteredEngine(FakeEngine())))
    from safetensors.torch import load_file, save_file

    weights = load_file(path / "model.safetensors")
    save_file({k: v for k, v in weights.items() if "classifier" not in k}, path / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"lacks the weights classifier\.bias, classifier\.weight"):
        play(OutcomeReward(path))
    (path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be loaded"):
        play(OutcomeReward(path))
