"""Decisions on pools: those of a live run with the same samples, without gold answers, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evals.comparison.settings import Settings
from evals.comparison.table import compare
from evals.config import DecideConfig
from evals.decisions.lines import decision_line
from evals.decisions.session import PoolDecision, open_decider, speaker_of, spelled_alike
from evals.replay.arrays import PoolArrays
from evals.replay.synthetic import synthetic_pool
from strategies.catalog import CATALOG
from tts.errors import InputError, UnsupportedError
from tts.pool import Entry, Pool, Score
from tts.types import Decision, Problem, Sample, Trace, Usage

POOL = synthetic_pool(questions=6, samples=8)


def without_golds(pool: Pool) -> Pool:
    return replace(
        pool,
        entries=tuple(
            replace(e, problem=replace(e.problem, gold=None), correct=(None,) * len(e.samples)) for e in pool.entries
        ),
    )


def decide(pool: Pool, said: list[str] | None = None, **settings: object) -> list[PoolDecision]:
    notify = (lambda _: None) if said is None else said.append
    return list(open_decider(pool, DecideConfig(**settings), notify=notify))  # type: ignore[arg-type]


def one(*answers: str | None, confidences: tuple[float, ...] = ()) -> Pool:
    samples = tuple(
        Sample(f"text {i}", answer, index=i, confidence=confidences[i] if confidences else None)
        for i, answer in enumerate(answers)
    )
    return Pool("made up", "", (Entry(Problem("q", "?"), samples, (None,) * len(samples)),))


def test_gold_answers_change_nothing() -> None:
    for strategy in ("self_consistency", "cges", "best_of_n", "esc"):
        assert decide(POOL, strategy=strategy) == decide(without_golds(POOL), strategy=strategy)


def test_a_decision_has_its_samples_tokens_reason_and_speaker() -> None:
    pool = one("7", "9", "7", None, confidences=(0.4, 0.9, 0.6, 0.0))
    pool = replace(
        pool, entries=tuple(
            replace(e, samples=tuple(replace(s, usage=Usage(delivered=10)) for s in e.samples)) for e in pool.entries
        ),
    )  # fmt: skip
    [found] = decide(pool, strategy="self_consistency", budget=3)
    assert (found.answer, found.vote_share, found.p_correct) == ("7", pytest.approx(2 / 3), None)
    assert (found.samples, found.tokens, found.stopped_by) == ((0, 1, 2), 30, "budget")
    assert found.speaker is not None and (found.speaker.index, found.speaker.text) == (2, "text 2")


def test_fewer_samples_than_the_budget_are_all_used_and_said() -> None:
    said: list[str] = []
    [found] = decide(one("7", "7"), said, budget=5)
    assert (found.samples, found.stopped_by, found.tokens) == ((0, 1), "pool", None)
    assert said == ["1 of 1 questions have fewer than 5 samples: all of theirs decide"]


def test_a_question_without_readable_samples_has_no_answer() -> None:
    [found] = decide(one(None, None))
    assert (found.answer, found.speaker, found.samples) == (None, None, (0, 1))


def test_equal_spellings_are_one_answer_spelled_as_the_first() -> None:
    [found] = decide(one("3", "18.0", "18", "$18"))
    assert (found.answer, found.vote_share) == ("18.0", 0.75)
    assert [s.answer for s in spelled_alike([Sample(answer="x"), Sample(answer="1")], "number")] == [None, "1"]


def test_equal_answers_of_mathematics_are_one_answer() -> None:
    pytest.importorskip("math_verify")
    [found] = decide(one("2", r"\frac{1}{2}", "0.5", "2", "1/2"), answers="math")
    assert found.vote_share == 0.6 and found.speaker is not None and found.speaker.index == 1


def test_p_correct_needs_a_calibration_where_the_strategy_reads_confidences() -> None:
    said: list[str] = []
    assert {d.p_correct for d in decide(POOL, said, strategy="cges")} == {None}
    assert said == ["p_correct is null: these confidences went through no calibration map (calibration=FILE)"]


def test_recorded_scores_are_read_by_their_label() -> None:
    pool = one("7", "9")
    scores = {"judge": (Score(0.2), Score(0.8, read=5)), "other": (Score(0.9), Score(0.1))}
    pool = replace(pool, entries=tuple(replace(entry, scores=scores) for entry in pool.entries))
    assert [decide(pool, strategy="best_of_n", score=label)[0].answer for label in scores] == ["9", "7"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"strategy": "oracle"}, "is a control that decides by gold answers or by chance"),
        ({"strategy": "reasc"}, "learns from graded answers of other questions"),
        ({"strategy": "guided_pruning"}, "unknown strategy"),
        ({"score": "nothing"}, "unknown score 'nothing'.*`tts score` adds those of a scorer"),
        ({"score": "mean_logprob", "strategy": "cges"}, "reads log-probabilities and sample 0 has none"),
        ({"calibration": "no.json", "strategy": "cges"}, r"no\.json: no such file"),
    ],
)
def test_what_cannot_decide_is_one_sentence(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        decide(POOL, **settings)


def test_raw_scores_are_refused_by_strategies_that_read_probabilities(tmp_path: Path) -> None:
    pool = one("7", "9", confidences=(-3.0, 4.0))
    with pytest.raises(InputError, match=r"confidences span \[-3, 4\].*calibration=FILE"):
        decide(pool, strategy="cges")
    assert decide(pool, strategy="self_consistency")[0].answer == "7"


def test_samples_that_continue_a_prefix_are_refused() -> None:
    sample = Sample("ab", "7", token_ids=(1, 2), given=1)
    pool = Pool("p", "", (Entry(Problem("q", "?"), (sample,), (None,)),))
    with pytest.raises(InputError, match="continue a prefix"):
        decide(pool)


def test_the_first_of_equally_confident_samples_speaks() -> None:
    samples = tuple(Sample(f"{i}", "a", index=i) for i in range(2))
    assert speaker_of(Decision("a", samples, "budget")) is samples[0]
    assert speaker_of(Decision("A", samples, "budget"), ("a", "A")) is samples[0]


def test_masses_are_in_the_decisions_and_lines_of_strategies_that_read_them_alone() -> None:
    sure = [one for one in decide(POOL, strategy="mass_certificate") if one.stopped_by == "mass_certificate"]
    assert sure and all(one.certified for one in sure)
    line = decision_line(sure[0])
    masses = line["masses"]
    rest = [mass for answer, mass in masses.items() if answer != line["answer"]]
    assert masses[line["answer"]] - max(rest, default=0.0) > line["unseen_mass"]
    assert {"certified", "masses", "unseen_mass"}.isdisjoint(decision_line(decide(POOL, strategy="esc")[0]))


def test_a_pool_without_probabilities_is_refused_or_counted_and_one_with_impossible_ones_is_refused() -> None:
    bare, said = one("7", "9", "7"), list[str]()
    with pytest.raises(
        InputError, match=r"strategy mass_certificate reads the log-probability .*, and the pool has none"
    ):
        decide(bare, strategy="mass_certificate")
    (found,) = decide(bare, said, strategy="mass_gated")
    assert (found.answer, found.certified) == ("7", None)
    assert len(said) == 1 and said[0].startswith(
        "strategy mass_gated votes without masses, since it reads the log-prob"
    )
    (entry,) = bare.entries
    likely = [replace(s, trace=Trace(processed=(-0.1,))) for s in entry.samples]
    wrong = replace(bare, entries=(replace(entry, samples=tuple(likely), meta={"model": "odd"}),))
    with pytest.raises(
        UnsupportedError, match=r"sum to 1\.81: model odd, on question 'q', reports probabilities that are not those it"
    ):
        decide(wrong, strategy="perplexity_consistency")
    arrays = PoolArrays.of(replace(wrong, entries=(replace(wrong.entries[0], correct=(True, False, True)),)))
    with pytest.raises(UnsupportedError, match=r"sum to 2\.715: model odd, on question 'q', reports probabilities"):
        compare(arrays, [CATALOG["perplexity_consistency"]], Settings(budget=3, permutations=2))
