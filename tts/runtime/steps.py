"""A strategy's steps on one question, which can be played again where earlier answers turn out to be equal.

A strategy is a generator that decides by what it has received, so that the same samples with other names for their
answers lead it to the decision that a replay of them takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from tts.errors import UnsupportedError
from tts.strategy import Steps, Strategy, TimeUp
from tts.types import Draw, Problem, Sample


class PlayedSteps:
    """The steps of one strategy on one question; its end is a StopIteration with the decision.

    Attributes:
        overtaken: samples that were drawn before a decision that needs fewer; empty unless it was taken while earlier
            steps were played again.
    """

    def __init__(self, strategy: Strategy, problem: Problem) -> None:
        """Start nothing yet."""
        self.overtaken: list[Sample] = []
        self._strategy, self._problem = strategy, problem
        self._steps: Steps = strategy.run(problem)
        self._played: list[tuple[Draw, list[Sample]]] = []
        self._draw: Draw | None = None

    def start(self) -> Draw:
        """Return the first draw."""
        self._draw = next(self._steps)
        return self._draw

    def send(self, samples: list[Sample]) -> Draw:
        """Hand over the samples of the last draw and return the next one."""
        assert self._draw is not None
        self._played.append((self._draw, samples))
        self._draw = self._steps.send(samples)
        return self._draw

    def rename(self, samples: list[Sample], name: Callable[[Sample], Sample]) -> None:
        """Play the earlier steps again with other names for their answers; the strategy may end earlier now.

        A strategy that asks for other draws then, which are not there, goes on as it is.

        Args:
            samples: those of the last draw, which are not handed over yet.
            name: returns a sample with its answer as it is named now.
        """
        played = [(draw, [name(sample) for sample in earlier]) for draw, earlier in self._played]
        again = self._strategy.run(self._problem)
        try:
            draw = next(again)
            for asked, earlier in played:
                if draw != asked:
                    again.close()
                    return
                draw = again.send(earlier)
        except StopIteration:
            self.overtaken = [*(sample for _, earlier in played for sample in earlier), *samples]
            raise
        if draw == self._draw:
            again, self._steps, self._played = self._steps, again, played
        again.close()

    def time_up(self, samples: list[Sample]) -> NoReturn:
        """Have the strategy decide on what it has.

        Args:
            samples: those of the last draw that are ready.

        Raises:
            StopIteration: always, with the decision, of a strategy that handles it.
            UnsupportedError: the strategy does not handle it, or asks for another draw.
        """
        name = self._strategy.name
        try:
            self._steps.throw(TimeUp(samples))
        except TimeUp:
            raise UnsupportedError(
                f"strategy {name} does not handle tts.strategy.TimeUp, so it has no answer when its time is up: run it "
                "without a time limit"
            ) from None
        raise UnsupportedError(f"strategy {name} asked for another draw after its time was up: return a decision")

    def close(self) -> None:
        """End the generator."""
        self._steps.close()
