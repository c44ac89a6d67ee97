"""A training that cannot end well ends before anything is drawn, or as soon as the first responses show it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from evals.live.hooks import Hooks, Silent  # noqa: E402
from evals.training.checks import ending_early  # noqa: E402
from evals.training.config import FineceConfig, GraceConfig  # noqa: E402
from evals.training.train_model import train_model  # noqa: E402
from tests.support.extras import needs_peft  # noqa: E402
from tts.config import load_config  # noqa: E402
from tts.engines.kinds import LiveEngine  # noqa: E402
from tts.errors import InputError  # noqa: E402
from tts.pool import Entry, Pool, write_jsonl  # noqa: E402
from tts.training.checkpoint import CHECKPOINT, write  # noqa: E402
from tts.training.finece.recipe import FineceRecipe  # noqa: E402
from tts.training.grace.recipe import GraceRecipe  # noqa: E402
from tts.types import Problem, Sample  # noqa: E402

pytestmark = needs_peft


@contextmanager
def no_engine(*_: Any) -> Iterator[LiveEngine]:
    raise AssertionError("a model was loaded before the check")
    yield


UNOPENED = Hooks(open_engine=no_engine)


def refused(schema: type[Any], *changes: str, hooks: Hooks = UNOPENED) -> str:
    with pytest.raises(InputError) as caught:
        train_model(load_config(schema, [], list(changes)), hooks=hooks)
    return str(caught.value)


@pytest.mark.parametrize(
    ("schema", "changes", "sentence"),
    [
        (GraceConfig, ["task.questions=1"], "leave 0 to be trained on, and at least 1 are needed: give more questions"),
        (
            GraceConfig,
            ["task.questions=5", "recipe.targets.kind=probe"],
            "5 questions with recipe.held_out=0.1 leave 4 to be trained on, and at least 5 are needed",
        ),
        (
            GraceConfig,
            ["task=jsonl", "task.path={tmp}/plain.jsonl", "recipe.anchor=solution"],
            "needs a worked solution of every problem and 2 of",
        ),
        (FineceConfig, ["task=jsonl", "task.path={tmp}/unanswered.jsonl"], "has no right answers"),
        (GraceConfig, ["engine.device=cuda:99"], "device cuda:99 is not available on this machine"),
        (FineceConfig, ["recipe.method=grow", "recipe.grow.channels=7"], "give other recipe.grow.channels"),
        (FineceConfig, ["recipe.method=grow", "engine.model={tmp}/gpt"], "supports models of type llama"),
        (GraceConfig, ["engine.model=grace", "recipe.token=<OTHER>"], "is a GrACE model with token '<CNF>'"),
    ],
)
def test_what_is_known_before_a_model_is_loaded_is_refused_then(
    tmp_path: Path, schema: type[Any], changes: list[str], sentence: str
) -> None:
    rows = [{"question": "1 + 1?", "answer": "2"}, {"question": "1 + 2?", "answer": "3"}]
    (tmp_path / "plain.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "unanswered.jsonl").write_text("".join(json.dumps({"question": r["question"]}) + "\n" for r in rows))
    (tmp_path / "gpt").mkdir()
    (tmp_path / "gpt" / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    given = [change.format(tmp=tmp_path) for change in changes]
    assert sentence in refused(schema, *given, f"out={tmp_path / 'x'}")


@pytest.mark.parametrize(
    "config",
    [
        lambda out: GraceConfig(out=out, recipe=GraceRecipe(token=" apples")),
        lambda out: FineceConfig(out=out, recipe=FineceRecipe(token="{}")),
    ],
)
def test_a_token_that_the_base_has_is_refused_before_anything_is_drawn(tmp_path: Path, config: Any) -> None:
    with pytest.raises(InputError, match="the base model's tokenizer already has the token"):
        train_model(config(str(tmp_path)))
    assert not (tmp_path / "pool.sqlite").exists()


def test_a_checkpoint_of_another_recipe_or_base_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    identity = {"recipe": {"epochs": 9}, "base": {"model": "another"}, "shapes": {}}
    write(tmp_path / CHECKPOINT, {"identity": identity})
    assert "is a checkpoint of another recipe" in refused(GraceConfig, f"out={tmp_path}")


@pytest.mark.parametrize(("right", "words"), [(True, "right (2 of them)"), (False, "wrong (2 of them)")])
def test_a_pool_of_one_class_is_refused_before_a_model_is_loaded(tmp_path: Path, right: bool, words: str) -> None:
    samples = (Sample("#### 4", "4"), Sample("#### 4", "4", index=1))
    entry = Entry(Problem("q", "?", "4"), samples, (right, right), {"model": "tiny"})
    write_jsonl(Pool("p", "", (entry,)), tmp_path / "p.jsonl")
    said = refused(GraceConfig, f"pool={tmp_path / 'p.jsonl'}", f"out={tmp_path / 'x'}")
    assert words in said and "a model learns from right and wrong ones" in said


@pytest.mark.parametrize(("each", "questions"), [(8, 32), (1, 128)])
@pytest.mark.parametrize(("share", "words"), [(0.0, "is wrong"), (1.0, "is right")])
def test_the_drawing_ends_where_the_first_responses_are_all_of_one_grade(
    each: int, questions: int, share: float, words: str
) -> None:
    hooks = ending_early(Hooks(), Path("p.sqlite"), each=each)
    with hooks.progress(lambda: 0) as listener, pytest.raises(InputError, match=words) as caught:
        for done in range(1, 200):
            listener.advance(share)
            assert done < questions
    assert f"every response to the first {questions} questions" in str(caught.value) and "p.sqlite" in str(caught.value)


def test_the_drawing_goes_on_where_one_response_differs() -> None:
    with ending_early(Hooks(progress=lambda _: _shown()), Path("p"), each=8).progress(lambda: 0) as listener:
        for number in range(100):
            listener.advance(0.125 if number == 5 else 0.0)


@contextmanager
def _shown() -> Iterator[Silent]:
    yield Silent()


@pytest.mark.parametrize(("schema", "drawn"), [(GraceConfig, "samples=4"), (FineceConfig, "tree.levels=0")])
def test_drawing_from_a_model_that_is_never_right_ends_with_one_sentence(
    tmp_path: Path, schema: type[Any], drawn: str
) -> None:
    """No response of three tokens has an answer, so that all of them are wrong."""
    said = refused(
        schema,
        "task.questions=70",
        drawn,
        "engine.max_tokens=3",
        "recipe.lora.rank=4",
        f"out={tmp_path}",
        hooks=Hooks(),
    )
    assert said.startswith("every response to the first 32 questions is wrong") and "pool.sqlite holds" in said
    assert (tmp_path / "pool.sqlite").exists() and not (tmp_path / CHECKPOINT).exists()


def test_an_adapter_of_another_base_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import peft

    from tests.training.cases import model
    from tts.models.loading import quiet_peft

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with quiet_peft():
        other: Any = peft.get_peft_model(model(width=16), peft.LoraConfig(r=2, target_modules=["q_proj"]))
    other.save_pretrained(tmp_path / "adapter")
    settings = tmp_path / "adapter" / "adapter_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "base_model_name_or_path": "tiny"}))
    said = refused(GraceConfig, f"engine.model={tmp_path / 'adapter'}", f"out={tmp_path / 'x'}")
    assert "the adapter does not fit its base tiny" in said
