"""Process reward models of four conventions, on tiny random models of their shapes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from tts.engines.fake.engine import FakeEngine  # noqa: E402
from tts.errors import InputError, UnsupportedError  # noqa: E402
from tts.scorers.base import Scorer  # noqa: E402
from tts.scorers.metered import MeteredEngine  # noqa: E402
from tts.scorers.reward.forms import FORMS, QWEN_SYSTEM  # noqa: E402
from tts.scorers.reward.opening import open_reward  # noqa: E402
from tts.types import End, Problem, Sample  # noqa: E402

ONE = Problem("q", "two and two ?")
SAMPLES = [Sample("so two\n\nit is four", "4"), Sample("so it\n\nis five\n\nthat is all", "5"), Sample("", None)]
CHAT = (
    "{% for m in messages %}<s>{{ m.role }}\n{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)


def tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<s>", "</s>", "<extra_0>", *alphabet]
    made = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = {"bos_token": "<s>", "eos_token": "</s>", "additional_special_tokens": ["<extra_0>"]}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, chat_template=CHAT, **special)


@pytest.fixture(scope="module", params=list(FORMS))
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A form, and the directory of a random model of its shape."""
    form, path = request.param, tmp_path_factory.mktemp(request.param)
    words = tokenizer()
    torch.manual_seed(1)
    config = transformers.Qwen2Config(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.5,
    )
    transformers.Qwen2ForCausalLM(config).save_pretrained(path)
    words.save_pretrained(path)
    head = {
        "qwen": {"score.0.weight": (16, 16), "score.0.bias": (16,), "score.2.weight": (2, 16), "score.2.bias": (2,)},
        "skywork": {"v_head.summary.weight": (1, 16), "v_head.summary.bias": (1,)},
    }.get(form, {})
    weights = load_file(path / "model.safetensors") | {name: 0.2 * torch.randn(size) for name, size in head.items()}
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    return form, path


def by_hand(form: str, path: Path, steps: list[str]) -> list[float]:
    """The reward of each step, by the words of the model's card."""
    words = transformers.AutoTokenizer.from_pretrained(path)
    model = transformers.AutoModelForCausalLM.from_pretrained(path).eval()
    question, plus, minus = ONE.question, words.encode("+")[-1], words.encode("-")[-1]
    found, ids = [], []
    if form == "qwen":
        turns = [("system", QWEN_SYSTEM), ("user", question), ("assistant", "<extra_0>".join(steps) + "<extra_0>")]
        messages = [{"role": role, "content": content} for role, content in turns]
        ids = words.encode(words.apply_chat_template(messages, tokenize=False))
        places = [i for i, token in enumerate(ids) if token == words.convert_tokens_to_ids("<extra_0>")]
    elif form == "math_shepherd":
        ids = words.encode(f"{question} " + "\n".join(f"{step} ки" for step in steps))
        tag = words.encode("ки")
        places = [i + 3 for i in range(len(ids)) if ids[i : i + 4] == tag]
    elif form == "rlhflow":
        for k in range(len(steps)):
            messages = []
            for number, step in enumerate(steps[: k + 1]):
                messages += [{"role": "user", "content": step if number else f"{question} {step}"}]
                messages += [{"role": "assistant", "content": "+"}]
            ids = words.encode(words.apply_chat_template(messages, tokenize=False))
            with torch.inference_mode():
                logits = model(torch.tensor([ids])).logits[0, -3]  # of the model's card: "+" and the end of the turn
            found.append(logits[[plus, minus]].softmax(-1)[0].item())
        return found
    else:
        ids, places = words.encode(f"<s>{question}\n"), []
        for step in steps:
            ids += words.encode(step) + words.encode("\n")
            places.append(len(ids) - 1)
    with torch.inference_mode():
        out = model(torch.tensor([ids]), output_hidden_states=True)
        weights, hidden = load_file(path / "model.safetensors"), out.hidden_states[-1][0]
        if form == "qwen":
            inner = (hidden @ weights["score.0.weight"].T + weights["score.0.bias"]).relu()
            right = (inner @ weights["score.2.weight"].T + weights["score.2.bias"]).softmax(-1)[:, 1]
        elif form == "skywork":
            right = (hidden @ weights["v_head.summary.weight"].T + weights["v_head.summary.bias"])[:, 0].sigmoid()
        else:
            right = out.logits[0][:, [plus, minus]].softmax(-1)[:, 0]
    return [right[place].item() for place in places]


