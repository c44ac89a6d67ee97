"""A real language model: ``make smollm2`` fetches and converts it, and asks it one question."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.data import data_file

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_gguf_file_is_converted_and_solves_problems_of_svamp(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    if not (ROOT / ".models" / "SmolLM2-135M-Instruct.Q4_1.gguf").is_file():
        pytest.skip("SmolLM2 is not here: make smollm2")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    made = subprocess.run(
        [sys.executable, ".ci/convert_smollm2.py"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert made.returncode == 0 and "SmolLM2-135M-Instruct, " in made.stdout, made.stderr
    command = [sys.executable, "-m", "tts.cli", "run", "task=svamp", f"task.path={data_file('svamp_test.jsonl.gz')}"]
    command += ["questions=20", "configs/model/smollm2.yaml", "strategy=self_consistency", "budget=4", "max_tokens=200"]
    ran = subprocess.run(
        [*command, f"out={tmp_path / 'run.sqlite'}"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert "svamp: 20 questions; budget 4" in ran.stdout and "holds 80 samples" in ran.stdout
