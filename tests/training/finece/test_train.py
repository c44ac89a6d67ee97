"""A scorer learns what prefixes come to, in every form, and leaves behind what the scorer `finece` reads."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from tests.training.cases import TELLING, model, tokenizer  # noqa: E402
from tts.engines.base import Capabilities  # noqa: E402
from tts.errors import InputError, UnsupportedError  # noqa: E402
from tts.models.finece import FineceCard, read_card  # noqa: E402
from tts.scorers.calibration_file import Provenance  # noqa: E402
from tts.scorers.finece import open_finece  # noqa: E402
from tts.scorers.metered import MeteredEngine  # noqa: E402
from tts.training.finece.build import FORMS, save  # noqa: E402
from tts.training.finece.recipe import Recipe  # noqa: E402
from tts.training.finece.train import Trained, train  # noqa: E402
from tts.training.responses import Response, Split  # noqa: E402
from tts.training.schedule import GrowConfig, LoraConfig  # noqa: E402
from tts.types import End, Problem, Sample  # noqa: E402

QUICK = Recipe(
    method="full", epochs=8, batch=20, rows=20, rate=3e-3, evaluations=1, patience=16, dtype="float32", seed=1
)
BASE = {"model": "m"}


def trees(count: int, *, seed: int = 0) -> tuple[Response, ...]:
    """Answers are right if they hold a telling token; it stands in a prefix or not at all."""
    rng = np.random.default_rng(seed)
    found = []
    for question in range(count):
        prompt = (1, *rng.integers(30, 60, 4).tolist())
        begins = [tuple(rng.integers(30, 60, 3).tolist()) for _ in range(3)]
        begins = [(*one[:2], TELLING) if rng.random() < 0.5 else one for one in begins]
        for given, begin in ((0, begins[0]), (0, begins[1]), (3, begins[0]), (3, begins[0]), (3, begins[1])):
            ids = (*begin, *rng.integers(30, 60, int(rng.integers(2, 5))).tolist())
            right = TELLING in ids
            found.append(Response(question, prompt, ids, True, right, "1" if right else "2", given=given))
    return tuple(found)


def halves(count: int = 90) -> Split:
    return Split(trees(count), trees(30, seed=1))


FORMS_OF = {
    "values, full": QUICK,
    "head, full": replace(QUICK, read="head"),
    "values, lora": replace(QUICK, method="lora", rate=6e-3, epochs=16, lora=LoraConfig(16, 16)),
    "head, lora": replace(QUICK, method="lora", read="head", rate=6e-3, epochs=16, lora=LoraConfig(16, 16)),
    "values, labels only": replace(QUICK, positions="labels", epochs=12),
    "values, grown": replace(QUICK, method="grow", grow=GrowConfig(16, 1, 32, 1), epochs=16, rate=6e-3),
}


def run(out: Path, recipe: Recipe, words: Any, split: Split | None = None) -> Trained:
    return train(out, model(), words, split or halves(), recipe, base=BASE, tell=lambda line: None)


class Engine:
    """Tells the tokens of a prompt, and nothing else."""

    capabilities = Capabilities()

    def __init__(self, prompt: tuple[int, ...]) -> None:
        self.prompt = prompt

    def prompt_ids(self, problem: Problem) -> tuple[int, ...]:
        return self.prompt


def confidences(scorer: Any, one: Response, engine: Any = None) -> tuple[list[float], MeteredEngine]:
    """Of the whole answer, of what it begins with, and of the question alone."""
    samples = [
        Sample("x", end=End.STOP, token_ids=(*one.ids, 2)),
        Sample("x", end=End.BOUNDARY, token_ids=one.ids[:3]),
        Sample("", end=End.BOUNDARY, token_ids=()),
    ]
    samples[2] = replace(samples[2], token_ids=one.ids[:1])
    metered = MeteredEngine(engine or Engine(one.prompt))
    return asyncio.run(scorer.score(Problem("q", "?"), samples, metered)).tolist(), metered


@pytest.mark.parametrize("name", FORMS_OF)
def test_it_learns_what_prefixes_come_to_and_is_read_as_it_was_trained(tmp_path: Path, name: str) -> None:
    recipe, words = FORMS_OF[name], tokenizer()
    base = tmp_path / "base"
    model().save_pretrained(base)
    out = tmp_path / "scorer"
    trained = run(out, recipe, words)
    best = trained.history.best
    assert best.auroc > 0.95 and best.brier < 0.1, best
    card = FineceCard(FORMS[recipe.method], recipe.read, trained.tokens, "m")  # type: ignore[arg-type]
    save(out, trained.model, words, card, dtype=torch.float32)
    assert read_card(out) == card
    if recipe.method == "grow":
        assert json.loads((out / "generation_config.json").read_text())["suppress_tokens"] == list(trained.tokens)
        return
    scorer = open_finece(path=str(out), folder=base, provenance=Provenance("m", "finece", "t"))
    told: list[list[float]] = [[], []]
    for one in trees(30, seed=2):
        (whole, begun, _), metered = confidences(scorer, one)
        told[one.correct] += [whole, begun]
        assert metered.usage.scorer_prefill == 3 * len(one.prompt) + len(one.ids) + 3 + 1
        assert metered.usage.scorer_decode == 0
    assert np.mean(told[True]) > 0.75 and np.mean(told[False]) < 0.25


def test_adapters_leave_the_generator_alone(tmp_path: Path) -> None:
    """What scores is another copy: the base's weights on disk and its output are as before."""
    words, base = tokenizer(), model()
    before = {name: weight.clone() for name, weight in base.named_parameters()}
    trained = train(
        tmp_path, base, words, halves(20), replace(FORMS_OF["head, lora"], epochs=1), base=BASE, tell=lambda line: None
    )
    with trained.model.model.disable_adapter():
        ids = torch.tensor([[1, 30, 31, 32]])
        assert torch.equal(trained.model.model(ids).logits, model()(ids).logits)
    assert all(torch.equal(weight, before[name]) for name, weight in model().named_parameters())


