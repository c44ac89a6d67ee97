"""Scorers with a trained head: the head's own log-odds, every token charged, and refusals of one sentence."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.training.cases import model, tokenizer  # noqa: E402
from tts.errors import InputError, UnsupportedError  # noqa: E402
from tts.models.head import Head, HeadCard, read_head, write_head  # noqa: E402
from tts.models.resolve import fingerprint  # noqa: E402
from tts.registry import SCORERS  # noqa: E402
from tts.scorers.base import RawScorer, Scorer  # noqa: E402
from tts.scorers.calibration.calibration_file import Provenance  # noqa: E402
from tts.types import End, Problem, Sample  # noqa: E402

ONE, TWO = Problem("q", "?"), Problem("r", "??")
PROMPTS = {"q": (30, 31, 32), "r": (33, 34)}
SAMPLES = [
    Sample("a", token_ids=(5, 6), end=End.LENGTH),
    Sample("b", token_ids=(7, 8, 2)),
    Sample("", token_ids=(5, 6, 2)),
]
WEIGHTS = np.random.default_rng(0).normal(size=32)


class Tokens:
    """The part of a metered engine that a head asks: prompts, texts and the bill."""

    def __init__(self) -> None:
        self.charged: list[int] = []

    def prompt_ids(self, problem: Problem) -> tuple[int, ...]:
        return PROMPTS[problem.id]

    def prefix_ids(self, prefix: Any) -> tuple[int, ...]:
        return (40, 41)

    def charge(self, tokens: int) -> None:
        self.charged.append(tokens)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("base")
    model().save_pretrained(path)
    tokenizer().save_pretrained(path)
    return path


def head(path: Path, base: Path, kind: Any, **given: Any) -> Path:
    path.mkdir(exist_ok=True)
    card = {"reader": "", "layer": -1, "pooling": "mean", "width": 32, **given}
    write_head(path, HeadCard(kind, str(base), **card), Head(WEIGHTS[: card["width"]], 0.5))
    return path


def opened(path: Path, base: Path, kind: str, **given: Any) -> Any:
    return SCORERS.get(kind)(path=str(path), folder=base, provenance=Provenance(str(base), kind), **given)


def scored(scorer: Any, problem: Problem, samples: list[Sample], engine: Tokens) -> Any:
    return asyncio.run(scorer.score(problem, samples, engine))


@torch.no_grad()
def states(ids: tuple[int, ...], start: int) -> Any:
    return model().model(input_ids=torch.tensor([ids])).last_hidden_state[0, start:].double().numpy()


@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_a_probe_reads_each_distinct_sample_once_behind_one_prompt(tmp_path: Path, base: Path, pooling: str) -> None:
    scorer, engine = opened(head(tmp_path, base, "probe", pooling=pooling), base, "probe"), Tokens()
    assert isinstance(scorer, Scorer) and isinstance(scorer, RawScorer) and scorer.judges_prefixes
    text = Sample("without tokens")
    found = scored(scorer, ONE, [*SAMPLES, text], engine)
    each = [states((*PROMPTS["q"], *ids), 3) for ids in ((5, 6), (7, 8), (5, 6), (40, 41))]
    pooled = [one.mean(0) if pooling == "mean" else one[-1] for one in each]
    assert found == pytest.approx([expit(one @ WEIGHTS + 0.5) for one in pooled], abs=1e-5)
    assert engine.charged == [3 + 2 + 2 + 2] and found[0] == found[2]
    assert scorer.key == {"kind": "probe", "head": fingerprint(tmp_path)}
    assert scored(scorer, ONE, [], engine).shape == (0,)


def test_p_ik_reads_a_question_once_and_gives_every_sample_its_confidence(tmp_path: Path, base: Path) -> None:
    scorer, engine = opened(head(tmp_path, base, "p_ik", pooling="last"), base, "p_ik"), Tokens()
    first, again, other = (scored(scorer, problem, SAMPLES, engine) for problem in (ONE, ONE, TWO))
    assert first == pytest.approx([expit(states(PROMPTS["q"], 2)[-1] @ WEIGHTS + 0.5)] * 3, abs=1e-5)
    assert again.tolist() == first.tolist() and other[0] != first[0]
    assert engine.charged == [3, 2] and not scorer.judges_prefixes


def test_apricot_reads_texts_in_its_auxiliary_model_without_the_engine(tmp_path: Path, base: Path) -> None:
    place = head(tmp_path, base, "apricot", reader=str(base), extra={"reader_files": fingerprint(base)})
    scorer, engine = opened(place, base, "apricot"), Tokens()
    assert not scorer.uses_engine
    words = tokenizer()
    question, text = (
        tuple(words(one, add_special_tokens=False, split_special_tokens=True).input_ids) for one in ("?\n", "a")
    )
    found = scored(scorer, ONE, [SAMPLES[0]], engine)
    wanted = states((*question, *text), len(question)).mean(0) if text else None
    assert found == pytest.approx([expit(wanted @ WEIGHTS + 0.5)], abs=1e-5)
    assert engine.charged == [len(question) + len(text)]


def test_a_sample_longer_than_the_context_is_refused(tmp_path: Path, base: Path) -> None:
    scorer = opened(head(tmp_path, base, "probe"), base, "probe")
    long = Sample("a", token_ids=(5,) * 300, end=End.LENGTH)
    with pytest.raises(UnsupportedError, match=r"a sample of problem 'q' has 303 tokens .* scorer probe holds 256"):
        scored(scorer, ONE, [long], Tokens())


def test_another_models_head_and_another_kind_are_refused(tmp_path: Path, base: Path) -> None:
    place = head(tmp_path, base, "probe")
    with pytest.raises(InputError, match=r"is a head of kind probe, not p_ik: give scorer\.name=probe"):
        opened(place, base, "p_ik")
    with pytest.raises(InputError, match=r"judges responses of .* and the model is other@v1: choose that model, or"):
        SCORERS.get("probe")(path=str(place), provenance=Provenance("other@v1", "probe"))
    with pytest.raises(InputError, match=r"has 16 weights and the states of .* have 32 numbers: give the model"):
        scored(opened(head(tmp_path, base, "probe", width=16), base, "probe"), ONE, SAMPLES, Tokens())
    with pytest.raises(InputError, match=r"cannot be read \(.*\): give the directory of a transformers model"):
        scored(SCORERS.get("probe")(path=str(head(tmp_path, base, "probe")), folder=tmp_path), ONE, SAMPLES, Tokens())


def test_an_auxiliary_model_that_is_gone_or_has_changed_is_refused(tmp_path: Path, base: Path) -> None:
    place = head(tmp_path, base, "apricot", reader=str(tmp_path / "gone"))
    with pytest.raises(InputError, match=r"reads the auxiliary model .*gone, which is not there: put it back"):
        opened(place, base, "apricot")
    place = head(tmp_path, base, "apricot", reader=str(base), extra={"reader_files": "other"})
    with pytest.raises(InputError, match="was fitted on other files of the auxiliary model"):
        opened(place, base, "apricot")
    assert json.loads((place / "head.json").read_text())["reader"] == read_head(place)[0].reader
