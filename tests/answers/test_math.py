import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.examples import slowly
from tts.answers import MathVerifier, merge
from tts.errors import InputError, UnsupportedError

needs_math_verify = pytest.mark.skipif(
    importlib.util.find_spec("math_verify") is None, reason="math-verify is not installed (the extra 'math')"
)
SLOW = ("9^{9^{9^{9}}}", "1")  # a single power of integers: no signal handler of Python would interrupt it


@pytest.fixture(scope="module")
def verifier() -> Iterator[MathVerifier]:
    with MathVerifier(timeout=30) as verifier:
        yield verifier


EQUAL = [
    ("\\frac12", "0.5"),
    ("\\frac12", "1/2"),
    ("1 1/2", "\\frac{3}{2}"),
    ("\\sqrt{8}", "2\\sqrt2"),
    ("x^2+2x+1", "(x+1)^2"),
    ("$x+1$", "\\boxed{1+x}"),
    ("\\{1,2\\}", "\\{2, 1\\}"),
    ("2,-2", "\\pm 2"),
    ("[1,2)", "1 \\le x < 2"),
    ("1 \\le x < 2", "[1,2)"),
    ("(-\\infty,0)\\cup(1,2)", "(1,2) \\cup (-\\infty, 0)"),
    ("\\left(3,\\frac{\\pi}{2}\\right)", "(3, \\pi/2)"),
    ("\\text{Monday}", "monday"),
    ("x=5", "5"),
    ("1,234", "1234"),
    ("\\frac13", "0.333333"),
]
UNEQUAL = [
    ("1", "2"),
    ("\\frac12", "0.51"),
    ("(1,2)", "[1,2]"),
    ("(1,2)", "(2,1)"),
    ("\\{1,2\\}", "\\{1,3\\}"),
    ("x+1", "x+2"),
    ("x", "y"),
    ("evil", "live"),
    ("\\foo{3}", "3"),
    ("50\\%", "0.5"),
    ("", ""),
    ("1", ""),
    ("x" * 10**6, "x" * 10**6),
]


@needs_math_verify
def test_mathematical_equality(verifier: MathVerifier) -> None:
    pairs = EQUAL + UNEQUAL
    wrong = [pair for pair, equal in zip(pairs, verifier.equal_many(pairs), strict=True) if equal != (pair in EQUAL)]
    assert not wrong
    assert verifier.equal_many([(b, a) for a, b in pairs]) == [pair in EQUAL for pair in pairs]
    assert verifier.timeouts == 0


@needs_math_verify
def test_one_class_per_value_after_pairwise_merging(verifier: MathVerifier) -> None:
    merged = merge(["\\frac{1}{2}x", "0.5x", "x/2", "x", None, "50"], kind="math", equal=verifier.equal)
    assert merged.labels == (0, 0, 0, 1, -1, 2)
    assert merged.tiers == ("pairwise", "exact", "exact")


@pytest.mark.slow
@needs_math_verify
def test_a_slow_comparison_is_killed_counted_and_remembered() -> None:
    with MathVerifier(timeout=1) as verifier:
        assert verifier.equal_many([("x+1", "1+x"), SLOW, ("y+1", "1+y")]) == [True, False, True]
        assert verifier.timeouts == 1
        start = time.perf_counter()
        assert verifier.equal(*SLOW) is False
        assert time.perf_counter() - start < 0.5 and verifier.timeouts == 1


@pytest.mark.slow
@needs_math_verify
def test_a_crashed_worker_is_counted_and_replaced() -> None:
    with MathVerifier() as verifier:
        assert verifier.equal("x+1", "1+x")
        process = verifier._workers[0]._process
        assert process is not None
        process.kill()
        assert verifier.equal_many([("x+2", "2+x"), ("x+3", "3+x")]) == [False, True]
        assert verifier.timeouts == 1


@pytest.mark.slow
@needs_math_verify
def test_several_threads_share_the_workers() -> None:
    pairs = [(f"x+{i}", f"{j}+x") for i in range(8) for j in range(8)]
    expected = [a[2:] == b[:-2] for a, b in pairs]
    with MathVerifier(timeout=30, workers=2) as verifier, ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(verifier.equal_many, pairs[k:] + pairs[:k]) for k in (0, 16, 32, 48)]
        for k, future in zip((0, 16, 32, 48), futures, strict=True):
            assert future.result(120) == expected[k:] + expected[:k]
        assert pool.submit(verifier.equal, "\\frac{x}{2}", "0.5x").result(60)
        assert verifier.timeouts == 0


@pytest.mark.slow
@needs_math_verify
def test_close_ends_a_comparison_in_another_thread_and_all_processes() -> None:
    verifier = MathVerifier(timeout=60)
    assert verifier.equal("x+1", "1+x")
    process = verifier._workers[0]._process
    assert process is not None
    errors: list[BaseException] = []

    def compare() -> None:
        try:
            verifier.equal(*SLOW)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=compare) for _ in range(2)]  # one at work, one waiting for the worker
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    start = time.perf_counter()
    verifier.close()
    for thread in threads:
        thread.join(10)
    assert time.perf_counter() - start < 5
    assert [type(error) for error in errors] == [InputError, InputError]
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    verifier.close()
    with pytest.raises(InputError, match="closed"):
        verifier.equal("1", "2")


@needs_math_verify
@pytest.mark.parametrize(
    "ending",
    [
        "",
        *slowly("verifier.close()", "del verifier", "raise SystemExit(0)"),
    ],
)
def test_a_script_without_a_main_guard_ends_cleanly(ending: str) -> None:
    use = "verifier = MathVerifier(); assert verifier.equal('x+1', '1+x')"
    code = f"from tts.answers import MathVerifier\n{use}\n{ending}"
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        capture_output=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert (done.returncode, done.stderr) == (0, b"")


@needs_math_verify
def test_no_process_starts_before_algebra_is_needed() -> None:
    with MathVerifier() as verifier:
        assert verifier.equal_many([("1", "1.0"), ("1", "2"), ("x", " $x$"), ("", "x")]) == [True, False, True, False]
        assert verifier.equal_many([]) == []
        assert verifier._workers[0]._process is None


def test_a_missing_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnsupportedError, match=r"math-verify.*pip install 'tts-rerank\[math\]'"):
        MathVerifier()


@pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": -1.0}, {"timeout": float("nan")}, {"workers": 0}])
def test_options_out_of_range_are_input_errors(options: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        MathVerifier(**options)  # type: ignore[arg-type]
