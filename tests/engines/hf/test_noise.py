"""Noise of each token's own: tokens follow their probabilities, draws are independent and survive small changes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tts.engines.hf.noise import BLOCK, ONE_STAGE, draw_tokens, hash_keys, negative_exponential  # noqa: E402

SIZES = [5, ONE_STAGE, 3 * BLOCK, 3 * BLOCK + 1]


def probabilities(rows: int, size: int, spread: float = 3.0) -> Any:
    return (torch.randn((rows, size), generator=torch.Generator().manual_seed(0)) * spread).softmax(-1)


def chi_square(counts: Any, expected: Any) -> None:
    """Cells of at least 5, the others together; at most five standard deviations above the mean."""
    rare = expected < 5
    counts, expected = ([*cells[~rare], cells[rare].sum() + 1e-9] for cells in (counts, expected))
    statistic = sum((a - b) ** 2 / b for a, b in zip(counts, expected, strict=True))
    assert statistic < len(counts) + 5 * (2 * len(counts)) ** 0.5


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("over", ["draws", "positions"])
def test_shares_are_the_probabilities(size: int, over: str) -> None:
    n = 10_000
    keys = [(3 + i, 7) if over == "draws" else (3, i) for i in range(n)]
    p = probabilities(1, size)
    tokens = draw_tokens(p.expand(n, -1), hash_keys(keys, "cpu"))
    chi_square(np.bincount(tokens, minlength=size), n * p[0].double().numpy())


@pytest.mark.slow
def test_shares_are_the_probabilities_of_a_large_vocabulary() -> None:
    n, size = 100_000, 49_152
    p = probabilities(1, size)
    counts = np.zeros(size, dtype=int)
    for start in range(0, n, 1000):
        words = hash_keys([(i, i % 50) for i in range(start, start + 1000)], "cpu")
        counts += np.bincount(draw_tokens(p.expand(1000, -1), words), minlength=size)
    chi_square(counts, n * p[0].double().numpy())


@pytest.mark.parametrize("size", [4, 4 * BLOCK])
@pytest.mark.parametrize("step", [(1, 0), (0, 1), (1, -1), (1 << 40, 0)], ids=["draw", "position", "both", "far"])
def test_neighbours_are_independent(size: int, step: tuple[int, int]) -> None:
    n, p = 8000, probabilities(1, size, 1.0)
    keys = np.array([(i // 100 * 977, 1 + i % 100) for i in range(n)])
    first, second = (draw_tokens(p.expand(n, -1), hash_keys(k.tolist(), "cpu")) for k in (keys, keys + step))
    quarter = p[0].view(4, -1).sum(-1).double().numpy()
    pairs = np.bincount(first // (size // 4) * 4 + second // (size // 4), minlength=16)
    chi_square(pairs, n * np.outer(quarter, quarter).ravel())


@pytest.mark.parametrize(("one", "other"), [((0, 1), (2, 3)), ((0, 256), (1, 257)), ((0, 511), (1, 510))])
def test_tokens_have_independent_noise(one: tuple[int, int], other: tuple[int, int]) -> None:
    n = 4000
    words = hash_keys([(i, 0) for i in range(n)], "cpu")
    wins = []
    for pair in (one, other):
        p = torch.zeros(1, ONE_STAGE).index_fill(1, torch.tensor(pair), 1.0)
        wins.append(draw_tokens(p.expand(n, -1), words) == pair[1])
    pairs = np.bincount(2 * wins[0] + wins[1], minlength=4)
    chi_square(pairs, np.full(4, n / 4))


def test_the_tail_of_a_large_vocabulary_is_drawn() -> None:
    n, size = 400, 1 << 18
    p = torch.full((1, size), 0.5 / size)
    p[0, 0] = 0.5
    tokens = draw_tokens(p.expand(n, -1), hash_keys([(i, 0) for i in range(n)], "cpu"))
    assert abs(int((tokens > 0).sum()) - n / 2) < 4 * n**0.5 / 2
    assert len(set(tokens[tokens > 0].tolist())) > 190, "each of them at 2e-6"


def test_noise_is_finite_at_its_ends_and_fine_next_to_zero() -> None:
    ends = negative_exponential(torch.tensor([-(1 << 63), (1 << 63) - 1, 0, -1, -3]))
    assert ((ends < 0) & ends.isfinite()).all() and ends.min() > -16.7
    assert ends[3:].tolist() == pytest.approx([-(2.0**-63), -3 * 2.0**-63], rel=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_a_token_without_probability_is_never_drawn(size: int) -> None:
    p = torch.zeros(500, size)
    p[:, size - 1] = 1e-30
    assert (draw_tokens(p, hash_keys([(i, 0) for i in range(500)], "cpu")) == size - 1).all()


def test_a_row_s_token_does_not_depend_on_the_other_rows() -> None:
    for size in SIZES:
        p, keys = probabilities(40, size), [(i * 31, i % 5) for i in range(40)]
        together = draw_tokens(p, hash_keys(keys, "cpu")).tolist()
        backwards = draw_tokens(p.flip(0), hash_keys(keys[::-1], "cpu")).tolist()[::-1]
        single = [int(draw_tokens(p[i : i + 1], hash_keys(keys[i : i + 1], "cpu"))) for i in range(40)]
        assert together == backwards == single


def test_a_small_change_of_the_logits_rarely_changes_the_token() -> None:
    """Inverting the distribution function at one uniform number for each row changes twenty times as many."""
    generator, rows, changed, inverted = torch.Generator().manual_seed(1), 2000, 0, 0
    for size in (400, 5000):
        logits = torch.randn((rows, size), generator=generator) * 3
        near = logits + 1e-3 * torch.randn(logits.shape, generator=generator)
        words, at = hash_keys([(i, 0) for i in range(rows)], "cpu"), torch.rand((rows, 1), generator=generator)
        a, b = (draw_tokens(x.softmax(-1), words) for x in (logits, near))
        changed += int((a != b).sum())
        a, b = (torch.searchsorted(x.softmax(-1).cumsum(-1), at) for x in (logits, near))
        inverted += int((a != b).sum())
    assert changed < 1e-3 * 2 * rows < 20 * 1e-3 * 2 * rows < inverted


def test_words_and_tokens_stay_what_they_were() -> None:
    """Another process, version or device draws the same; a change here is a new name of the noise in the run's key."""
    words = hash_keys([(0, 0), (0, 1), (1, 0), ((1 << 63) - 1, 1 << 20)], "cpu")
    assert words.tolist() == [570105383728987432, 3642288139582942246, 8148798646758980440, 4798365092590222950]
    assert draw_tokens(torch.ones(4, 300), words).tolist() == [11, 93, 169, 212]
    assert draw_tokens(torch.ones(4, 5000), words).tolist() == [4224, 940, 2775, 4215]


def test_words_differ_between_draws_and_positions() -> None:
    keys = list(itertools.product(range(300), range(100)))
    assert len(set(hash_keys(keys, "cpu").tolist())) == len(keys)
