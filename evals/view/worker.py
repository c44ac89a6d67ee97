"""The process that computes numbers: a job on its standard input, steps on its standard output.

A process of its own, at low priority, so that pages are answered while it computes. It ends when its standard input is
closed, be it by the death of the process that started it.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, cast

from tts.errors import TTSError, first_line

if TYPE_CHECKING:
    from evals.view.jobs import Job, Step

NICE = 10
"""The niceness of the process."""


class Worker:
    """A process that computes the numbers of one run once."""

    def __init__(self, job: Job) -> None:
        """Start it, apart from the terminal's Ctrl-C."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "evals.view.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        with suppress(BrokenPipeError):
            pickle.dump(job, self._input)
            self._input.flush()

    @property
    def _input(self) -> IO[bytes]:
        return cast(IO[bytes], self._process.stdin)

    def steps(self) -> Iterator[Step]:
        """Yield each step when it is ready.

        Raises:
            TTSError: the numbers cannot be computed, with the reason.
        """
        ended = False
        while not ended:
            try:
                message = pickle.load(cast(IO[bytes], self._process.stdout))
            except (EOFError, pickle.UnpicklingError):
                raise TTSError("the process that computes the numbers has ended") from None
            if isinstance(message, str):
                raise TTSError(message)
            yield message
            ended = not message.doing

    def stop(self) -> None:
        """Stop the process, from any thread: who reads its steps then finds that it has ended."""
        self._process.kill()

    def end(self) -> None:
        """End the process, from the thread that reads its steps."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


def main() -> None:
    """Compute the numbers of the job on standard input."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no step
    os.nice(NICE)
    job: Job = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_input, daemon=True).start()
    from evals.view.numbers import compute

    def send(message: Any) -> None:
        pickle.dump(message, output)
        output.flush()

    try:
        compute(job, send)
    except TTSError as error:
        send(str(error))
    except MemoryError:
        send("not enough memory for the numbers: ask for fewer permutations")
    except OSError as error:
        send(first_line(error))


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
