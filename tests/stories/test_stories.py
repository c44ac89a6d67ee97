"""The generated task: right answers, disjoint splits, variety, and a tokenizer that loses nothing."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tts.answers import extract_gsm8k
from tts.stories.plot import MOST
from tts.stories.stories import STEPS, stories, take
from tts.stories.story import SPLITS, Story

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
    """Whether the line's equation holds, and its result."""
    for pattern, sign in EQUATIONS:
        if found := re.search(pattern, line):
            a, b, c = map(int, found.groups())
            holds = {"+": a + b == c, "-": a - b == c, "r": b - a == c, "*": a * b == c}
            holds |= {"/": a == b * c, "q": b == a * c}
            return holds[sign], c
    raise AssertionError(f"no equation in {line!r}")


@pytest.fixture(scope="module")
def many() -> list[Story]:
    return take("train", 20_000, seed=11)


def test_every_step_computes_right_and_the_last_one_is_the_answer(many: list[Story]) -> None:
    for story in many[:5000]:
        results = []
        for line in story.lines:
            holds, result = equation(line)
            assert holds, line
            results.append(result)
        assert str(results[-1]) == story.answer == extract_gsm8k(story.solution)
        assert 2 <= len(story.lines) <= 8 and 0 < int(story.answer) <= MOST
        assert "\n" not in story.question and "{" not in story.question + story.solution


def test_the_same_seed_tells_the_same_stories() -> None:
    assert take("test", 50, seed=3) == take("test", 50, seed=3) != take("test", 50, seed=4)


def test_no_story_of_a_held_out_split_occurs_in_training(many: list[Story]) -> None:
    numbers = {tuple(sorted(s.numbers)) for s in many}
    texts = {s.question for s in many}
    for split in ("calibration", "test"):
        held_out = take(split, 2000)
        assert not numbers & {tuple(sorted(s.numbers)) for s in held_out}
        assert not texts & {s.question for s in held_out}
        assert len({s.question for s in held_out}) == 2000
    assert all(s.split == split for split in SPLITS for s in take(split, 500))
    calibration = {tuple(sorted(s.numbers)) for s in take("calibration", 2000)}
    assert not calibration & {tuple(sorted(s.numbers)) for s in take("test", 2000)}


def test_lengths_and_traps_are_as_promised(many: list[Story]) -> None:
    lengths = Counter(len(s.lines) for s in many)
    assert set(lengths) == set(STEPS) and min(lengths.values()) > 300
    traps = Counter(trap for s in many for trap in s.traps)
    assert all(traps[name] > len(many) * 0.02 for name in ("distractor", "inverted", "rest", "unit"))
    assert max(len(s.lines) for s in take("train", 500, seed=1)) == 8
    easy = stories("train", 1, longest=3)
    assert {len(next(easy).lines) for _ in range(200)} == {2, 3}


def test_solutions_vary_for_reasons_that_have_nothing_to_do_with_being_right(many: list[Story]) -> None:
    shapes = Counter(re.sub(r"\d+", "N", line) for s in many for line in s.lines)
    assert len(shapes) > 5000 and shapes.most_common(1)[0][1] < 0.01 * sum(shapes.values())


def test_the_tokenizer_loses_nothing_and_knows_every_piece(many: list[Story]) -> None:
    pytest.importorskip("transformers")
    from tts.training.tiny.tokenizer import build

    tokenizer = build()
    assert len(tokenizer) < 400
    for story in [*take("test", 500), *take("calibration", 500), *many[:500]]:
        text = f"{story.question}\n{story.solution}"
        ids = tokenizer(text).input_ids
        assert ids[0] == tokenizer.bos_token_id and tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
        assert len(ids) < 512
