"""A vote on calls of tools: the strategy decides on the names first, then on the arguments among that name.

Both times the same strategy plays on the same draws. The second time it sees the answers of the winning names alone,
and asks for the further draws that it needs, within its budget.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from operator import mul

from tts.answers.tools.calls import CallReader
from tts.errors import UnsupportedError
from tts.requirements import Requirements
from tts.strategy import TIME_LIMIT, Steps, Strategy, TimeUp
from tts.types import Boundary, Decision, Draw, Problem, Sample, total_usage


@dataclass
class _Drawn:
    """The samples so far, each with the boundary that it was drawn until; ``late`` once the time is up."""

    samples: list[Sample] = field(default_factory=list)
    until: list[Boundary] = field(default_factory=list)
    late: bool = False

    def add(self, samples: Sequence[Sample], until: Boundary) -> None:
        self.samples += samples
        self.until += [until] * len(samples)


@dataclass(frozen=True)
class NamesFirst:
    """A :class:`~tts.strategy.Strategy` for a problem with tools.

    Texts are one more name: they vote among each other where no call wins. P(correct) is the smaller one of the two
    decisions', and the share of the votes is the share of the names times the share among them. The calls are certified
    where both decisions are: their names are the most probable ones, and they the most probable calls of these names.

    Attributes:
        inner: decides.
        calls: reads the calls.
    """

    inner: Strategy
    calls: CallReader

    @property
    def name(self) -> str:
        """The name of the strategy that decides."""
        return self.inner.name

    @property
    def budget(self) -> int:
        """The budget of the strategy that decides."""
        return self.inner.budget

    @property
    def requires(self) -> Requirements:
        """The requirements of the strategy that decides."""
        return self.inner.requires

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~tts.strategy.Strategy`."""
        drawn = _Drawn()
        names = yield from self._played(problem, drawn, self.calls.names)
        whole = names

        def among(sample: Sample) -> str | None:
            return sample.answer if self.calls.names(sample) == names.answer else None

        if names.answer is not None:
            whole = yield from self._played(problem, drawn, among)
        return Decision(
            answer=whole.answer,
            samples=tuple(drawn.samples),
            reason=TIME_LIMIT if drawn.late else whole.reason,
            p_correct=_joined(min, names.p_correct, whole.p_correct),
            vote_share=_joined(mul, names.vote_share, whole.vote_share) if whole is not names else None,
            usage=total_usage(drawn.samples),
            certified=None if whole.certified is None else bool(names.certified and whole.certified),
            masses=whole.masses,
            unseen_mass=whole.unseen_mass,
        )

    def _played(
        self, problem: Problem, drawn: _Drawn, answer: Callable[[Sample], str | None]
    ) -> Generator[Draw, list[Sample], Decision]:
        """Play the strategy from its first draw on, with answers of another kind.

        Args:
            problem: the question.
            drawn: the samples so far, which serve its draws before new ones are asked for.
            answer: returns the answer that a sample votes for.
        """
        at = 0
        with closing(self.inner.run(problem)) as steps:
            try:
                draw = next(steps)
                while True:
                    self._check(draw, drawn.until[at : at + draw.n])
                    kept = drawn.samples[at : at + draw.n]
                    if (lack := draw.n - len(kept)) and not drawn.late:
                        try:
                            new = yield replace(draw, n=lack)
                        except TimeUp as up:
                            drawn.late, new = True, [*up.samples]
                        drawn.add(new, draw.until)
                        kept = kept + new
                    at += draw.n
                    seen = [replace(sample, answer=answer(sample)) for sample in kept]
                    if len(seen) < draw.n:
                        steps.throw(TimeUp(seen))
                        raise UnsupportedError(f"strategy {self.name} asked for another draw after its time was up")
                    draw = steps.send(seen)
            except StopIteration as stop:
                decision: Decision = stop.value
                return decision

    def _check(self, draw: Draw, until: Sequence[Boundary]) -> None:
        """Refuse a draw that continues a text, and one that the samples so far do not serve."""
        if draw.continues or any(one != draw.until for one in until):
            raise UnsupportedError(
                f"strategy {self.name} continues partial samples, and calls of tools are voted on as a whole: choose "
                "another strategy for problems with tools"
            )


def _joined(join: Callable[[float, float], float], name: float | None, whole: float | None) -> float | None:
    return None if name is None or whole is None else join(name, whole)
