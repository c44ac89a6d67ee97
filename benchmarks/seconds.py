"""Predicted and measured seconds of live runs: a speed fitted on pools of some batch sizes predicts another one.

python -m benchmarks.seconds
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from evals.comparison.speed import fit_speed
from evals.config import SampleConfig
from evals.live.sample_session import sample_task
from tts.config import load_config
from tts.pool import Pool, load_pool

SIZES = (8, 16, 32, 64)


def drawn(folder: Path, size: int) -> Pool:
    """Draw a pool with this many rows in a batch."""
    path = folder / f"{size}.sqlite"
    keys = ["questions=48", "samples=8", "engine.device=cpu", f"engine.max_batch_size={size}", f"out={path}"]
    sample_task(load_config(SampleConfig, [], keys))
    return load_pool(path)


def span(pool: Pool) -> float:
    """Return the seconds between the first request and the last token."""
    samples = [sample for entry in pool.entries for sample in entry.samples]
    return max(s.finished_s or 0.0 for s in samples) - min(s.started_s or 0.0 for s in samples)


def main() -> None:
    """Print a line a batch size: the measured seconds, and those that a fit on the other sizes predicts."""
    with tempfile.TemporaryDirectory() as folder:
        pools = {size: drawn(Path(folder), size) for size in SIZES}
    print("rows  in flight  measured, s  predicted, s  ratio")
    for size, pool in pools.items():
        own = fit_speed(pool)
        entries = tuple(
            replace(entry, problem=replace(entry.problem, id=f"{other}/{entry.problem.id}"))
            for other in SIZES
            if other != size
            for entry in pools[other].entries
        )
        others = fit_speed(Pool("others", "", entries), None if own is None else own.in_flight)
        if own is None or others is None:
            raise SystemExit("too few samples with times")
        usages = [sample.usage for entry in pool.entries for sample in entry.samples if sample.usage is not None]
        price = others.price
        predicted = sum(price.prompt * u.prompt + price.generated * u.generated for u in usages) / 1e6
        measured = span(pool)
        print(f"{size:4}  {own.in_flight:9.1f}  {measured:11.2f}  {predicted:12.2f}  {predicted / measured:5.2f}")


if __name__ == "__main__":
    main()
