"""GrACE: the probability of a model's confidence token, read in the pass that drew the sample.

A GrACE model has one token that it never draws and whose probability, in the softmax over the whole vocabulary, is its
confidence that the response is right; ``grace.json`` in its directory names it. A sample drawn with this scorer needs
no further pass; text that was drawn elsewhere is read in one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from tts.engines.base import Prefix
from tts.errors import EngineError, InputError, UnsupportedError
from tts.models.grace import GraceCard, check_token, read_card
from tts.scorers.base import BaseScorer
from tts.scorers.metered import MeteredEngine, with_signals
from tts.scorers.trace_scores import TRACE_SCORES, scorer_name
from tts.types import End, Problem, Sample, content_ids

Reading = Literal["last", "min", "step", "mean"]


class Grace(BaseScorer):
    """Reads a confidence token.

    ``last`` is the confidence at the end of the sample: where the card reads "before", in the distribution that drew
    its last token, which for a finished sample is the end-of-sequence token; where it reads "after", at the confidence
    token's own position behind the sample. ``min``, ``step`` and ``mean`` look at the distributions that drew the last
    token and those that end a step: the least, that of the last step before the end, the mean; see
    :data:`~tts.scorers.trace_scores.TRACE_SCORES`.

    A sample without the signals is read as the pass that draws it would collect them, where the engine reads texts
    (``Capabilities.reads``). Elsewhere the model scores its prefixes, all such samples of a call in one pass, at the
    same places: before each line break and at the end of its text. A text that was cut off elsewhere than behind a line
    break is then read behind its last token, one token later than in the pass that drew it.

    Attributes:
        card: which token, and where it is read.
        reading: "last", "min", "step" or "mean".
        needs: signals to collect while drawing.

    Source:
        GrACE, arXiv 2509.09438.
    """

    reads_texts = True

    def __init__(self, card: GraceCard, *, reading: str = "last") -> None:
        """Choose the token and what to read of it.

        Raises:
            InputError: an unknown reading.
        """
        if reading not in get_args(Reading):
            raise InputError(f"scorer grace needs reading {', '.join(get_args(Reading))}, got {reading!r}")
        self.card, self.reading = card, cast("Reading", reading)
        self.needs = card.signals(steps=reading != "last")
        self.name = scorer_name("grace" if reading == "last" else f"grace_{reading}")
        self.key = {"reading": reading, "token_id": card.token_id, "readout": card.readout}

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """P(confidence token), in [0, 1], shape [len(samples)]; at most one pass of the engine.

        Raises:
            UnsupportedError: a sample lacks the signals and there is no engine to read it, or a value is not finite.
            EngineError: the engine gives a value that is no probability.
        """
        samples = await with_signals(problem, samples, self.needs, engine)
        found = [self._drawn(sample) for sample in samples]
        foreign = [i for i, value in enumerate(found) if value is None]
        if foreign:
            for i, value in zip(foreign, await self._read(problem, [samples[i] for i in foreign], engine), strict=True):
                found[i] = value
        return np.array(found, dtype=np.float64)

    def _drawn(self, sample: Sample) -> float | None:
        """Return the value that the drawing pass recorded, or None if it recorded none."""
        trace, token = sample.trace, self.card.token_id
        if self.reading != "last":
            if not trace.watched.get(token) or not trace.steps:
                return None
            return TRACE_SCORES[f"grace_{self.reading}"].raw(sample, token=token)
        if self.card.readout == "after":
            return None if trace.probe is None else TRACE_SCORES["grace"].raw(sample)
        if not trace.watched.get(token):
            return None
        return TRACE_SCORES["grace"].raw(replace(sample, trace=replace(trace, probe=None)), token=token)

    async def _read(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> list[float]:
        """Return the values of samples that were drawn elsewhere, in one pass."""
        several = [self._prefixes(problem, sample) for sample in samples]
        if self.reading == "last" and self.card.readout == "after":
            self._check_token(engine)
        prefixes = [prefix for one in several for prefix in one]
        read = np.asarray(await engine.score(prefixes, [self.card.token_id]), dtype=np.float64)[:, 0]
        if not ((read >= 0) & (read <= 1)).all():  # NaN too
            raise EngineError(f"the engine gave no probability of {self.card.token!r} on problem {problem.id!r}")
        ends = np.cumsum([0, *map(len, several)]).tolist()
        return [self._taken(read[start:end]) for start, end in pairwise(ends)]

    def _prefixes(self, problem: Problem, sample: Sample) -> list[Prefix]:
        """Return the prefixes to read of one sample, its end last."""
        text, whole = sample.text, Prefix(problem, sample.text, content_ids(sample))
        if self.reading == "last" and self.card.readout == "after":
            return [replace(whole, last_ids=(self.card.token_id,))]
        steps = [Prefix(problem, text[: found.start()]) for found in re.finditer(r"\n+", text)]
        if sample.end is End.STOP or not text.endswith("\n"):  # else the last token is the one that ends the step
            steps.append(whole)
        return steps[-1:] if self.reading == "last" else steps

    def _taken(self, values: NDArray[np.float64]) -> float:
        """From the values at the ends of steps and at the end to the score."""
        if self.reading == "step":
            return float(values[-2] if len(values) > 1 else values[-1])
        return float({"last": values[-1], "min": values.min(), "mean": values.mean()}[self.reading])

    def _check_token(self, engine: MeteredEngine) -> None:
        """See that appending the token to a text appends this one id."""
        if (ids := engine.encode(self.card.token, special=True)) != (self.card.token_id,):
            raise UnsupportedError(
                f"the card has {self.card.token!r} as token {self.card.token_id} and the engine's tokenizer "
                f"reads it as {', '.join(map(str, ids))}: use the model that the card belongs to"
            )


def find_card(scorer: str, card: str | None, folder: Path | None) -> GraceCard:
    """The card that a configuration means: of the directory it names, else of the model's own.

    Raises:
        InputError: neither is there, the directory has no good card, or the model's tokenizer lacks the token.
    """
    if card is None and folder is None:
        raise InputError(
            f"scorer {scorer} needs the grace.json of a GrACE model, and this model is no local directory: give "
            "engine.model=DIRECTORY, or scorer.card=DIRECTORY"
        )
    found = read_card(Path(card).expanduser() if card is not None else cast("Path", folder))
    if folder is not None:
        check_token(found, folder)
    return found


def open_grace(*, reading: str = "last", card: str | None = None, folder: Path | None = None) -> Grace:
    """Build the scorer from a configuration.

    Args:
        reading: "last", "min", "step" or "mean".
        card: the directory whose grace.json to read; None takes the model's.
        folder: the model's local directory; None where it has none.

    Raises:
        InputError: no card, or an unknown reading.
    """
    return Grace(find_card("grace", card, folder), reading=reading)
