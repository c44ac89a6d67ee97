"""Trees of completions: Algorithm 1's cost on the ledger, prefixes where they should be, nothing drawn twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from evals.tasks import TaskConfig, load_task  # noqa: E402
from tts.engines.config import EngineConfig, open_engine  # noqa: E402
from tts.engines.hf.engine import TransformersEngine  # noqa: E402
from tts.errors import InputError  # noqa: E402
from tts.pool import PoolSampleCache, PoolStore, RunKey  # noqa: E402
from tts.runtime.driver import Options, Result, run_all  # noqa: E402
from tts.training.finece.embed import model_embedding  # noqa: E402
from tts.training.finece.tree import Tree, TreeConfig  # noqa: E402
from tts.types import Decision, Draw, End, Problem, Sample, Trace  # noqa: E402

K, M, T = 4, 2, 2


@pytest.fixture(scope="module")
def engine() -> Iterator[TransformersEngine]:
    torch.set_num_threads(1)
    opened = open_engine(EngineConfig(device="cpu"), load_task(TaskConfig(questions=1)).prompt, print)
    assert isinstance(opened, TransformersEngine)
    yield opened
    opened.close()


def grown(engine: TransformersEngine, config: TreeConfig, count: int = 2, cache: Any = None) -> list[Result]:
    task = load_task(TaskConfig(questions=count))
    tree = Tree(config, engine.decode)
    work = run_all(
        tree,
        task.problems,
        engine,
        extract=task.extract,
        cache=cache,
        options=Options(concurrency=3),
        signals=tree.requires.signals,
    )
    return list(asyncio.run(work))


CONFIG = TreeConfig(k=K, clusters=M, levels=T)


@pytest.fixture(scope="module")
def trees(engine: TransformersEngine) -> tuple[list[Result], int]:
    """The trees of two questions, and the tokens that the engine drew for them."""
    before = engine.batch.drawn
    results = grown(engine, CONFIG)
    return results, engine.batch.drawn - before


def nodes(samples: Any) -> Counter[tuple[int, ...]]:
    return Counter(s.token_ids[: s.given] for s in samples)


@pytest.mark.slow
def test_a_question_costs_k_times_one_plus_m_times_t_draws(trees: tuple[list[Result], int]) -> None:
    results, drawn = trees
    for result in results:
        samples, found = result.decision.samples, nodes(result.decision.samples)
        assert set(found.values()) == {K} and len(samples) == K * len(found)
        assert len(samples) <= K * (1 + M * T)
        levels = Counter(sum(ids[: len(p)] == p and p != ids for p in found) for ids in found)
        assert levels[0] == 1 and levels[1] <= M and levels.get(2, 0) <= levels[1]
        assert [s.index for s in samples] == list(range(len(samples)))
    assert any(len(r.decision.samples) == K * (1 + M * T) for r in results)
    usage = [r.decision.usage for r in results]
    assert sum(u.delivered for u in usage if u) == drawn  # every token is on the ledger
    assert all(u is not None and not (u.aborted or u.scorer_decode or u.scorer_prefill) for u in usage)


def test_prefixes_are_beginnings_that_end_a_step(engine: TransformersEngine, trees: tuple[list[Result], int]) -> None:
    for result in trees[0]:
        samples = result.decision.samples
        for ids in nodes(samples):
            text = engine.decode(ids)
            assert text == "" or text.endswith("\n")
            assert not ids or any(s.token_ids[: len(ids)] == ids and s.given < len(ids) for s in samples)
        for sample in samples:
            assert sample.text.startswith(engine.decode(sample.token_ids[: sample.given]))
            assert len(sample.trace.steps) == len(sample.token_ids) == len(sample.trace.logprobs)


def test_no_levels_are_whole_answers_only(engine: TransformersEngine) -> None:
    (result,) = grown(engine, TreeConfig(k=3, levels=0), count=1)
    assert [s.given for s in result.decision.samples] == [0, 0, 0]


def test_what_was_drawn_before_is_not_drawn_again(
    engine: TransformersEngine, trees: tuple[list[Result], int], tmp_path: Path
) -> None:
    """The second run finds a half of the first one's samples, as after a kill, and draws what is missing."""
    task, whole = load_task(TaskConfig(questions=2)), [r.decision.samples for r in trees[0]]
    with PoolStore.create_or_open(tmp_path / "p.sqlite") as store:
        store.add_problems(task.problems)
        run = store.open_run(RunKey("tiny"), {})
        for problem, samples in zip(task.problems, whole, strict=True):
            store.add(run, problem.id, samples[:11])
        memory = PoolSampleCache(store, run, task.grade, forks=True)
        again = grown(engine, CONFIG, cache=memory)
        assert [r.cached for r in again] == [11, 11]
        assert [[s.token_ids for s in r.decision.samples] for r in again] == [[s.token_ids for s in w] for w in whole]
        assert memory.stored == sum(map(len, whole)) - 22
        third = grown(engine, CONFIG, cache=PoolSampleCache(store, run, task.grade, forks=True))
        assert [r.cached for r in third] == [len(w) for w in whole]


