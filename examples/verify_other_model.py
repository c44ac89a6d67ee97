"""Another writer's texts: refused without a calibration for them, judged with one.

python examples/verify_other_model.py [--stories 150]

A confidence is trained on the model's own draws. What it says about the texts of another writer must be measured on
texts of that writer; until then there is a raw score and no probability.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tts import InputError, Verifier
from tts.models.resolve import identity
from tts.pool import Pool, load_pool

CONFIG = Path(__file__).parents[1] / "configs" / "serve" / "grace.yaml"
WRITER = "tiny"
SOURCE = "@".join(identity(WRITER))  # as files of tts calibrate name it, with the fingerprint of its weights
NOTHING = {"read": None, "draw": None, "solve": None}


def main() -> None:
    """Judge the texts of another bundled model three times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, default=150, help="questions to calibrate on, and as many to judge")
    stories = parser.parse_args().stories
    with tempfile.TemporaryDirectory() as folder:
        fit, others = (drawn(Path(folder), split, stories) for split in ("calibration", "test"))

        print("\n1. The calibration of the model's own draws, for texts of another writer:")
        try:
            Verifier.open(CONFIG, source=SOURCE)
        except InputError as error:
            print(f"refused: {error}")

        print("\n2. Without a calibration there is a score, and no probability:")
        verifier = Verifier.open(CONFIG, source=SOURCE, calibration=NOTHING, promise=NOTHING)
        judge(verifier, load_pool(others))

        print("\n3. Calibrated on this writer's texts:")
        tts("score", str(fit), "engine.model=grace", "scorer.name=grace")
        tts("calibrate", str(fit), "score=grace", f"out={folder}/map.json")
        calibration = {**NOTHING, "read": f"{folder}/map.json"}
        judge(Verifier.open(CONFIG, source=SOURCE, calibration=calibration, promise=NOTHING), load_pool(others))


def drawn(folder: Path, split: str, stories: int) -> Path:
    """Return a pool of texts of the other writer."""
    path = folder / f"{split}.sqlite"
    task = [f"task.{key}" for key in ("name=stories", f"split={split}", f"questions={stories}")]
    tts("sample", *task, f"engine.model={WRITER}", "samples=1", f"out={path}")
    return path


def tts(*arguments: str) -> None:
    """Show a command of the command line, and run it."""
    print(f"$ tts {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, "-m", "tts", *arguments], check=True, capture_output=True)


def judge(verifier: Verifier, pool: Pool) -> None:
    """Judge the text of each question, and print how the scores and the probabilities do."""
    texts = [(entry.problem.question, entry.samples[0].text) for entry in pool.entries]
    right = np.array([entry.samples[0].answer == entry.problem.gold for entry in pool.entries])
    verdicts = verifier.score_many(texts)
    print(f"first verdict: {verdicts[0]}")
    known = np.array([verdict.score is not None for verdict in verdicts])
    print(f"{known.sum()} of {len(texts)} texts have a score, and {right[known].mean():.1%} of them are right")
    scores = np.array([verdict.score for verdict in verdicts], dtype=float)[known]
    print(f"mean score {scores.mean():.3f}, mean squared error {np.mean((scores - right[known]) ** 2):.3f}")
    if verifier.score(*texts[0]).calibrated:
        chances = np.array([verdict.p_correct for verdict in verdicts], dtype=float)[known]
        print(f"mean p_correct {chances.mean():.3f}, mean squared error {np.mean((chances - right[known]) ** 2):.3f}")


if __name__ == "__main__":
    main()
