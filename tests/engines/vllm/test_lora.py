"""LoRA adapters of vLLM's engine: one request object for each directory, and scores beside the model that draws."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("vllm", reason="vLLM is not installed here: make test-vllm")
torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")
pytest.importorskip("transformers")
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from tests.engines.vllm.cases import PROBLEMS, Served, embedded, vllm  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.engines.vllm.lora import LoraRequests  # noqa: E402
from tts.errors import UnsupportedError  # noqa: E402
from tts.models.bundled import weights  # noqa: E402
from tts.models.finece import FineceCard, write_card  # noqa: E402
from tts.scorers.calibration.calibration_file import Provenance  # noqa: E402
from tts.scorers.finece import open_finece  # noqa: E402
from tts.scorers.metered import MeteredEngine  # noqa: E402

HOT = Sampling(temperature=0.8, max_tokens=200)
SOME = [(problem, index) for problem in PROBLEMS[:10] for index in range(4)]


def test_without_lora_an_adapter_is_refused_and_no_adapter_is_none() -> None:
    disabled = LoraRequests(enabled=False)
    assert disabled.get(None) is None
    with pytest.raises(UnsupportedError, match=r"vLLM was started without it: set engine\.vllm\.enable_lora=true"):
        disabled.get(weights("tiny"))


def test_a_directory_has_one_request(tmp_path: Path) -> None:
    requests = LoraRequests(enabled=True)
    first = requests.get(tmp_path)
    assert requests.get(tmp_path / "..") is not first and requests.get(tmp_path / ".") is first


def test_adapters_score_beside_the_model_that_draws(tmp_path: Path) -> None:
    """Their scores are those of a scorer with its own model, and the model draws as it does without adapters."""
    model = peft.get_peft_model(
        AutoModelForCausalLM.from_pretrained(weights("tiny"), dtype=torch.float32),
        peft.LoraConfig(r=4, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    torch.manual_seed(0)
    for name, values in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(values, std=0.1)
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(weights("tiny")).save_pretrained(tmp_path)
    write_card(tmp_path, FineceCard("adapter", "numbers", tuple(range(20, 31)), "tiny"))
    scorer = open_finece(path=str(tmp_path), folder=weights("tiny"), provenance=Provenance("tiny", "finece", "t"))

    with asyncio.Runner() as runner:
        made = Served(vllm("tiny", HOT, options={"enable_lora": True}), runner)
        try:
            samples = made.draws(SOME)
            metered = MeteredEngine(made.engine)
            found = made.run(scorer.score(SOME[0][0], samples[:4], metered))
        finally:
            made.engine.close()
    engine = embedded("tiny", HOT)
    known = asyncio.run(scorer.score(SOME[0][0], samples[:4], MeteredEngine(engine)))
    np.testing.assert_allclose(found, known, atol=1e-4)
    assert len(set(np.round(found, 6))) > 1 and metered.usage.scorer_decode == 4
    assert len({s.token_ids for s in samples}) > 20
