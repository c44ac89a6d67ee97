"""GrACE as a training method: its token, models that are trained further, and the directory that it writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.support.examples import slowly  # noqa: E402
from tests.support.extras import needs_peft  # noqa: E402
from tests.training.cases import QUICK, alone, halves, model, responses, run, tokenizer  # noqa: E402
from tts.engines.config import EngineConfig  # noqa: E402
from tts.errors import InputError  # noqa: E402
from tts.models.grace import GraceCard, read_card, write_card  # noqa: E402
from tts.training.build import train  # noqa: E402
from tts.training.grace.method import GraceMethod  # noqa: E402
from tts.training.packing import pack  # noqa: E402
from tts.training.schedule import GrowConfig  # noqa: E402

pytestmark = needs_peft


@pytest.mark.parametrize("method", [*slowly("lora"), "full"])
def test_it_writes_a_plain_model_that_never_draws_the_token(tmp_path: Path, method: str) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    words, recipe = tokenizer(), replace(QUICK, method=method, epochs=1)
    trained = run(tmp_path / "t", recipe, halves(30), words=words)
    (token,) = trained.tokens
    GraceMethod(recipe).write(
        tmp_path, trained.model, words, tokens=trained.tokens, base="m", dtype=torch.float32, extra={}
    )
    loaded, again = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert type(loaded).__name__ == "LlamaForCausalLM"
    assert again.convert_tokens_to_ids("<CNF>") == token == read_card(tmp_path).token_id
    assert read_card(tmp_path).base == "m" and read_card(tmp_path).positions == "end"
    assert json.loads((tmp_path / "generation_config.json").read_text())["suppress_tokens"] == [token]
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file() == (method == "lora")
    given = responses(3)
    packed = pack(alone(given), end=words.eos_token_id, token=token)
    with torch.no_grad():
        assert torch.allclose(loaded(packed.ids).logits, trained.model(packed.ids).logits, atol=1e-4)
        head = loaded.get_output_embeddings().weight
        head[token] = 100.0 * head[token].sign()  # as sure as can be: without suppression it would be drawn at once
        drawn = loaded.generate(packed.ids, max_new_tokens=20, do_sample=True, pad_token_id=0)
    assert token not in drawn[:, packed.ids.shape[1] :]


def test_a_grown_model_is_written_as_a_plain_one_with_the_text_of_its_base(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    ids = torch.randint(5, 300, (3, 20), generator=torch.Generator().manual_seed(0))
    words, base = tokenizer(), model()
    with torch.no_grad():
        before = base(input_ids=ids).logits
    recipe = replace(QUICK, method="grow", grow=GrowConfig(16, 1, 12, 1), weight_lm=0.0, epochs=1, learning_rate=1e-2)
    trained = run(tmp_path / "t", recipe, halves(30), base=base, words=words)
    GraceMethod(recipe).write(
        tmp_path, trained.model, words, tokens=trained.tokens, base="m", dtype=torch.bfloat16, extra={}
    )
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    with torch.no_grad():
        after = loaded(input_ids=ids).logits[..., : before.shape[-1]]
    assert type(loaded).__name__ == "LlamaForCausalLM" and torch.allclose(after, before, atol=1e-3)


@pytest.mark.slow
def test_a_model_with_the_token_is_trained_further(tmp_path: Path) -> None:
    words = tokenizer()
    first = run(tmp_path / "first", QUICK, words=words)
    method = GraceMethod(replace(QUICK, learning_rate=1e-3, epochs=1), token=first.tokens[0])
    again = train(
        tmp_path / "again", first.model, words, halves(90), method, base={"model": "m"}, report=lambda line: None
    )
    assert again.tokens == first.tokens and len(words) == first.tokens[0] + 1
    assert again.history.best.brier < first.history.best.brier + 0.01


def test_a_grace_model_as_base_gives_its_token_and_refuses_another_reading(tmp_path: Path) -> None:
    write_card(tmp_path, GraceCard("<CNF>", 7, "before", "end", "m"))
    (tmp_path / "config.json").write_text("{}")
    engine = EngineConfig(model=str(tmp_path))
    assert GraceMethod(QUICK).for_base(engine).token == 7
    with pytest.raises(InputError, match=r"positions 'end' and recipe\.positions is 'every': train it further with"):
        GraceMethod(replace(QUICK, positions="every")).for_base(engine)
    assert GraceMethod(QUICK).for_base(EngineConfig(model="tiny")).token is None


def test_solutions_that_are_missing_get_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"anchor=solution needs a worked solution of every problem and 60 have none"):
        run(tmp_path, replace(QUICK, anchor="solution"))


def test_a_tokenizer_that_has_the_token_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="already has the token '</s>'"):
        run(tmp_path, replace(QUICK, token="</s>"))
