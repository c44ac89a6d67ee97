"""A head from its configuration and a pool to its directory, which the scorers open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from evals.live.hooks import Hooks
from evals.training.config import FineceConfig, GraceConfig, HeadConfig, RewardConfig
from evals.training.train_head import train_head
from evals.training.train_model import train_model
from tests.training.cases import TELLING, model, tokenizer
from tts.config import load_config
from tts.errors import InputError
from tts.models.head import read_head
from tts.models.resolve import identity
from tts.pool import PoolStore, RunKey
from tts.registry import SCORERS
from tts.scorers.calibration.calibration_file import Provenance, model_name
from tts.types import End, Problem, Sample

TEMPLATE = "Question : {question}\n"
QUESTIONS = 24


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("base")
    model().save_pretrained(path)
    tokenizer().save_pretrained(path)
    return path


def write_pool(path: Path, base: Path, *, seed: int = 0, template: str = TEMPLATE, temperature: float = 1.0) -> Path:
    """A pool of a run: a response is right if and only if it holds the telling token."""
    rng, words, (name, revision) = np.random.default_rng(seed), tokenizer(), identity(str(base))
    with PoolStore.create_or_open(path) as store:
        run = store.open_run(RunKey(name, revision, template, {"temperature": temperature}), {})
        for number in range(QUESTIONS):
            problem = Problem(f"q{number}", words.decode(rng.integers(30, 60, 5).tolist()), "1")
            samples, grades = [], []
            for index in range(4):
                ids, right = rng.integers(30, 60, 6).tolist(), bool(rng.random() < 0.5)
                if right:
                    ids[int(rng.integers(6))] = TELLING
                answer = "1" if right else "2"
                samples.append(Sample(words.decode(ids), answer, End.LENGTH, index=index, token_ids=tuple(ids)))
                grades.append(right)
            store.add_problem(problem)
            store.add(run, problem.id, samples, grades)
    return path


@pytest.fixture(scope="module")
def pool(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pool(tmp_path_factory.mktemp("pool") / "p.sqlite", base)


def configured(schema: Any, base: Path, pool: Path, out: Path, *changes: str) -> Any:
    out.mkdir(exist_ok=True)
    common = (f"engine.model={base}", "engine.dtype=float32", f"pool={pool}", f"out={out}", "recipe.held_out=0.25")
    return load_config(schema, [], [*common, *changes])


@pytest.mark.parametrize("kind", ["probe", "p_ik", "apricot"])
def test_a_head_learns_from_a_pool_behind_the_prompt_of_its_run_and_opens_as_a_scorer(
    kind: str, base: Path, pool: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    config = configured(HeadConfig, base, pool, tmp_path, f"recipe.kind={kind}", "recipe.targets.folds=3")
    found = train_head(config, hooks=Hooks(notify=said.append))
    name, revision = identity(str(base))
    card, head = read_head(tmp_path)
    assert (card.kind, card.base, card.revision, card.reader, card.width) == (kind, name, revision, "", 32)
    assert card.extra["learned_from"]["template"] == TEMPLATE and head.bias == found.head.bias
    assert len({one.question for one in found.split.held_out}) == QUESTIONS // 4
    assert card.extra["held_out"]["brier"] == found.evaluation.brier
    assert any(line.startswith(f"Head {kind} on {name}") for line in said)
    assert "responses to learn from" in said[-1]
    prompt = tokenizer()(TEMPLATE.format(question=""), add_special_tokens=False).input_ids[0]
    assert kind == "apricot" or all(prompt in one.prompt for one in found.split.train)
    if kind == "probe":
        assert found.evaluation.auroc > 0.7
    if kind == "p_ik":  # one confidence a question
        assert found.evaluation.within == 0.5 and card.pooling == "last"
    opened = SCORERS.get(kind)(path=str(tmp_path), folder=base, provenance=Provenance(model_name(name, revision), kind))
    assert opened.name == kind


def test_an_auxiliary_model_is_named_by_its_directory_and_its_files(base: Path, pool: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    model(width=16).save_pretrained(other)
    tokenizer().save_pretrained(other)
    config = configured(
        HeadConfig, base, pool, tmp_path / "x", "recipe.kind=apricot", f"recipe.auxiliary={other}", "recipe.layer=1"
    )
    train_head(config)
    card, _ = read_head(tmp_path / "x")
    assert (card.reader, card.width, card.layer) == (str(other), 16, 1)
    assert SCORERS.get("apricot")(path=str(tmp_path / "x")).name == "apricot"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["recipe.layer=7"], r"recipe\.layer must be in \[-3, 2\] for this model, got 7"),
        (["engine.model=tiny"], r"was drawn by .* and the base model is tiny"),
        (["recipe.kind=apricot", "recipe.auxiliary=gone"], "recipe.auxiliary gone: no model there; give the directory"),
        (["recipe.targets.folds=30"], r"recipe\.targets\.folds=30 needs at least as many questions, got 18"),
        (["pool=null", "task.questions=8"], "8 questions with recipe.held_out=0.25 leave 6 to be trained on, and at"),
        (["engine.device=cuda:99"], "device cuda:99 is not available on this machine"),
    ],
)
def test_a_head_that_cannot_be_trained_gets_one_sentence(
    changes: list[str], sentence: str, base: Path, pool: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=sentence):
        train_head(configured(HeadConfig, base, pool, tmp_path, *changes))
    assert not (tmp_path / "head.json").exists()


def test_ctrl_c_says_how_to_continue(base: Path, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("evals.training.train_head.split", stop)
    with pytest.raises(KeyboardInterrupt, match="interrupted; repeat the command to read the same responses again"):
        train_head(configured(HeadConfig, base, pool, tmp_path))


def test_a_reward_model_learns_from_a_pool_as_its_scorer_reads_it(base: Path, pool: Path, tmp_path: Path) -> None:
    changes = ("recipe.method=full", "recipe.epochs=1", "recipe.learning_rate=0.003", "recipe.batch_size=12")
    found = train_model(configured(RewardConfig, base, pool, tmp_path, *changes))
    one = found.split.train[0]
    assert one.prompt == (tokenizer().bos_token_id,) or len(one.prompt) == 1
    assert SCORERS.get("reward")(path=str(tmp_path)).name == "reward"
    assert found.trained.history.evaluations


def test_a_confidence_token_learns_behind_the_prompt_of_the_pool(base: Path, pool: Path, tmp_path: Path) -> None:
    changes = ("recipe.method=full", "recipe.epochs=1", "recipe.anchor=response", "recipe.batch_size=12")
    found = train_model(configured(GraceConfig, base, pool, tmp_path / "out", *changes))
    first = tokenizer()(TEMPLATE.format(question=""), add_special_tokens=False).input_ids[0]
    assert all(first in one.prompt for one in found.split.train)
    assert json.loads((tmp_path / "out" / "grace.json").read_text())["learned_from"]["template"] == TEMPLATE


def test_pools_of_different_prompts_are_refused(base: Path, pool: Path, tmp_path: Path) -> None:
    other = write_pool(tmp_path / "other.sqlite", base, template="Q: {question}\n")
    with pytest.raises(InputError, match=r"p.sqlite and .*other.sqlite were drawn with different prompts"):
        train_model(configured(FineceConfig, base, pool, tmp_path / "out", f"answers={other}", "recipe.method=full"))
    both = write_pool(write_pool(tmp_path / "both.sqlite", base), base, template="Q: {question}\n")
    with pytest.raises(InputError, match=r"both.sqlite, run 1 and .*both.sqlite, run 2 were drawn with different"):
        train_model(configured(GraceConfig, base, both, tmp_path / "out", "run=1,2", "recipe.method=full"))


def test_runs_of_a_pool_are_joined(base: Path, tmp_path: Path) -> None:
    both = write_pool(write_pool(tmp_path / "both.sqlite", base), base, temperature=0.5)
    changes = ("run=1,2", "recipe.method=full", "recipe.epochs=1", "recipe.anchor=response")
    found = train_model(configured(GraceConfig, base, both, tmp_path / "out", *changes))
    assert len(found.split.train) + len(found.split.held_out) == 2 * 4 * QUESTIONS
