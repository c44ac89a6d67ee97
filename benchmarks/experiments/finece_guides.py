"""Guides of beams in the FineCE experiment: FineCE's confidence, random numbers, and an oracle."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiments.finece_beams import Guide
from tts.pool import Entry, Pool
from tts.scorers.calibration.maps import CalibrationMap, fit_map
from tts.scorers.trace_scores import value_confidence
from tts.types import Sample

Floats = NDArray[np.float64]


def fit_scale(fit: Pool) -> CalibrationMap:
    """Return the Platt map of whole answers, fitted on the calibration split."""
    pairs = [
        (sample.confidence, bool(right))
        for entry in fit.entries
        for sample, right in zip(entry.samples, entry.correct, strict=True)
        if sample.confidence is not None
    ]
    return fit_map("platt", np.array([c for c, _ in pairs]), np.array([right for _, right in pairs]))


def recorded_guide(scale: CalibrationMap, *, recorded: bool = False) -> Guide:
    """Return FineCE's confidence of a prefix as a live draw has it; with ``recorded``, a whole sample's stored one."""
    known: dict[int, Floats] = {}

    def judge(sample: Sample, n: int, entry: Entry) -> float:
        if recorded and n == len(sample.token_ids):
            return sample.confidence or 0.0
        key = id(sample)
        if key not in known:
            known[key] = np.asarray(scale(np.array(value_confidence(sample.trace))))
        return float(known[key][n - 1])

    return judge


def random_guide(guide: Guide) -> Guide:
    """Return random numbers for prefixes, the guide's confidence for whole samples: the guidance alone is compared."""
    return lambda sample, n, entry: (
        guide(sample, n, entry) if n == len(sample.token_ids) else random_confidence(sample, n, entry)
    )


def random_confidence(sample: Sample, n: int, entry: Entry) -> float:
    """Return a number in [0, 1) that depends on the prefix alone."""
    digest = hashlib.blake2b(f"{entry.problem.id}|{sample.index}|{n}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "little") / 2**48


def oracle_confidence(sample: Sample, n: int, entry: Entry) -> float:
    """Return the sample's correctness as its confidence: more than any scorer of a prefix can know."""
    return 0.999 if entry.correct[entry.samples.index(sample)] else 0.001
