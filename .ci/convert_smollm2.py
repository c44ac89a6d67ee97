"""Convert the GGUF file of SmolLM2-135M-Instruct into out/models/smollm2, and check one known greedy answer.

make smollm2
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import tts
from tts.models.gguf import convert

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / ".models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
TARGET = ROOT / "out" / "models" / "smollm2"
QUESTION, ANSWER = "What is the capital of France?", "The capital of France is Paris."


def main() -> None:
    """Convert where nothing is there yet, and check.

    Raises:
        SystemExit: the model answers something else.
    """
    if not (TARGET / "config.json").is_file():
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=TARGET.parent) as folder:
            made = Path(folder) / "model"
            made.mkdir()
            convert(SOURCE, made)
            os.replace(made, TARGET)
    solver = tts.Solver.open(
        model=str(TARGET), chat=True, temperature=0.0, max_tokens=20, strategy="self_consistency", budget=1
    )
    text = solver.solve(QUESTION).samples[0].text.strip()
    tts.close()
    if text != ANSWER:
        raise SystemExit(f"{TARGET}: asked {QUESTION!r} it answers {text!r}, not {ANSWER!r}: remove it, and try again")
    size = sum(path.stat().st_size for path in TARGET.iterdir())
    print(f"{TARGET}: SmolLM2-135M-Instruct, {size / 1e6:.0f} MB, Apache-2.0; configs/model/smollm2.yaml names it")


if __name__ == "__main__":
    main()
