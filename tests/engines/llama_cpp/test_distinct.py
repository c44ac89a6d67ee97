"""Distinct draws on llama.cpp's server of a real model: exact continuations, and masses near those of transformers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from tests.cli.cases import Tts
from tests.engines.llama_cpp.server import NAME, ROOT, LlamaServer
from tests.engines.mass.language import walk
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.engine import OpenAIEngine
from tts.engines.sampling import Sampling
from tts.prompts import Prompt
from tts.types import End, Problem

pytestmark = pytest.mark.slow

FOLDER = ROOT / "out" / "models" / "smollm2"
"""The same weights for transformers, as ``make smollm2`` leaves them."""
NATS = 0.6
"""The most that a token's log-probability differs by: llama.cpp rounds what it multiplies 4-bit weights with."""


def turn(question: str, answer: str = "") -> str:
    start = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    return f"{start}{answer}<|im_end|>\n" if answer else start


TEMPLATE = turn("2 + 2", "4") + turn("3 + 5", "8") + turn("{question}")


@pytest.fixture(scope="module")
def server() -> Iterator[LlamaServer]:
    made = LlamaServer(slots=1)
    yield made
    made.kill()


def test_branches_are_continued_from_their_tokens(server: LlamaServer) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    if not FOLDER.exists():
        pytest.skip("out/models/smollm2 is not there: make smollm2")
    load: dict[str, Any] = {"prompt": Prompt(template=TEMPLATE), "sampling": Sampling(1.0, max_tokens=12)}
    engine = OpenAIEngine.load(OpenAIConfig(urls=[server.url]), model=NAME, seeded=False, **load)
    assert engine.capabilities.continues and engine.capabilities.alternatives == 20
    trie, samples = walk(engine, Problem("q", "2 + 3"), most=16)
    named = [sample for sample in samples if sample.token_ids]
    assert len(named) > 8 and len({sample.token_ids for sample in named}) == len(named)
    assert 0.5 < trie.seen_mass <= 1 + 1e-3 and trie.texts > 4
    tokenizer = transformers.AutoTokenizer.from_pretrained(FOLDER)
    model = transformers.AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32).eval()
    prompt = tokenizer(TEMPLATE.format(question="2 + 3")).input_ids
    exact = 0.0
    for sample in named:
        assert tokenizer.decode(sample.token_ids, skip_special_tokens=True) == sample.text
        with torch.no_grad():
            rows = model(input_ids=torch.tensor([[*prompt, *sample.token_ids]])).logits[0, len(prompt) - 1 : -1]
        found = rows.log_softmax(-1).gather(-1, torch.tensor(sample.token_ids)[:, None])[:, 0].tolist()
        assert sample.trace.processed == pytest.approx(found, abs=NATS)
        exact += math.exp(sum(found)) if sample.end is End.STOP else 0.0
    assert trie.seen_mass == pytest.approx(exact, abs=0.05)


def test_it_is_typed(tts: Tts, server: LlamaServer, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text(json.dumps({"question": "2 + 3", "answer": "5"}) + "\n")
    common = (
        "run", questions, "engine.kind=openai", f"engine.model={NAME}", f"engine.openai.urls=[{server.url}]",
        "engine.max_tokens=12", "budget=6", f"task.template={json.dumps(TEMPLATE)}", f"out={tmp_path / 'out.sqlite'}",
    )  # fmt: skip
    target = tmp_path / "out.json"
    names = "strategies=[distinct_best_first,distinct_sampling]"
    ran = tts(*common, names, "engine.temperature=1", "task.chat=false", "--json", target)
    assert ran.status == 0, ran.err
    for row in json.loads(target.read_text())["strategies"]:
        for decision in row["decisions"]:
            assert 0 < decision["unseen_mass"] < 1
            assert sum(decision["masses"].values()) + decision["unseen_mass"] <= 1 + 1e-3
            assert decision["usage"]["prompt_cached"] > 0
    for more, words in (
        (("engine.temperature=1", "task.chat=true"), "asked in chat messages (set task.chat=false)"),
        (("engine.temperature=0.7", "task.chat=false"), "cannot collect at temperature=0.7: draw at temperature=1"),
    ):
        ran = tts(*common, "strategies=[distinct_best_first]", *more)
        assert ran.status == 2 and words in " ".join(ran.err.split())
