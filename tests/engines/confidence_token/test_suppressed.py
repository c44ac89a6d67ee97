"""A token that is never drawn, only asked for: suppressed, and watched in the pass that draws."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from strategies.vote import Vote  # noqa: E402
from tests.engines.confidence_token.cases import CLOSE, MANY, run  # noqa: E402
from tests.engines.hf.cases import PROBLEMS, alone, draws, read  # noqa: E402
from tts.boundaries import truncate  # noqa: E402
from tts.engines.base import Meter, Prefix  # noqa: E402
from tts.engines.replay import ReplayEngine  # noqa: E402
from tts.errors import InputError  # noqa: E402
from tts.runtime.driver import run_all  # noqa: E402
from tts.scorers.controls import ConstantScorer  # noqa: E402
from tts.types import STEP_BELOW, TOKENS, End, Signals  # noqa: E402

# --- suppressed tokens -----------------------------------------------------------------------------------------------


def test_greedy_draws_are_those_of_generate_which_would_draw_suppressed_tokens_too(
    make: Any, model: Any, cnf: int
) -> None:
    engine = make(temperature=0, max_batch_size=5)
    tempted = False
    for problem, sample in zip(PROBLEMS, draws(engine, [(p, 0) for p in PROBLEMS]), strict=True):
        prompt = engine.prompt_ids(problem)
        ids = torch.tensor([prompt])
        generated = model.generate(ids, do_sample=False, max_new_tokens=40)[0, ids.shape[1] :].tolist()
        assert list(sample.token_ids) == generated and cnf not in generated
        tempted |= cnf in read(model, prompt + sample.token_ids)[len(prompt) - 1 : -1].argmax(-1).tolist()
    assert tempted


@pytest.mark.parametrize("how", [{}, {"temperature": 3.0}])
def test_a_suppressed_token_is_never_drawn(make: Any, cnf: int, how: dict[str, Any]) -> None:
    seen = {token for sample in draws(make(**how), MANY) for token in sample.token_ids}
    assert not seen & {cnf, 10, 11} and len(seen) > 20


@pytest.mark.slow
def test_draws_follow_the_softmax_over_the_other_tokens(make: Any, model: Any, cnf: int) -> None:
    engine, n = make(temperature=0.8, max_tokens=1, max_batch_size=64), 4000
    first = [s.token_ids[0] for s in draws(engine, [(PROBLEMS[0], i) for i in range(n)])]
    counts = np.bincount(first, minlength=engine.batch.decoder.vocabulary)
    logits = read(model, engine.prompt_ids(PROBLEMS[0]))[-1]
    logits[[cnf, 10, 11]] = -torch.inf
    expected = n * (logits / 0.8).softmax(-1).numpy().astype(np.float64)
    common = expected >= 5
    statistic = ((counts - expected)[common] ** 2 / expected[common]).sum()
    assert statistic < common.sum() + 5 * np.sqrt(2 * common.sum())  # five sigma, fixed seed


def test_signals_are_of_what_draws_and_watched_probabilities_of_the_whole_vocabulary(
    make: Any, model: Any, cnf: int
) -> None:
    engine = make(temperature=0.7, max_batch_size=4)
    wanted = Signals(watch=(cnf, 5, 10), top=20, entropy=True, certainty=True)
    for problem, sample in zip(PROBLEMS, draws(engine, [(p, 1) for p in PROBLEMS], signals=wanted), strict=True):
        prompt, trace = engine.prompt_ids(problem), sample.trace
        whole = read(model, prompt + sample.token_ids)[len(prompt) - 1 : -1].numpy().astype(np.float64)
        for token in wanted.watch:
            np.testing.assert_allclose(trace.watched[token], np.exp(whole[:, token]), **CLOSE)
        assert (np.array(trace.watched[cnf]) <= 1).all()
        others = np.delete(whole, [cnf, 10, 11], axis=1)
        others -= np.log(np.exp(others).sum(axis=1, keepdims=True))
        place = [token - sum(s < token for s in (cnf, 10, 11)) for token in sample.token_ids]
        np.testing.assert_allclose(trace.logprobs, others[np.arange(len(place)), place], **CLOSE)
        np.testing.assert_allclose(trace.top, -np.sort(others, axis=1)[:, -20:].mean(axis=1), **CLOSE)
        np.testing.assert_allclose(trace.entropy, -(np.exp(others) * others).sum(axis=1), **CLOSE)
        uniform = 1 / others.shape[1]
        np.testing.assert_allclose(trace.certainty, (uniform * (np.log(uniform) - others)).sum(axis=1), **CLOSE)


def test_as_many_top_tokens_as_can_be_drawn_are_finite(make: Any) -> None:
    engine = make(max_tokens=5)
    most = engine.capabilities.top
    assert most == engine.batch.decoder.vocabulary - 3
    assert np.isfinite(alone(engine, PROBLEMS[0], signals=Signals(top=most)).trace.top).all()


def test_score_is_in_the_whole_vocabulary(make: Any, model: Any, cnf: int) -> None:
    engine = make()
    [[found]] = asyncio.run(engine.score([Prefix(PROBLEMS[0], "So we get 12.")], [cnf], Meter()))
    ids = engine.prompt_ids(PROBLEMS[0]) + engine.encode("So we get 12.")
    assert found == pytest.approx(float(read(model, ids)[-1, cnf].exp()), rel=1e-4)


def test_suppressed_tokens_that_make_no_sense_are_refused(
    make: Any, model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ids in ([-1], [5, 100_000], list(range(len(tokenizer)))):
        monkeypatch.setattr(model.generation_config, "suppress_tokens", ids)
        with pytest.raises(InputError, match="suppress_tokens must name some of them"):
            make()


# --- steps -----------------------------------------------------------------------------------------------------------


def test_steps_are_noted_where_they_are_asked_for(make: Any, tokenizer: Any) -> None:
    line = tokenizer.convert_tokens_to_ids("\n")
    samples = draws(make(), MANY, signals=Signals(steps=True))
    assert all(s.trace.steps == tuple(token == line for token in s.token_ids) for s in samples)
    assert any(any(s.trace.steps) for s in samples)
    assert alone(make(), PROBLEMS[0]).trace.steps == ()


@pytest.mark.parametrize("bar", [0.0, 0.05, 0.3, 0.9])
def test_a_draw_until_step_below_is_the_whole_one_cut_there(make: Any, cnf: int, bar: float) -> None:
    engine, wanted = make(), Signals(watch=(cnf, 5), steps=True)
    whole, live = (draws(engine, MANY, signals=wanted, until=until) for until in (TOKENS(999), STEP_BELOW(bar)))
    assert all(s.end is not End.BOUNDARY for s in whole)
    for one, other in zip(whole, live, strict=True):
        short = truncate(one, STEP_BELOW(bar))
        assert (short.end, short.token_ids, short.trace.steps) == (other.end, other.token_ids, other.trace.steps)
        np.testing.assert_allclose(short.trace.watched[cnf], other.trace.watched[cnf], **CLOSE)
    assert any(s.end is End.BOUNDARY for s in live) == (bar > 0)


@pytest.mark.parametrize("probed", [False, True])
def test_a_replay_prunes_and_pays_as_the_live_run_did(make: Any, cnf: int, probed: bool) -> None:
    wanted = Signals(watch=(cnf,), steps=True, probe=cnf if probed else None)
    scorer: Any = ConstantScorer()
    recorded = run(make(), Vote("whole", 3), scorer=scorer, signals=wanted)
    source = ReplayEngine({r.problem.id: r.decision.samples for r in recorded})
    strategy = Vote("pruned", 3, prune=0.3)
    live = run(make(), strategy, scorer=scorer, signals=wanted)
    again = asyncio.run(run_all(strategy, PROBLEMS, source))
    ends = set()
    for a, b in zip(live, again, strict=True):
        assert (a.decision.answer, a.decision.reason) == (b.decision.answer, b.decision.reason)
        assert a.decision.usage is not None and b.decision.usage is not None
        assert a.decision.usage.delivered == b.decision.usage.delivered
        for one, other in zip(a.decision.samples, b.decision.samples, strict=True):
            assert (one.end, one.token_ids) == (other.end, other.token_ids)
            ends.add(one.end)
    assert ends >= {End.BOUNDARY, End.STOP}
