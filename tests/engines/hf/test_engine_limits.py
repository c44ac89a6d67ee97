"""The transformers engine where memory runs out, a model breaks, or input is bad."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.engines.hf.cases import PROBLEMS, alone, draw, draws  # noqa: E402
from tts.engines.hf.engine import TransformersEngine  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.errors import EngineError, InputError, UnsupportedError  # noqa: E402
from tts.prompts import Prompt  # noqa: E402
from tts.types import CONFIDENCE_BELOW, GROUP_BELOW, STEP_BELOW, End, Problem, Sample, Signals  # noqa: E402

EVERYTHING = Signals(watch=(10, 11), top=20, entropy=True, certainty=True)


@pytest.mark.slow
def test_memory_that_runs_out_halves_the_batch_and_changes_nothing(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [(p, i) for p in PROBLEMS for i in range(2)]
    expected = draws(make(max_batch_size=16), wanted)
    said: list[str] = []
    engine = make(max_batch_size=16, notify=said.append)
    decoder, run = engine.batch.decoder, engine.batch.decoder.run

    def small(work: Any) -> Any:
        if len(work.noise_keys) > 5:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return run(work)

    monkeypatch.setattr(decoder, "run", small)
    samples = draws(engine, wanted)
    assert [s.token_ids for s in samples] == [s.token_ids for s in expected]
    assert said == [
        "out of memory with 16 sequences at once: going on with 8",
        "out of memory with 8 sequences at once: going on with 4",
    ]

    def never(work: Any) -> Any:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(decoder, "run", never)
    with pytest.raises(EngineError, match="out of memory with a single sequence"):
        alone(engine, PROBLEMS[0])
    monkeypatch.setattr(decoder, "run", run)
    assert alone(engine, PROBLEMS[0]).end is not End.FAILED  # and the engine lives


def test_a_bug_in_the_model_reaches_whoever_waits(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(max_batch_size=2)

    def broken(work: Any) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(engine.batch.decoder, "run", broken)
    with pytest.raises(ZeroDivisionError):
        alone(engine, PROBLEMS[0])


@pytest.mark.slow
def test_a_long_run_reuses_rows_and_forgets_old_prompts(make: Any) -> None:
    engine = make(max_batch_size=3, max_tokens=12)
    engine.batch.decoder.prompts.max_tokens = 150
    wanted = [(p, i) for i in range(3) for p in PROBLEMS]
    samples = draws(engine, wanted)
    again = draws(make(max_batch_size=32, max_tokens=12), wanted)
    assert [s.token_ids for s in samples] == [s.token_ids for s in again]
    assert engine.batch.prompt > sum(len(engine.prompt_ids(p)) for p in PROBLEMS)  # read anew, and counted
    assert engine.batch.decoder.prompts.tokens <= 150


def test_bad_input_gets_one_sentence(make: Any, model: Any, tokenizer: Any, tmp_path: Any) -> None:
    engine = make()
    long = Problem("long", "and " * 300)
    with pytest.raises(InputError, match="'long' has a prompt of 303 tokens and the model's context holds 256"):
        alone(engine, long)
    with pytest.raises(InputError, match="cannot be continued"):
        alone(engine, PROBLEMS[0], prefix=Sample(text="x", token_ids=(5,) * 40))
    for until in (CONFIDENCE_BELOW(0.5), STEP_BELOW(0.5)):
        with pytest.raises(UnsupportedError, match=f"until {until.kind.upper()} needs a watched token"):
            alone(engine, PROBLEMS[0], until=until)
    with pytest.raises(UnsupportedError, match="needs top-k confidences"):
        alone(engine, PROBLEMS[0], until=GROUP_BELOW(0.5, 4))
    with pytest.raises(InputError, match=r"has no chat template: set task\.chat=false"):
        make(prompt=Prompt(chat=True))
    with pytest.raises(InputError, match="max_batch_size must be at least 1, got 0"):
        make(max_batch_size=0)
    load = {"prompt": Prompt(), "sampling": Sampling()}
    with pytest.raises(InputError, match="no model there"):
        TransformersEngine.load(tmp_path / "nowhere", **load)
    with pytest.raises(InputError, match="dtype must be"):
        TransformersEngine.load(tmp_path, dtype="int8", **load)
    with pytest.raises(InputError, match="device must be auto, cpu, cuda or mps, got tpu"):
        TransformersEngine.load(tmp_path, device="tpu", **load)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be loaded"):
        TransformersEngine.load(tmp_path, **load)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"half a file")
    with pytest.raises(InputError, match=r"cannot be loaded \(.*header"):
        TransformersEngine.load(tmp_path, **load)


def test_it_loads_what_it_saved_and_chats(model: Any, tokenizer: Any, tmp_path: Any) -> None:
    model.save_pretrained(tmp_path)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    try:
        tokenizer.save_pretrained(tmp_path)
    finally:
        tokenizer.chat_template = None
    engine = TransformersEngine.load(tmp_path, prompt=Prompt(template="So {question}", chat=True), sampling=Sampling())
    ids = engine.prompt_ids(Problem("a", "Anna has 3 apples."))
    assert tokenizer.decode(ids, skip_special_tokens=True) == "So Anna has 3 apples.\n"
    engine.close()


def test_a_second_event_loop_is_refused_while_the_first_one_runs(make: Any) -> None:
    """Before, the engine dropped the first loop's rows, which then waited forever."""
    engine, drawn = make(max_tokens=200), threading.Event()
    found: list[str] = []

    async def first() -> None:
        task = asyncio.create_task(draw(engine, PROBLEMS[0]))
        await asyncio.sleep(0.05)
        drawn.set()
        found.append((await task)[0].text)

    thread = threading.Thread(target=lambda: asyncio.run(first()))
    thread.start()
    drawn.wait()
    with pytest.raises(EngineError, match="serves an event loop of another thread"):
        alone(engine, PROBLEMS[1])
    thread.join(30)
    assert len(found) == 1 and not thread.is_alive()
    assert alone(engine, PROBLEMS[1]).text, "a loop that has ended is no obstacle"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Signals(top=2), Signals(top=5)),
        (Signals(probe=30), Signals(probe=40)),
        (Signals.watching("scorer", (30,)), Signals.watching("scorer", (40,))),
    ],
)
def test_signals_that_one_pass_cannot_collect_are_drawn_in_turns(make: Any, one: Signals, other: Signals) -> None:
    engine, asked = make(max_tokens=6), [one, other, Signals(), one, other]

    async def all_of_them() -> list[Sample]:
        async with asyncio.timeout(30):
            drawn = (draw(engine, PROBLEMS[i], signals=signals) for i, signals in enumerate(asked))
            return [sample for sample, _ in await asyncio.gather(*drawn)]

    for i, sample in enumerate(asyncio.run(all_of_them())):
        expected = alone(make(max_tokens=6), PROBLEMS[i], signals=asked[i])
        assert sample.token_ids == expected.token_ids
        mine, theirs = sample.trace, expected.trace
        assert mine.top == pytest.approx(theirs.top, abs=1e-5) and mine.watched.keys() == theirs.watched.keys()
        assert mine.probe == pytest.approx(theirs.probe, abs=1e-5) if theirs.probe else mine.probe is None
        assert all(mine.watched[token] == pytest.approx(theirs.watched[token], abs=1e-5) for token in mine.watched)