@pytest.mark.slow
def test_a_memory_that_strategies_share_gives_no_fork(engine: TransformersEngine, tmp_path: Path) -> None:
    with PoolStore.create_or_open(tmp_path / "p.sqlite") as store:
        task = load_task(TaskConfig(questions=1))
        store.add_problems(task.problems)
        run = store.open_run(RunKey("tiny"), {})
        memory = PoolSampleCache(store, run, task.grade)
        grown(engine, TreeConfig(k=K, clusters=1, levels=1), count=1, cache=memory)
        assert memory.stored == K


def sample(text: str, *, given: int = 0, end: End = End.STOP) -> Sample:
    """One token a character; a "|" ends a step."""
    ids = (*map(ord, text), *((0,) if end is End.STOP else ()))
    return Sample(text, None, end, token_ids=ids, trace=Trace(steps=tuple(i == ord("|") for i in ids)), given=given)


def decode(ids: tuple[int, ...]) -> str:
    return "".join(map(chr, ids))


@pytest.mark.parametrize(
    ("cut", "text", "given", "begins"),
    [
        ("step", "ab|cd|ef", 0, "ab|"),
        ("step", "ab|cd|ef", 3, "ab|cd|"),
        ("step", "ab|cd|", 3, None),  # nothing would be left to draw but its end
        ("step", "abcd", 0, None),
        ("half", "abcdefgh", 0, "abcd"),
        ("half", "abcdefgh", 4, "abcdef"),
        ("half", "a", 0, None),
    ],
)
def test_where_a_completion_is_cut(cut: str, text: str, given: int, begins: str | None) -> None:
    found = Tree(TreeConfig(cut=cut), decode).truncated(sample(text, given=given))
    assert (found and found.text) == begins
    if found is not None:
        assert found.end is End.BOUNDARY and found.answer is None and len(found.trace.steps) == len(found.token_ids)
    assert Tree(TreeConfig(cut=cut), decode).truncated(Sample(end=End.FAILED)) is None


def played(config: TreeConfig, texts: dict[str, list[str]]) -> tuple[Decision, list[Draw]]:
    steps, asked = Tree(config, decode).run(Problem("q", "?")), []
    try:
        draw = next(steps)
        while True:
            asked.append(draw)
            begun = draw.prefix.text if draw.prefix else ""
            draw = steps.send([sample(text, given=len(begun)) for text in texts[begun]])
    except StopIteration as stop:
        return stop.value, asked


def test_branches_that_have_no_beginning_end_early() -> None:
    texts = {
        "": ["a a|x|1", "a a|x|2", "b b|3", "c"],
        "a a|": ["a a|x|1", "a a|y|1", "a a|x|2", "a a|9"],
        "b b|": ["b b|3", "b b|4", "b b|5", "b b|6"],
        "a a|x|": ["a a|x|1"] * 4,
    }
    decision, asked = played(TreeConfig(k=4, clusters=2, levels=2), texts)
    assert [d.prefix.text if d.prefix else "" for d in asked] == ["", "a a|", "b b|", "a a|x|"]
    assert len(decision.samples) == 16 and all(d.n == 4 for d in asked)


def test_trees_that_say_nothing_are_refused() -> None:
    with pytest.raises(InputError, match=r"tree.k must be at least 2, got 1: .*the share of one is no probability"):
        TreeConfig(k=1)
    for wrong in ({"clusters": 0}, {"levels": -1}, {"cut": "word"}, {"embedding": "bert"}, {"threshold": 3.0}):
        with pytest.raises(InputError, match=f"tree.{next(iter(wrong))} must be"):
            TreeConfig(**wrong)


def test_a_model_embeds_texts_by_their_tokens(engine: TransformersEngine) -> None:
    embed = model_embedding(engine)
    one, other, same, empty = embed(["3 plus 4 is 7", "Ann has apples", "3 plus 4 is 7", ""])
    assert one == pytest.approx(same, abs=1e-5) and not empty.any()
    assert abs(one - other).max() > 0.1
    assert one == pytest.approx(embed(["3 plus 4 is 7"])[0], abs=1e-4)  # padding is not read
