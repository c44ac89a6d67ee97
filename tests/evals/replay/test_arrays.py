"""Pools as arrays: equivalent answers merged, graded by the one rule, in small types."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evals.replay.arrays import PoolArrays
from tests.evals.cases import pool_of
from tts.answers.meaning.equality import Pairwise
from tts.errors import InputError
from tts.pool import Entry, Pool
from tts.types import Problem, Sample, Usage


def test_equivalent_answers_vote_together_and_conflicting_grades_are_counted():
    pool = pool_of(["1", "1.0", "$1", "2", "2"])
    arrays = PoolArrays.of(pool)
    assert arrays.labels.tolist() == [[0, 0, 0, 1, 1]]
    assert arrays.class_correct.tolist() == [[False, False]], "two of three spellings carry the grade wrong"
    assert (arrays.conflicts, arrays.tiers) == (1, {"canonical": 1, "exact": 1})


def test_ungraded_samples_are_graded_by_the_gold_answer():
    samples = (Sample(answer="1,000", index=0), Sample(answer="7", index=1), Sample(answer=None, index=2))
    entry = Entry(Problem("q", "?", "1000"), samples, (None, None, None), {})
    arrays = PoolArrays.of(Pool("memory", "0" * 64, (entry,)))
    assert arrays.sample_correct.tolist() == [[True, False, False]]
    bare = Pool("memory", "0" * 64, (Entry(Problem("q", "?"), samples, (None, None, None), {}),))
    with pytest.raises(InputError, match="memory: question 'q' has ungraded samples and no gold answer"):
        PoolArrays.of(bare)


def test_a_pairwise_check_grades_as_it_merges():
    """A sample without a recorded grade: the gold answer is compared by the equality that merges the votes."""
    samples = tuple(Sample(answer=a, index=i) for i, a in enumerate(("x+1", "1+x", "x+2")))
    pool = Pool("memory", "0" * 64, (Entry(Problem("q", "?", "1 + x"), samples, (None, None, None), {}),))

    def equal(a, b):
        return {a, b} == {"x+1", "1+x"}

    plain, checked = (
        PoolArrays.of(pool, answers="math"),
        PoolArrays.of(pool, answers="math", equality=Pairwise("math", equal)),
    )
    assert (plain.labels.tolist(), plain.sample_correct.tolist()) == ([[0, 1, 2]], [[False, True, False]])
    assert (checked.labels.tolist(), checked.sample_correct.tolist()) == ([[0, 0, 1]], [[True, True, False]])


def test_counts_have_the_smallest_type_that_holds_them():
    pool = pool_of([("1", 0.9), ("2", 0.1)], [("3", 0.2)])
    assert PoolArrays.of(pool).labels.dtype == np.int8
    usages = [Usage(delivered=70_000), Usage(delivered=9, prompt=300), Usage(delivered=1)]
    counted = iter(usages)
    entries = [entry.with_samples([replace(s, usage=next(counted)) for s in entry.samples]) for entry in pool.entries]
    arrays = PoolArrays.of(replace(pool, entries=tuple(entries)))
    assert (arrays.tokens.dtype, arrays.prompt.dtype, arrays.cached.dtype) == (np.uint32, np.uint16, np.uint8)
    assert arrays.tokens.tolist() == [[70_000, 9], [1, 0]] and arrays.prompt.tolist() == [[0, 300], [0, 0]]
    many = pool_of([(str(i), None) for i in range(200)])
    assert PoolArrays.of(many).labels.dtype == np.int16 and PoolArrays.of(many).labels.max() == 199


def test_samples_that_continue_a_prefix_are_no_independent_draws():
    sample = Sample(answer="1", index=0, given=3, token_ids=(1, 2, 3, 4))
    pool = Pool("memory", "0" * 64, (Entry(Problem("q", "?", "1"), (sample,), (True,), {}),))
    with pytest.raises(InputError, match="samples of question 'q' continue a prefix"):
        PoolArrays.of(pool)
