"""Training: it learns, goes on where it was, stops where it must, and leaves a plain model behind."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from tests.training.cases import halves, model, responses, tokenizer  # noqa: E402
from tts.errors import InputError, TTSError  # noqa: E402
from tts.models.grace import GraceCard, read_card  # noqa: E402
from tts.training.adapters import add_tokens, is_tied, trainable  # noqa: E402
from tts.training.checkpoint import BEST, CHECKPOINT  # noqa: E402
from tts.training.grace.losses import confidence_logit  # noqa: E402
from tts.training.grace.model import save, start_row  # noqa: E402
from tts.training.grace.recipe import Recipe, TargetsConfig  # noqa: E402
from tts.training.grace.train import Trained, train  # noqa: E402
from tts.training.loop import Loop  # noqa: E402
from tts.training.packing import pack  # noqa: E402
from tts.training.responses import Branches, Response, Split  # noqa: E402
from tts.training.schedule import LoraConfig  # noqa: E402

QUICK = Recipe(
    method="full",
    keep="response",
    weight_lm=0.1,
    epochs=2,
    batch=20,
    rows=20,
    rate=3e-3,
    evaluations=1,
    dtype="float32",
    positions="end",
    seed=1,
)
BASE = {"model": "m"}


def alone(given: Sequence[Response]) -> list[Branches]:
    return [Branches(one.prompt, (one,)) for one in given]


def run(out: Path, recipe: Recipe = QUICK, split: Split | None = None, **more: Any) -> Trained:
    told: list[str] = more.pop("told", [])
    return train(
        out, more.pop("model", None) or model(), tokenizer(), split or halves(), recipe, base=BASE, tell=told.append
    )


@pytest.mark.parametrize(
    "recipe",
    [
        replace(QUICK, epochs=8),
        replace(QUICK, epochs=8, positions="every", loss="log"),
        replace(QUICK, epochs=8, readout="after"),
        replace(QUICK, epochs=16, patience=16, method="lora", rate=6e-3, lora=LoraConfig(rank=16, alpha=16)),
    ],
    ids=["full", "every", "after", "lora"],
)
def test_it_learns_which_responses_are_right(tmp_path: Path, recipe: Recipe) -> None:
    best = run(tmp_path, recipe, halves(150)).history.best
    assert best.auroc > 0.95 and best.within > 0.95 and best.brier < 0.12


@pytest.mark.parametrize("method", ["full", "lora"])
def test_held_to_the_base_model_it_says_what_that_says(tmp_path: Path, method: str) -> None:
    recipe = replace(QUICK, method=method, epochs=4, lora=LoraConfig(rank=8, alpha=8))
    split, words = halves(100), tokenizer()
    packed = pack(alone(split.held_out), end=words.eos_token_id, token=len(words))
    before = packed.branches(model()(input_ids=packed.ids).logits.detach())
    gaps = {}
    for keep, weight in (("response", 0.0), ("base", 20.0)):
        trained = run(tmp_path / keep, replace(recipe, keep=keep, weight_lm=weight), split)
        with torch.no_grad():
            after = packed.branches(trained.model(input_ids=packed.ids).logits)[..., : len(words)]
        seen = packed.labels != -100
        p, q = before[seen].log_softmax(-1), after[seen].log_softmax(-1)
        gaps[keep] = float((p.exp() * (p - q)).sum(-1).mean())
        if keep == "base":
            assert trained.history.losses[-1][2] < gaps["response"]  # what is reported is that divergence
    assert gaps["base"] < (0.2 if method == "full" else 1.0) * gaps["response"]  # adapters hardly move in so few steps


@pytest.mark.parametrize("tied", [True, False])
def test_adapters_train_the_new_rows_and_no_other(tmp_path: Path, tied: bool) -> None:
    trained = run(tmp_path, replace(QUICK, method="lora"), model=model(tied=tied))
    rows = {name: weight for name, weight in trainable(trained.model) if "token_adapter" in name}
    assert len(rows) == (1 if tied else 2) and all(weight.shape[0] == 1 for weight in rows.values())
    merged = trained.model.merge_and_unload()
    before, after = model(tied=tied).get_output_embeddings().weight, merged.get_output_embeddings().weight
    assert torch.equal(after[: len(before)], before) and len(after) == len(before) + 1
    assert is_tied(merged) == tied


@pytest.mark.parametrize("tied", [True, False])
def test_the_row_starts_near_the_base_rate(tied: bool) -> None:
    words, small = tokenizer(), model(tied=tied)
    (token,) = add_tokens(small, words, ["<CNF>"])
    given = [one for one in responses(120) if one.correct or one.question % 3 == 0]
    packed = pack(alone(given), end=words.eos_token_id, token=token)
    right = torch.tensor([one.correct for one in given])

    def read() -> Any:
        found = small(input_ids=packed.ids, output_hidden_states=True)
        rows = torch.arange(len(given))
        states, logits = packed.branches(found.hidden_states[-1]), packed.branches(found.logits)
        return states[rows, packed.at], logits[rows, packed.at], right

    with torch.no_grad():
        start_row(small, read, token)
        log_odds = confidence_logit(read()[1], token)
    share = float(right.float().mean())
    assert 0.6 < share < 0.8 and float(log_odds.sigmoid().mean()) == pytest.approx(share, abs=0.2)  # the ridge pulls
    without = torch.full_like(log_odds, -math.log(len(words)))  # of a row of zeros: far from any goal
    loss, before = (torch.nn.functional.binary_cross_entropy_with_logits(x, right.float()) for x in (log_odds, without))
    assert float(loss) < 0.4 * float(before)


def test_a_vocabulary_with_rows_to_spare_keeps_its_size() -> None:
    small, words = model(spare=5), tokenizer()
    rows = small.get_input_embeddings().weight.shape[0]
    assert add_tokens(small, words, ["<CNF>"]) == [rows - 5]
    assert small.get_input_embeddings().weight.shape[0] == rows


def test_a_batch_in_several_passes_is_the_same_step(tmp_path: Path) -> None:
    whole = run(tmp_path / "a", replace(QUICK, epochs=1))
    parts = run(tmp_path / "b", replace(QUICK, epochs=1, rows=7))
    for (name, one), (_, other) in zip(trainable(whole.model), trainable(parts.model), strict=True):
        assert torch.allclose(one, other, atol=2e-4), name
    for one, other in zip(whole.history.losses, parts.history.losses, strict=True):
        assert one == pytest.approx(other, rel=1e-3)


def interrupted(monkeypatch: Any, step: int, out: Path, recipe: Recipe) -> None:
    """Train until Ctrl-C at this step."""
    learn, seen = Loop.learn, 0

    def stop(self: Any, chunk: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == step:
            raise KeyboardInterrupt
        return learn(self, chunk)

    with monkeypatch.context() as patch:
        patch.setattr("tts.training.loop.Loop.learn", stop)
        with pytest.raises(KeyboardInterrupt):
            run(out, recipe)


def test_training_goes_on_from_its_checkpoint_as_if_never_stopped(tmp_path: Path, monkeypatch: Any) -> None:
    recipe = replace(QUICK, method="lora", targets=TargetsConfig("probe", folds=3))
    through = run(tmp_path / "through", recipe)
    monkeypatch.setattr("tts.training.loop.SAVE_EVERY", -1.0)
    interrupted(monkeypatch, 9, tmp_path / "cut", recipe)
    told: list[str] = []
    again = run(tmp_path / "cut", recipe, told=told)
    assert told[0] == "continuing at step 8 of 24"
    assert again.history.losses == through.history.losses and again.history.looks == through.history.looks
    for (name, one), (_, other) in zip(trainable(through.model), trainable(again.model), strict=True):
        assert torch.equal(one, other), name


def test_kept_to_solutions_it_learns_to_write_them(tmp_path: Path) -> None:
    split = halves()
    worked = {one.question: (50, 51, 52, 53) for one in split.train}
    given = replace(split, solutions=worked)
    trained = run(tmp_path, replace(QUICK, keep="solution", weight_lm=1.0, epochs=12), given)
    losses = [lm for _, _, lm in trained.history.losses]
    assert losses[-1] < 0.5 * losses[0] and trained.history.best.auroc > 0.8
    with torch.no_grad():
        after = trained.model(input_ids=torch.tensor([[*split.held_out[0].prompt]])).logits[0, -1]
    assert int(after[: trained.token].argmax()) == 50


def test_solutions_that_are_missing_get_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"keep=solution needs a worked solution of every problem and 60 have none"):
        run(tmp_path, replace(QUICK, keep="solution"))


def test_muon_trains_the_matrices_and_goes_on_where_it_was(tmp_path: Path, monkeypatch: Any) -> None:
    recipe = replace(QUICK, muon_rate=1e-2, epochs=6)
    through = run(tmp_path / "through", recipe)
    assert through.history.best.auroc > 0.9
    monkeypatch.setattr("tts.training.loop.SAVE_EVERY", -1.0)
    interrupted(monkeypatch, 9, tmp_path / "cut", recipe)
    again = run(tmp_path / "cut", recipe)
    assert again.history == through.history


def test_a_model_with_the_token_is_trained_further(tmp_path: Path) -> None:
    words = tokenizer()
    first = train(tmp_path / "first", model(), words, halves(), QUICK, base=BASE)
    more = replace(QUICK, rate=1e-3, epochs=1)
    again = train(tmp_path / "again", first.model, words, halves(90), more, base=BASE, token=first.token)
    assert again.token == first.token and len(words) == first.token + 1
    assert again.history.best.brier < first.history.best.brier + 0.01


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first = run(tmp_path)
    told: list[str] = []
    again = run(tmp_path, told=told)
    assert told == ["continuing at step 24 of 24"] and again.history == first.history


def test_it_stops_early_and_keeps_the_best_weights(tmp_path: Path) -> None:
    """Grades that nothing tells of: what is learned by heart only makes held-out questions worse."""
    rng = np.random.default_rng(0)
    noise = [replace(one, correct=bool(rng.random() < 0.5)) for one in (*responses(30), *responses(10, seed=1))]
    parts = Split(tuple(noise[:120]), tuple(noise[120:]))
    told: list[str] = []
    trained = run(tmp_path, replace(QUICK, epochs=30, patience=2), parts, told=told)
    assert any("stopping early" in line for line in told) and len(trained.history.looks) < 30
    best = trained.history.best
    assert best.brier == min(look.brier for look in trained.history.looks)
    assert torch.load(tmp_path / BEST)["step"] == best.step
    kept = torch.load(tmp_path / BEST)["weights"]
    assert all(torch.equal(weight, kept[name]) for name, weight in trainable(trained.model))


def test_a_loss_that_is_no_number_stops_it_and_keeps_the_last_good_weights(tmp_path: Path, monkeypatch: Any) -> None:
    count = 0

    def broken(logits: Any, packed: Any, wanted: Any, token: int, recipe: Recipe) -> Any:
        nonlocal count
        count += 1
        return logits.sum() * (float("nan") if count > 14 else 0.0)

    monkeypatch.setattr("tts.training.grace.train.confidence_loss", broken)
    with pytest.raises(TTSError, match=r"step 15 is no finite number.*best weights so far are kept.*recipe.rate"):
        run(tmp_path)
    assert torch.load(tmp_path / BEST)["step"] == 12
    assert all(
        bool(weight.isfinite().all())
        for weight in torch.load(tmp_path / CHECKPOINT, weights_only=False)["weights"].values()
    )


def test_a_checkpoint_of_something_else_gets_one_sentence(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(InputError, match="checkpoint of another architecture"):
        run(tmp_path, model=model(width=16))
    with pytest.raises(InputError, match=r"checkpoint of another recipe \(rate: 0.003 there, 0.5 here\)"):
        run(tmp_path, replace(QUICK, rate=0.5))
    (tmp_path / CHECKPOINT).write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="is no checkpoint"):
        run(tmp_path)


def test_a_tokenizer_that_has_the_token_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="already has the token '</s>'"):
        run(tmp_path, replace(QUICK, token="</s>"))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_what_is_saved_is_a_plain_model_that_never_writes_the_token(tmp_path: Path, method: str) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    words = tokenizer()
    trained = train(tmp_path / "t", model(), words, halves(), replace(QUICK, method=method), base=BASE)
    save(tmp_path, trained.model, words, GraceCard("<CNF>", trained.token), dtype=torch.float32)
    loaded, again = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert type(loaded).__name__ == "LlamaForCausalLM"
    assert again.convert_tokens_to_ids("<CNF>") == trained.token == read_card(tmp_path).token_id
    assert json.loads((tmp_path / "generation_config.json").read_text())["suppress_tokens"] == [trained.token]
    given = responses(3)
    packed = pack(alone(given), end=words.eos_token_id, token=trained.token)
    with torch.no_grad():
        assert torch.allclose(loaded(packed.ids).logits, trained.model(packed.ids).logits, atol=1e-4)
        head = loaded.get_output_embeddings().weight
        head[trained.token] = 100.0 * head[trained.token].sign()  # as sure as can be: it would be drawn at once
        drawn = loaded.generate(packed.ids, max_new_tokens=20, do_sample=True, pad_token_id=0)
    assert trained.token not in drawn[:, packed.ids.shape[1] :]
