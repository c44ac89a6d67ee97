"""Continuous batching: sequences join and leave between steps; one thread computes while the event loop decides.

Only the event loop holds state: the waiting sequences, the slots and the closed sequences. The thread receives a
:class:`StepInput` and returns the drawn tokens. Sequences that join together with the same tokens share a slot for as
long as they draw the same ones: the model computes the slot once, and each has noise and signals of its own. Knows
tokens, not text.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from tts.engines.base import Meter
from tts.engines.ending import find_end
from tts.engines.hf.decoder import Decoder
from tts.engines.hf.device import is_out_of_memory
from tts.engines.hf.given import GivenTexts
from tts.engines.hf.reading import GivenSequence, ReadColumns
from tts.engines.hf.sampler import SampledTokens
from tts.engines.hf.sequence import SequenceState, Slots
from tts.engines.hf.step_input import JoiningSequence, StepInput
from tts.engines.hf.worker import Worker
from tts.engines.text import Ids
from tts.errors import EngineError
from tts.types import End, Signals


class Batch:
    """The running and waiting sequences of one decoder.

    Attributes:
        max_batch_size: the most sequences at a time; halved when memory runs out.
        drawn: tokens drawn, those of closed sequences included; probing a token counts as drawing one.
        prompt: prompt tokens computed.
        prompt_cached: prompt tokens served from a cache.
        given: the given texts that wait to be read.
        ends: ids of the tokens that end a sample.
        steps: passes that drew tokens.
        computed: tokens behind which these passes computed a distribution; draws that share a slot need one for all.
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        max_batch_size: int,
        ends: frozenset[int],
        is_step: Callable[[int], bool],
        notify: Callable[[str], None],
    ) -> None:
        """Start idle.

        Args:
            decoder: runs the model.
            max_batch_size: the most sequences at a time.
            ends: ids of the tokens that end a sample.
            is_step: returns whether a token ends a step.
            notify: receives one sentence when memory runs out.
        """
        self.decoder, self.max_batch_size = decoder, max_batch_size
        self.ends, self._is_step, self._notify = ends, is_step, notify
        self.drawn = self.prompt = self.prompt_cached = self.steps = self.computed = 0
        self._waiting: deque[SequenceState] = deque()
        self._slots = Slots()
        self._stepping: set[SequenceState] = set()
        self._worker = Worker()
        self.given = GivenTexts(decoder, self._worker, self._restart)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Task[None] | None = None

    def close(self) -> None:
        """End the thread once its current step is done."""
        self._worker.close()

    def add(self, row: SequenceState) -> None:
        """Queue a sequence for a slot."""
        self._enter()
        self._waiting.append(row)
        self._serve()

    def leave(self, row: SequenceState) -> None:
        """Remove a sequence that has ended or was closed; a token that is being drawn for it is charged to it."""
        if not row.closed:
            row.closed = True
            if row in self._stepping:
                self._charge(row)

    @property
    def scored(self) -> int:
        """Tokens of given texts that were read, cached ones included."""
        return self.given.read

    async def score(self, joining: list[JoiningSequence], tokens: list[int], meter: Meter) -> list[list[float]]:
        """Return P(token | sequence), [sequences][tokens]; work is added to ``meter``, done or not."""
        self._enter()
        found = self.given.score(joining, tuple(tokens), meter)
        self._serve()
        return await found

    async def read(self, given: GivenSequence, wanted: Signals, meter: Meter) -> ReadColumns:
        """Return the signals of given tokens; work is added to ``meter``, done or not."""
        self._enter()
        future = self.given.add(given, wanted, meter)
        self._serve()
        return await future

    def _enter(self) -> None:
        """Start afresh in another event loop, if everything in the last one has ended with it.

        Raises:
            EngineError: the last event loop is still running, in another thread.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            if self._loop is not None and self._loop.is_running():
                raise EngineError("this engine serves an event loop of another thread: draw there, or call tts.solve")
            self._loop, self._server = loop, None
            self._drop_all()

    def _drop_all(self) -> None:
        self._slots, self._stepping = Slots(), set()
        self._waiting.clear()
        self.given.clear()

    def _serve(self) -> None:
        if self._server is None or self._server.done():
            self._server = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """Step until no sequence is left; a bug is raised in every waiting call."""
        joining: list[SequenceState] = []
        try:
            while True:
                if self.given:
                    await self.given.turn(drawing=bool(self._slots or self._waiting))
                self._slots.settle()
                joining = self._join()
                if self._slots or joining:
                    started = self._worker.seconds
                    await self._step(joining)
                    self.given.drew(self._worker.seconds - started)
                elif not self.given:
                    return
        except Exception as error:
            for row in {id(row): row for row in [*self._slots.rows, *joining, *self._waiting]}.values():
                row.fail(error)
            self.given.fail(error)
            self._drop_all()

    def _join(self) -> list[SequenceState]:
        """Return the sequences that get a slot now, first come, first served.

        One whose signals no pass collects beside those of the batch waits until the batch is done with these, and those
        behind it wait with it.
        """
        joining: list[SequenceState] = []
        active = self._slots.rows
        wanted = Signals.joined(row.signals for row in active)
        while self._waiting and len(active) + len(joining) < self.max_batch_size:
            row = self._waiting[0]
            if not row.closed:
                if not wanted.joins(row.signals):
                    break
                wanted = wanted | row.signals
                joining.append(row)
            self._waiting.popleft()
        return joining

    async def _step(self, joining: list[SequenceState]) -> None:
        for row in joining:  # one that had ended when memory ran out reads its probe too
            row.probing = row.end is not None
        reads = {row: JoiningSequence(row.context_ids, row.prompt_ids) for row in joining}
        self.decoder.mark_cached([*reads.values()])
        first = sorted(
            joining, key=lambda row: reads[row].size - reads[row].cached != 1
        )  # one token is read in the step
        slots = self._slots.joined_by({row: reads[row].ids for row in first})
        seated = slots.seated
        rows = [row for _, row in seated]
        wanted = Signals.joined(row.signals for row in rows)
        work = StepInput(
            forks=self._slots.forks,
            moves=self._slots.moves,
            joining=[reads[first] for first in slots.firsts[len(self._slots) :]],
            tokens=[first.newest for first in self._slots.firsts],
            lengths=[first.cached for first in self._slots.firsts],
            noise_keys=[(row.noise_key, len(row.tokens)) for row in rows],
            sources=[slot for slot, _ in seated] if len(rows) > len(slots) else [],
            changed={i: row.sampling for i, row in enumerate(rows) if row.sampling is not None},
            signals=wanted,
            probing=[] if wanted.probe is None else [i for i, row in enumerate(rows) if row.probing],
        )
        self._stepping = set(rows)
        for row, read in reads.items():
            self._charge_prompt(row.meter, read)
        try:
            drawn = await self._worker.compute(self.decoder.run, work)
        except BaseException as error:
            self._stepping, self._slots = set(), slots
            if not is_out_of_memory(error):
                raise
            await self._halve(rows)
            return
        self._stepping = set()
        self.steps, self.computed = self.steps + 1, self.computed + len(slots)
        for row in self._slots.rows:
            row.cached += 1
        for row, read in reads.items():
            row.cached = len(read.ids)
        self._slots = slots
        ended = self._deliver(seated, drawn, wanted.watch)
        await self._park(ended)
        for _, row in ended:
            row.send(row, row.end)

    def _charge_prompt(self, meter: Meter, read: JoiningSequence) -> None:
        computed = len(read.ids) - read.cached
        meter.prompt += computed
        meter.prompt_cached += read.cached
        self.prompt += computed
        self.prompt_cached += read.cached

    def _charge(self, row: SequenceState) -> None:
        row.meter.add_drawn(1)
        self.drawn += 1

    def _deliver(
        self, seated: list[tuple[int, SequenceState]], drawn: SampledTokens, watch: Ids
    ) -> list[tuple[int, SequenceState]]:
        """Give each sequence its token; return those that end there with their slots, whose end is not sent yet."""
        ended: list[tuple[int, SequenceState]] = []
        for at, (slot, row) in enumerate(seated):
            if row.closed:  # charged when it left
                continue
            if row.end is not None:
                self._probe(row, drawn.probed.get(at))
            else:
                self._charge(row)
                row.append(drawn, at, watch, self._is_step)
                row.end = find_end(row, self.ends, self._is_step)
                if row.end is not None:
                    self._finish(row)
                elif row.stream and len(row.tokens) % row.stream == 0:
                    row.send(row, None)
            if row.closed:
                ended.append((slot, row))
        return ended

    def _finish(self, row: SequenceState) -> None:
        """Close a sequence that has ended, or go on to probe it.

        The probe takes the place of an end-of-sequence token. Any other last token is read first.
        """
        row.keep_endings(self.ends)
        if row.signals.probe is None:
            row.closed = True
        elif row.end is End.STOP:
            row.newest, row.probing = row.signals.probe, True

    def _probe(self, row: SequenceState, probability: float | None) -> None:
        """Handle the last token of an ended sequence, or its probe: one drawn token, however many were read."""
        if probability is not None:
            self._charge(row)
            row.probe, row.closed = probability, True
        elif row.signals.probe is not None:
            row.newest, row.probing = row.signals.probe, True

    async def _park(self, ended: list[tuple[int, SequenceState]]) -> None:
        """Cache sequences that ended at their own boundary or have alternatives, before a draw can continue them."""
        pausing = [(slot, row.prefix_key) for slot, row in ended if row.can_go_on]
        if not pausing:
            return
        try:
            await self._worker.compute(self.decoder.park, pausing)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self.decoder.parked.clear()  # they are read again when a draw continues them

    async def _halve(self, rows: list[SequenceState]) -> None:
        """Halve the batch when memory runs out: half of the sequences are read again now, the others later."""
        self.max_batch_size = max(1, len(rows) // 2)
        if len(rows) == 1:
            for row in [row for row in rows if not row.closed]:
                row.closed = True
                row.fail(EngineError("out of memory with a single sequence: lower max_tokens, or use a smaller model"))
        else:
            self._notify(f"out of memory with {len(rows)} sequences at once: going on with {self.max_batch_size}")
        await self._restart()

    async def _restart(self) -> None:
        """Free the decoder's memory; running sequences wait for a slot and are read again."""
        alive = [row for row in self._slots.rows if not row.closed]
        self._slots = Slots()
        self._waiting.extendleft(reversed(alive))
        await self._worker.compute(self.decoder.clear)