def play(scorer: Any, samples: list[Sample] = SAMPLES) -> tuple[list[float], int]:
    engine = MeteredEngine(FakeEngine())
    values = asyncio.run(scorer.score(ONE, samples, engine))
    return values.tolist(), engine.usage.scorer_prefill


def test_every_step_is_judged_where_the_models_card_reads_it(saved: tuple[str, Path]) -> None:
    form, path = saved
    scorer: Any = open_reward(path=str(path), form=form, separator="\n\n", batch=2)
    assert isinstance(scorer, Scorer) and scorer.judges_prefixes
    engine = MeteredEngine(FakeEngine())
    rewards = asyncio.run(scorer.rewards(ONE, SAMPLES, engine))
    for sample, found in zip(SAMPLES[:2], rewards, strict=False):
        steps = sample.text.split("\n\n")
        assert len(found) == len(steps)
        assert found == pytest.approx(by_hand(form, path, steps), abs=1e-4)
    assert np.ptp(np.concatenate(rewards)) > 1e-4 and engine.usage.scorer_prefill > 0
    values, _ = play(scorer)
    assert values == pytest.approx([rewards[0][-1], rewards[1][-1], 0.0])


def test_a_partial_sample_has_the_rewards_of_its_steps(saved: tuple[str, Path]) -> None:
    form, path = saved
    scorer: Any = open_reward(path=str(path), form=form, separator="\n\n")
    partial = Sample("so it\n\nis five\n\n", end=End.BOUNDARY)
    [part, whole] = asyncio.run(scorer.rewards(ONE, [partial, SAMPLES[1]], MeteredEngine(FakeEngine())))
    assert part == pytest.approx(whole[:2], abs=1e-5), "a causal model judges a step by what is before it"


def test_the_aggregate_changes_the_order_of_samples(saved: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    form, path = saved
    steps = [np.array([0.2, 0.9]), np.array([0.7, 0.8]), np.array([0.6, 0.85, 0.99])]
    orders = {}
    for aggregate, expected in (
        ("last", [0.9, 0.8, 0.99]),
        ("min", [0.2, 0.7, 0.6]),
        ("prod", [0.18, 0.56, 0.6 * 0.85 * 0.99]),
        ("mean", [0.55, 0.75, 2.44 / 3]),
    ):
        scorer: Any = open_reward(path=str(path), form=form, aggregate=aggregate)

        async def rewards(*_: Any) -> Any:
            return steps

        monkeypatch.setattr(scorer, "rewards", rewards)
        values, _ = play(scorer)
        assert values == pytest.approx(expected)
        orders[aggregate] = tuple(np.argsort(values)[::-1])
    assert orders["last"] == (2, 0, 1) and orders["min"] == (1, 2, 0) == orders["prod"] and orders["mean"] == (2, 1, 0)
    keys = {str(open_reward(path=str(path), form=form, aggregate=name).key) for name in orders}
    assert len(keys) == 4


def test_special_tokens_in_texts_make_no_steps(saved: tuple[str, Path]) -> None:
    form, path = saved
    scorer: Any = open_reward(path=str(path), form=form)
    [found] = asyncio.run(
        scorer.rewards(ONE, [Sample("so <extra_0> two</s>\n\nfour <s>")], MeteredEngine(FakeEngine()))
    )
    assert len(found) == (3 if form == "skywork" else 2) or form == "skywork"


def test_what_cannot_be_read_gets_one_sentence(tmp_path: Path, saved: tuple[str, Path]) -> None:
    form, path = saved
    with pytest.raises(InputError, match="unknown form of reward models 'prm'"):
        open_reward(path=str(path), form="prm")
    with pytest.raises(InputError, match="unknown aggregate 'max'"):
        open_reward(path=str(path), form=form, aggregate="max")
    with pytest.raises(InputError, match="positive and template are for outcome reward models"):
        open_reward(path=str(path), form=form, positive=1)
    with pytest.raises(InputError, match="aggregate and separator are for process reward models"):
        open_reward(path=str(path), aggregate="min")
    with pytest.raises(InputError, match=r"no model there \(it has no config.json\)"):
        open_reward(path=str(tmp_path), form=form)
    with pytest.raises(UnsupportedError, match="reads 512 tokens and draw 0 of problem 'q' has"):
        play(open_reward(path=str(path), form=form), [Sample("so " * 400)])
    if form in ("math_shepherd", "rlhflow"):
        with pytest.raises(InputError, match="has no weights of a head"):
            play(open_reward(path=str(path), form="qwen"))
