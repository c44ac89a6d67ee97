"""The confidence that the fake engine gives in its pass, for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tts.engines.fake.engine import WATCHED
from tts.errors import InputError, UnsupportedError
from tts.scorers.base import BaseScorer
from tts.scorers.calibration.calibration_file import Provenance
from tts.scorers.metered import MeteredEngine
from tts.types import Problem, Sample, Signals


class WatchedScorer(BaseScorer):
    """The probability of the fake engine's watched token at the sample's last token."""

    name = "watched"
    needs = Signals(watch=(WATCHED,))

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """P(correct), shape [len(samples)].

        Raises:
            UnsupportedError: a sample was drawn without watching.
        """
        if any(WATCHED not in s.trace.watched for s in samples):
            raise UnsupportedError("the watched token's probability was not recorded: draw with this scorer")
        return np.array([s.trace.watched[WATCHED][-1] for s in samples], dtype=np.float64)


def open_watched(*, provenance: Provenance) -> WatchedScorer:
    """Build the scorer from a configuration.

    Raises:
        InputError: the model is not the fake engine's.
    """
    if provenance.model != "fake":
        raise InputError("scorer watched reads the fake engine's own confidence: give another, or engine.kind=fake")
    return WatchedScorer()
