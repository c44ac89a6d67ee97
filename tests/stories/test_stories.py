"""The generated task: right answers, disjoint splits, variety, and a tokenizer that loses nothing."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import pytest

from tts.answers import extract_gsm8k
from tts.stories.plot import MOST
from tts.stories.stories import STEPS, stories, take
from tts.stories.story import SPLITS, Split, Story

EQUATIONS = (
    (r"(\d+) \+ (\d+) = (\d+)", "+"), (r"(\d+) plus (\d+) is (\d+)", "+"),
    (r"dding (\d+) to (\d+) gives (\d+)", "+"), (r"he sum of (\d+) and (\d+) is (\d+)", "+"),
    (r"(\d+) - (\d+) = (\d+)", "-"), (r"(\d+) minus (\d+) is (\d+)", "-"),
    (r"aking (\d+) from (\d+) leaves (\d+)", "r"), (r"(\d+) less than (\d+) is (\d+)", "r"),
    (r"(\d+) \* (\d+) = (\d+)", "*"), (r"(\d+) times (\d+) is (\d+)", "*"),
    (r"(\d+) groups of (\d+) make (\d+)", "*"), (r"he product of (\d+) and (\d+) is (\d+)", "*"),
    (r"(\d+) / (\d+) = (\d+)", "/"), (r"(\d+) divided by (\d+) is (\d+)", "/"),
    (r"plitting (\d+) into (\d+) parts gives (\d+)", "/"), (r"ne of (\d+) equal parts of (\d+) is (\d+)", "q"),
)  # fmt: skip


def equation(line: str) -> tuple[bool, int]:
    """Return whether the line's equation holds, and its result."""
    for pattern, sign in EQUATIONS:
        if found := re.search(pattern, line):
            a, b, c = map(int, found.groups())
            holds = {"+": a + b == c, "-": a - b == c, "r": b - a == c, "*": a * b == c}
            holds |= {"/": a == b * c, "q": b == a * c}
            return holds[sign], c
    raise AssertionError(f"no equation in {line!r}")


FULL = (20_000, 2000)
"""Stories of the training stream and of each held-out split, at full size."""


@cache
def drawn(split: Split, count: int, seed: int = 0) -> tuple[Story, ...]:
    return tuple(take(split, count, seed))


def test_every_step_computes_right_and_the_last_one_is_the_answer() -> None:
    for story in drawn("train", 5000, 11):
        results = []
        for line in story.lines:
            holds, result = equation(line)
            assert holds, line
            results.append(result)
        assert str(results[-1]) == story.answer == extract_gsm8k(story.solution)
        assert 2 <= len(story.lines) <= 8 and 0 < int(story.answer) <= MOST
        assert "\n" not in story.question and "{" not in story.question + story.solution


def test_the_same_seed_gives_the_same_stories() -> None:
    assert take("test", 20, seed=3) == take("test", 20, seed=3) != take("test", 20, seed=4)


@pytest.mark.slow
@pytest.mark.parametrize(("many", "held_out"), [FULL])
def test_no_story_of_a_held_out_split_occurs_in_training(many: int, held_out: int) -> None:
    """The numbers of a question decide its split, so the promise holds for every story: a few hundred suffice."""
    stories = drawn("train", many, 11)
    numbers, texts = {tuple(sorted(s.numbers)) for s in stories}, {s.question for s in stories}
    kept = {split: drawn(split, held_out) for split in ("calibration", "test")}
    for found in kept.values():
        assert not numbers & {tuple(sorted(s.numbers)) for s in found}
        assert not texts & {s.question for s in found}
        assert len({s.question for s in found}) == held_out
    assert all(s.split == split for split, found in kept.items() for s in found)
    assert all(s.split == "train" for s in stories) and {"train", *kept} == set(SPLITS)
    calibration, test = ({tuple(sorted(s.numbers)) for s in found} for found in kept.values())
    assert not calibration & test


@pytest.mark.parametrize(("many", "fewest"), [(5000, 75), pytest.param(20_000, 300, marks=pytest.mark.slow)])
def test_lengths_and_traps_are_as_promised(many: int, fewest: int) -> None:
    """The rarest length has over 1.5 % of the stories; in 5,000 it has 128, in 20,000 over 300."""
    found = drawn("train", many, 11)
    lengths = Counter(len(s.lines) for s in found)
    assert set(lengths) == set(STEPS) and min(lengths.values()) > fewest
    traps = Counter(trap for s in found for trap in s.traps)
    assert all(traps[name] > many * 0.02 for name in ("distractor", "inverted", "rest", "unit"))
    assert max(len(s.lines) for s in take("train", 500, seed=1)) == 8
    easy = stories("train", 1, longest=3)
    assert {len(next(easy).lines) for _ in range(200)} == {2, 3}


@pytest.mark.parametrize("many", [5000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_solutions_vary_for_reasons_that_have_nothing_to_do_with_being_right(many: int) -> None:
    shapes = Counter(re.sub(r"\d+", "N", line) for s in drawn("train", many, 11) for line in s.lines)
    assert len(shapes) > 5000 and shapes.most_common(1)[0][1] < 0.01 * sum(shapes.values())


@pytest.mark.slow
@pytest.mark.parametrize(("read", "count"), [(40_000, 500)])
def test_the_tokenizer_loses_nothing_and_knows_every_piece(read: int, count: int) -> None:
    """A tokenizer that read 2,000 stories has the same pieces as after 40,000 and replaces that one."""
    pytest.importorskip("transformers")
    from tts.training.tiny.tokenizer import build

    tokenizer = build(read)
    assert len(tokenizer) < 400
    for story in [*drawn("test", 300)[:count], *drawn("calibration", 300)[:count], *drawn("train", 5000, 11)[:count]]:
        text = f"{story.question}\n{story.solution}"
        ids = tokenizer(text).input_ids
        assert ids[0] == tokenizer.bos_token_id and tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
        assert len(ids) < 512
