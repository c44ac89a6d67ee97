import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from tts.answers.process import Worker
from tts.errors import UnsupportedError

CODE = """
import os, time
from tts.answers.process import serve
def answer(item):
    if item == "hang":
        while True: pass
    if item == "wait": time.sleep(0.5)
    if item == "die": os._exit(3)
    if item == "raise": raise RuntimeError
    if item == "print": print("noise")
    if item == "pid": return os.getpid()
    return item
serve(lambda: answer)
"""


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(CODE)
    yield worker
    worker.stop()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_results_come_in_order_and_the_process_stays(worker: Worker) -> None:
    items = [1, "print", None, [True, "é\ud800"], "x" * 100_000]
    pid = worker.run(["pid"], 5)
    assert worker.run(items, 5) == items
    assert worker.run(["pid"], 5) == pid


@pytest.mark.parametrize("fatal", ["hang", "die", "raise"])
def test_a_lost_item_ends_the_results_and_the_process_and_the_next_call_has_another(worker: Worker, fatal: str) -> None:
    [pid] = worker.run(["pid"], 5)
    assert worker.run([1, 2, fatal, 3], 0.3) == [1, 2]
    assert not alive(pid)  # killed and waited for: no zombie
    assert worker.run([3, "pid"], 5)[0] == 3


def test_the_limit_is_of_processor_time_whatever_else_the_machine_does(worker: Worker) -> None:
    assert worker.run(["wait", 1], 0.2) == ["wait", 1]


def test_a_process_killed_from_outside_is_replaced(worker: Worker) -> None:
    [pid] = worker.run(["pid"], 5)
    os.kill(pid, signal.SIGKILL)
    assert worker.run([1], 5) == []
    assert worker.run([1], 5) == [1]


def test_interrupt_ends_a_request_of_another_thread(worker: Worker) -> None:
    worker.run(["pid"], 5)
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(worker.run([1, "hang"], 60)))
    thread.start()
    time.sleep(0.2)
    worker.interrupt()
    thread.join(10)
    assert not thread.is_alive() and results == [[1]]


def test_a_failed_import_is_one_sentence() -> None:
    worker = Worker("from tts.answers.process import serve\ndef load():\n import nowhere\nserve(load)")
    with pytest.raises(UnsupportedError, match="No module named 'nowhere'"):
        worker.run([1], 5)
    with pytest.raises(UnsupportedError, match="ended or hung"):
        Worker("1 / 0").run([1], 5)


@pytest.mark.slow
def test_an_orphan_at_work_ends_itself() -> None:
    path = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen(
        [sys.executable, "-c", CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": path},
    ) as child:
        assert child.stdin is not None
        child.stdin.write(json.dumps({"items": ["hang"], "timeout": 0.1}).encode() + b"\n")
        child.stdin.close()
        assert child.wait(30) == -signal.SIGPROF