def test_numbers_are_the_tokenizers_own(tmp_path: Path) -> None:
    words = tokenizer()
    if len(words("10", add_special_tokens=False).input_ids) == 1:
        trained = run(tmp_path, replace(QUICK, read="numbers", epochs=1), words)
        assert [words.decode([token]).strip() for token in trained.tokens] == [str(v) for v in range(11)]
        return
    with pytest.raises(
        InputError, match=r"read=numbers needs one token for each of 0 to 10, and this tokenizer writes"
    ):
        run(tmp_path, replace(QUICK, read="numbers"), words)


def test_training_goes_on_from_its_checkpoint(tmp_path: Path, monkeypatch: Any) -> None:
    recipe = replace(QUICK, epochs=2)
    through = run(tmp_path / "through", recipe, tokenizer(), halves(30))
    from tts.training.loop import Loop

    learn, seen = Loop.learn, 0

    def stop(self: Any, batch: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == 9:
            raise KeyboardInterrupt
        return learn(self, batch)

    monkeypatch.setattr("tts.training.loop.SAVE_EVERY", -1.0)
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "learn", stop)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", recipe, tokenizer(), halves(30))
    again = run(tmp_path / "cut", recipe, tokenizer(), halves(30))
    assert again.history == through.history


def test_a_tokenizer_that_has_the_values_gets_one_sentence(tmp_path: Path) -> None:
    words = tokenizer()
    words.add_special_tokens({"additional_special_tokens": ["<C3>"]})
    with pytest.raises(InputError, match=r"already has the token '<C3>'.*recipe.token"):
        run(tmp_path, QUICK, words)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"read": "words"}, "recipe.read must be one of values, numbers, head, got 'words'"),
        ({"positions": "end"}, "recipe.positions must be one of labels, every, got 'end'"),
        ({"token": "<C>"}, r"recipe.token must have \{\} once, in the place of the number, got '<C>'"),
        ({"method": "grow", "read": "head"}, "recipe.method=grow needs recipe.read=values"),
    ],
)
def test_recipes_that_mean_nothing_get_one_sentence(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        replace(QUICK, **more)


def test_a_scorer_of_another_model_and_texts_that_do_not_fit_get_one_sentence(tmp_path: Path) -> None:
    words, base, out = tokenizer(), tmp_path / "base", tmp_path / "scorer"
    model().save_pretrained(base)
    trained = run(out, replace(QUICK, epochs=1), words, halves(20))
    save(out, trained.model, words, FineceCard("model", "values", trained.tokens, "m"), dtype=torch.float32)
    with pytest.raises(InputError, match=r"judges prefixes of m and the model is other: choose that model, or train"):
        open_finece(path=str(out), folder=base, provenance=Provenance("other", "finece", "t"))
    scorer = open_finece(path=str(out), folder=base, provenance=Provenance("m", "finece", "t"))
    with pytest.raises(UnsupportedError, match=r"a prefix of problem 'q' has 30\d tokens .* context\s+holds 256"):
        confidences(scorer, Response(0, (1,) * 5, (31,) * 300, True, True, "1"))
    for spoil in (lambda file: file.write_bytes(b"half a file"), Path.unlink):
        spoil(out / "model.safetensors")
        broken = open_finece(path=str(out), folder=base, provenance=Provenance("m", "finece", "t"))
        with pytest.raises(InputError, match=r"scorer .* cannot be loaded"):
            confidences(broken, Response(0, (1,) * 5, (31,) * 3, True, True, "1"))
