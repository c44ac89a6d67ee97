"""One child process that answers requests, and that can be killed in the middle of one.

Both ends of the protocol: a parent's `Worker` writes one JSON line {"items": [...], "timeout": seconds}, and `serve` in
the child writes one JSON line per item as soon as it is done. A fresh interpreter, never a fork: safe with threads, and
the caller's script needs no ``if __name__ == "__main__"``. POSIX only.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from tts.errors import UnsupportedError

START_SECONDS = 120.0  # for the imports of a child on a busy machine
PATIENCE = 20.0  # seconds to wait for each second of processor time that an item may take, on a busy machine
MEMORY_BYTES = 2 << 30  # of address space: what computes a number too large crashes the child, not the machine


class Worker:
    """A child process running ``code``, which must end in a call of `serve`; started by the first request.

    One thread at a time may call `run`; `interrupt` may be called from any thread.
    """

    def __init__(self, code: str) -> None:
        """Remember ``code`` and start nothing."""
        self._code = code
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    def run(self, items: Sequence[Any], timeout: float) -> list[Any]:
        """The child's results for ``items`` (JSON values), in order, each within ``timeout`` seconds of processor time.

        A machine that does other work, too, gives the same results, later. Fewer results than items mean that the next
        item took longer or crashed the child. The child is then gone and the next call starts another.

        Raises:
            UnsupportedError: the child could not start; the sentence is its own.
        """
        results: list[Any] = []
        try:
            process = self._process or self._start()
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps({"items": items, "timeout": timeout}).encode() + b"\n")
                process.stdin.flush()
                while len(results) < len(items) and (line := self._line(process, PATIENCE * timeout)) is not None:
                    results.append(json.loads(line))
        finally:  # after Ctrl-C, too: the next request must not read this one's results
            if len(results) < len(items):
                self.stop()
        return results

    def interrupt(self) -> None:
        """Kill the child, if any, and leave its remains to the thread that uses it or to `stop`."""
        if (process := self._process) is not None:
            process.kill()

    def stop(self) -> None:
        """Kill the child, if any, wait for its end and close its pipes; a later request starts another."""
        process, self._process, self._buffer = self._process, None, b""
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):  # what was never read by the child
                pipe.close()

    def _start(self) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        process = self._process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-c", self._code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )
        line = self._line(process, START_SECONDS)
        error = json.loads(line)["error"] if line is not None else "it ended or hung while it imported its modules"
        if error:
            raise UnsupportedError(f"the comparison process could not start: {error}")
        return process

    def _line(self, process: subprocess.Popen[bytes], timeout: float) -> bytes | None:
        """The child's next line, or None where it ended or ``timeout`` seconds passed."""
        assert process.stdout is not None
        poll, deadline = select.poll(), time.monotonic() + timeout
        poll.register(process.stdout, select.POLLIN)
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                return None
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                return None
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line


def serve(load: Callable[[], Callable[[Any], Any]]) -> None:
    """Answer requests on standard input until it closes: the child's whole life.

    An exception ends the child, which the parent sees as a crash of that item. An item that takes too much of the
    processor is ended by SIGPROF's default action, even inside a single C call, and though the parent be gone.

    Args:
        load: imports what is needed and returns the function that answers one item; an ImportError of it is reported to
            the parent as one sentence.
    """
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # a library that prints must not answer
    try:
        answer = load()
    except ImportError as error:
        print(json.dumps({"error": str(error)}), file=replies)
        return
    print(json.dumps({"error": None}), file=replies)
    for line in sys.stdin:
        request = json.loads(line)
        for item in request["items"]:
            signal.setitimer(signal.ITIMER_PROF, request["timeout"])
            result = answer(item)
            signal.setitimer(signal.ITIMER_PROF, 0)
            print(json.dumps(result), file=replies)
