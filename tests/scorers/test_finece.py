"""Scorer finece: nothing to pay where the sample was drawn with it, one pass for texts drawn elsewhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.engines.base import Capabilities, Meter, Prefix
from tts.engines.fake.engine import FakeEngine
from tts.errors import EngineError, InputError, UnsupportedError
from tts.models.finece import NAME, OWNER, VALUES, FineceCard, read_card, write_card
from tts.scorers.config import open_scorer
from tts.scorers.finece import Finece, open_finece
from tts.scorers.integration import Integrated
from tts.scorers.metered import MeteredEngine
from tts.scorers.trace_scores import TRACE_SCORES, expectation, value_confidence
from tts.types import End, Problem, Sample, Signals, Trace

TOKENS = tuple(range(100, 111))
CARD = FineceCard("grown", "values", TOKENS, "tiny")
ONE = Problem("q", "?")


class Reader:
    """Gives every text the probabilities it was made with, and remembers what it was asked."""

    capabilities = Capabilities(score_prefix=True)

    def __init__(self, row: Sequence[float]) -> None:
        self.row, self.asked = row, []  # type: ignore[var-annotated]

    async def score(self, prefixes: Sequence[Prefix], tokens: Sequence[int], meter: Meter, **how: Any) -> Any:
        self.asked.append(([p.text for p in prefixes], tuple(tokens)))
        meter.prompt += 7 * len(prefixes)
        return np.array([self.row for _ in prefixes])


def drawn(*rows: Sequence[float]) -> Sample:
    watched = {token: tuple(row[v] for row in rows) for v, token in enumerate(TOKENS)}
    return Sample("x", trace=Trace(watched=watched, owners={OWNER: TOKENS}))


def peaked(value: int, mass: float = 1e-9) -> list[float]:
    return [mass if v == value else 0.0 for v in range(VALUES)]


@given(row=st.lists(st.floats(1e-30, 1), min_size=11, max_size=11), scale=st.floats(1e-12, 1))
def test_the_expectation_is_that_of_the_shares(row: list[float], scale: float) -> None:
    found = float(expectation(np.array(row) * scale))
    assert found == pytest.approx(sum(v / 10 * p for v, p in enumerate(row)) / sum(row), abs=1e-9)
    assert 0 <= found <= 1 + 1e-12


def test_a_sample_that_was_drawn_with_it_costs_nothing() -> None:
    samples = [drawn(peaked(0), peaked(3)), drawn(peaked(10))]
    engine = MeteredEngine(Reader(peaked(5)))
    assert asyncio.run(Finece(CARD).score(ONE, samples, engine)).tolist() == pytest.approx([0.3, 1.0])
    assert engine.usage.total == 0 and Finece(CARD).needs == Signals(watch=TOKENS, owners={OWNER: TOKENS})
    assert value_confidence(samples[0].trace) == pytest.approx([0.0, 0.3])
    assert TRACE_SCORES["finece"].raw(samples[0]) == pytest.approx(0.3)


def test_texts_that_were_drawn_elsewhere_are_read_in_one_pass() -> None:
    reader = Reader(peaked(5))
    engine = MeteredEngine(reader)
    samples = [Sample("ab", end=End.BOUNDARY), drawn(peaked(9)), Sample("cd")]
    assert asyncio.run(Finece(CARD).score(ONE, samples, engine)).tolist() == pytest.approx([0.5, 0.9, 0.5])
    assert reader.asked == [(["ab", "cd"], TOKENS)] and engine.usage.scorer_prefill == 14


def test_a_text_is_read_where_the_engine_reads_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    fake, problem = FakeEngine(), FakeEngine.problems(1)[0]
    monkeypatch.setattr(fake, "score", None)
    engine = MeteredEngine(fake)
    assert asyncio.run(Finece(CARD).score(problem, [Sample("step 0 slip 0 \n")], engine)).tolist() == pytest.approx(
        [0.5]
    )
    assert engine.usage.scorer_prefill > 0


@pytest.mark.parametrize("row", [[0.0] * 11, [float("nan")] * 11, [-0.1, *[0.2] * 10]])
def test_what_is_no_probability_is_an_error(row: list[float]) -> None:
    with pytest.raises(EngineError, match="gave no probabilities of value tokens on problem 'q'"):
        asyncio.run(Finece(CARD).score(ONE, [Sample("ab")], MeteredEngine(Reader(row))))
    with pytest.raises(UnsupportedError, match="the probabilities of eleven value tokens and sample 0 has none"):
        TRACE_SCORES["finece"].raw(Sample())


def test_the_card_is_read_as_it_was_written_and_broken_ones_get_one_sentence(tmp_path: Path) -> None:
    write_card(tmp_path, FineceCard("adapter", "head", (), "m", {"recipe": {"rank": 4}}))
    assert read_card(tmp_path) == FineceCard("adapter", "head", (), "m", {"recipe": {"rank": 4}})
    good = json.loads((tmp_path / NAME).read_text())
    for key, value, words in (
        ("form", "baked", "form must be grown or adapter or model, got 'baked'"),
        ("read", 3, "read must be values or numbers or head, got 3"),
        ("tokens", [1], r"tokens must be 0 whole numbers >= 0, got \[1\]"),
        ("base", None, "base must be text, got None"),
        ("format", "x", "must have format 'tts-finece-1', got 'x'"),
    ):
        (tmp_path / NAME).write_text(json.dumps({**good, key: value}))
        with pytest.raises(InputError, match=words):
            read_card(tmp_path)
    (tmp_path / NAME).write_text("{")
    with pytest.raises(InputError, match="is no JSON"):
        read_card(tmp_path)
    with pytest.raises(InputError, match=r"has no finece.json: train one with `tts train finece`"):
        read_card(tmp_path / "nowhere")
    with pytest.raises(InputError, match="cannot be called tokens"):
        write_card(tmp_path, FineceCard("grown", "values", TOKENS, "m", {"tokens": 1}))


def test_it_is_opened_by_name_with_or_without_integration(tmp_path: Path) -> None:
    write_card(tmp_path, CARD)
    known = {"model": "tiny", "revision": "", "template": "t", "folder": tmp_path}
    plain = open_scorer({"name": "finece"}, **known)  # type: ignore[arg-type]
    assert plain.name == "finece" and plain.probability and plain.key["tokens"] == list(TOKENS)
    ahead = open_scorer({"name": "finece", "width": 2, "depth": 1, "alpha": 0.3}, **known)  # type: ignore[arg-type]
    assert isinstance(ahead.scorer, Integrated) and ahead.name == "finece+bci(w=2,d=1,alpha=0.3)"
    assert ahead.key != plain.key
    with pytest.raises(InputError, match="needs width and depth >= 1, or both 0"):
        open_scorer({"name": "finece", "width": 2}, **known)  # type: ignore[arg-type]


def test_directories_that_do_not_fit_get_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"needs the finece.json of a FineCE model.*engine.model=DIRECTORY, or scorer"):
        open_finece()
    write_card(tmp_path, CARD)
    with pytest.raises(InputError, match=r"gives its confidence while it draws: give engine.model="):
        open_finece(path=str(tmp_path), folder=tmp_path.parent)
