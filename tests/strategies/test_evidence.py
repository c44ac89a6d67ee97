"""Both kinds of evidence have every attribute that a stopping rule may read."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

from strategies.draw_arrays import DrawArrays
from strategies.evidence import Evidence
from strategies.live_evidence import LiveEvidence
from strategies.replay_evidence import ReplayEvidence
from strategies.weighting import Linear
from tts.types import Sample

ATTRIBUTES = [name for name, value in vars(Evidence).items() if isinstance(value, property)]


def test_the_protocol_documents_every_attribute():
    documented = re.findall(r"^    (\w+): ", inspect.getdoc(Evidence) or "", re.MULTILINE)
    assert documented == ATTRIBUTES


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_live_and_replayed_evidence_have_the_attribute(name):
    live = LiveEvidence(Linear())
    live.add(Sample(answer="1", confidence=0.5))
    draws = DrawArrays(np.zeros((3, 2), dtype=np.int16), np.full((3, 2), 0.5))
    getattr(live, name)
    found = getattr(ReplayEvidence.of(draws, Linear()), name)
    for part in found if isinstance(found, tuple) else (found,):
        assert np.broadcast_shapes(part.shape, (3, 2)) == (3, 2)
