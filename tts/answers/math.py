r"""Equality of mathematical answers by shape and value, in processes that can be killed.

math-verify parses LaTeX and compares relations and sets; `tts.answers.algebra` decides the rest. sympy may compute for
ever, or in one C call that no signal handler interrupts, and math-verify's own timeouts need SIGALRM and so the main
thread. Here every comparison runs in a child process, bounded by its processor time: a child that takes longer ends
and is replaced, and the answer that it was busy with is not compared again. Safe from any thread and from several at
once.

    with MathVerifier() as verifier:
        verifier.equal(r"\frac12", "0.5")  # True
"""

from __future__ import annotations

import importlib.util
import queue
import threading
import weakref
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from tts.answers.algebra.decimals import numbers_equal
from tts.answers.canonical import canonical
from tts.answers.numbers import canonical_number
from tts.answers.process import Worker
from tts.errors import InputError, UnsupportedError

BATCH = 32  # comparisons per request: one round trip, and few enough to share among workers
CACHE = 100_000  # pairs remembered

_CODE = "from tts.answers.algebra.child import main; main()"


class MathVerifier:
    r"""Answers whether two mathematical answers are equal: fractions, sets, intervals, tuples, expressions, equations.

    Answers may be LaTeX or typed without it ("sqrt(2)/2"). Symmetric, but not transitive: a decimal of six places may
    be rounded, so 0.333333 is 1/3, and "x=5" is "5". The case of words and variables is ignored; % and units are
    dropped first (`canonical`), so 50\% is 50 and not 0.5. The rules are those of `tts.answers.algebra.equality`.

    An answer that takes too long or crashes its process, by itself or in a comparison, equals nothing but its own
    spelling from then on: it costs one timeout, whatever the number of answers that it is compared with. Results are
    remembered per pair.

    Attributes:
        timeouts: requests so far that ran into the timeout or crashed their process.
    """

    def __init__(self, *, timeout: float = 5.0, workers: int = 1) -> None:
        """Check that math-verify is installed; processes start with the first comparison that needs one.

        Args:
            timeout: seconds of processor time for one comparison, > 0; the start of a process is not counted.
            workers: processes, >= 1; one `equal_many` and several threads share them.

        Raises:
            UnsupportedError: math-verify is not installed.
            InputError: ``timeout`` or ``workers`` out of range.
        """
        if not 0 < timeout < float("inf"):
            raise InputError(f"timeout must be a positive number of seconds, got {timeout}")
        if workers < 1:
            raise InputError(f"workers must be at least 1, got {workers}")
        if importlib.util.find_spec("math_verify") is None:
            raise UnsupportedError("MathVerifier needs the math-verify library: pip install 'tts-rerank[math]'")
        self.timeouts = 0
        self._timeout = timeout
        self._workers = [Worker(_CODE) for _ in range(workers)]
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._lock = threading.Lock()  # of timeouts and the cache
        self._closing = threading.Lock()
        self._cache: dict[tuple[str, str], bool] = {}
        self._read: set[str] = set()
        self._endless: set[str] = set()
        self._closed = False
        self._finalizer = weakref.finalize(self, _stop_all, self._workers)  # also at the interpreter's exit

    def equal(self, a: str, b: str) -> bool:
        """Return whether ``a`` and ``b`` are equal; an empty answer equals nothing.

        Raises:
            InputError: the verifier is closed.
            UnsupportedError: math-verify is installed but cannot be imported.
        """
        return self.equal_many([(a, b)])[0]

    def equal_many(self, pairs: Iterable[tuple[str, str]]) -> list[bool]:
        """`equal` for each pair, in order, in batches over all workers; the errors are those of `equal`."""
        self._check_open()
        keys = [_key(a, b) for a, b in pairs]
        with self._lock:
            known = {key: self._cache[key] for key in keys if key in self._cache}
        unknown = []
        for key in dict.fromkeys(keys):
            if key in known:
                continue
            if (easy := _without_algebra(*key)) is not None:
                known[key] = easy
            else:
                unknown.append(key)
        size = max(1, min(BATCH, -(-len(unknown) // len(self._workers))))
        batches = [unknown[i : i + size] for i in range(0, len(unknown), size)]
        if len(batches) > 1 and len(self._workers) > 1:
            with ThreadPoolExecutor(len(self._workers)) as pool:
                results = list(pool.map(self._compare, batches))
        else:
            results = [self._compare(batch) for batch in batches]
        for batch, result in zip(batches, results, strict=True):
            known.update(zip(batch, result, strict=True))
        return [known[key] for key in keys]

    def close(self) -> None:
        """End all processes; comparisons in flight in other threads raise InputError. May be called twice."""
        self._closed = True
        with self._closing:
            taken: list[Worker] = []
            while len(taken) < len(self._workers):
                try:
                    taken.append(self._idle.get(timeout=0.05))
                except queue.Empty:
                    for worker in self._workers:  # its thread sees the end of the process, then that we are closed
                        worker.interrupt()
            self._finalizer()
            for worker in taken:  # for threads that still wait for one
                self._idle.put(worker)

    def __enter__(self) -> MathVerifier:
        """The verifier itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """`close`."""
        self.close()

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """The results of one worker, which is replaced after each request that it does not survive.

        Each answer is read by itself before its first comparison, so that an answer that computes for ever is known as
        such. Where two answers can be read and not compared, the longer one is blamed.
        """
        worker = self._idle.get()
        results: dict[tuple[str, str], bool] = {}
        try:
            while True:
                self._check_open()
                with self._lock:
                    results |= {pair: False for pair in pairs if pair not in results and self._endless & {*pair}}
                    left = [pair for pair in pairs if pair not in results]
                    new = dict.fromkeys(text for pair in left for text in pair if text not in self._read)
                if not left:
                    break
                requests: list[tuple[str, ...]] = [*((text,) for text in new), *left]
                found = worker.run(requests, self._timeout)
                self._check_open()
                results.update(zip(left, found[len(new) :], strict=False))
                with self._lock:
                    self._read.update(text for text, _ in zip(new, found, strict=False))
                    if len(found) < len(requests):
                        self.timeouts += 1
                        self._endless.add(max(requests[len(found)], key=lambda text: (len(text), text)))
        except UnsupportedError:
            self._check_open()  # a start interrupted by close() is no failure to start
            raise
        finally:
            self._idle.put(worker)
        with self._lock:
            if len(self._cache) + len(pairs) > CACHE:
                self._cache.clear()
                self._read.clear()
            self._cache.update(results)
        return [results[pair] for pair in pairs]

    def _check_open(self) -> None:
        if self._closed:
            raise InputError("this MathVerifier is closed: compare inside its with block")


def _key(a: str, b: str) -> tuple[str, str]:
    """The pair in its canonical spelling and in sorted order, "" for an answer that is empty."""
    low, high = sorted((canonical(a, "math") or "", canonical(b, "math") or ""))
    return low, high


def _without_algebra(a: str, b: str) -> bool | None:
    """The answer where none has to be computed: empty, the same text, two numbers; else None."""
    if not a or not b:
        return False
    if a == b:
        return True
    return numbers_equal(a, b) if canonical_number(a) == a and canonical_number(b) == b else None


def _stop_all(workers: Sequence[Worker]) -> None:
    for worker in workers:
        worker.stop()
