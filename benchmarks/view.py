"""Time of `tts view` on a large pool: until the list is there, and until a question is open.

    python -m benchmarks.view [--questions 20000] [--samples 64] [--pool FILE] [--numbers]

The samples are those of `python -m benchmarks.pool`. Times are taken over HTTP, and in chromium where playwright and a
browser are installed. They are taken while the numbers of the overview are computed beside, at low priority;
``--numbers`` waits for those as well.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.pool import write

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
ROUNDS = 10
SEEN = """
() => new Promise(done => {{
    const began = performance.now();
    const look = () => {until} ? requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)))
        : requestAnimationFrame(look);
    {action};
    look();
}})
"""
"""From an action to the end of the frame that shows its result, in milliseconds: what a driver adds to a click is not
the page's."""


class Viewed:
    """A view that is served in a process of its own.

    Attributes:
        url: its address.
        started_s: seconds from the start of the command until connections are accepted.
    """

    def __init__(self, pool: Path) -> None:
        """Start it."""
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tts", "view", str(pool), "--no-browser"], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.started_s = time.perf_counter() - began
        self._root, _, self._token = self.url.partition("/?token=")

    def ask(self, path: str, **query: object) -> Any:
        """Return an answer."""
        url = f"{self._root}/{path}?{urllib.parse.urlencode({'token': self._token, **query})}"
        with urllib.request.urlopen(url, timeout=600) as answer:
            body = answer.read()
        return json.loads(body) if path.startswith("api/") else body

    @property
    def processor_s(self) -> float:
        """The processor time of the process so far, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory_mb(self) -> float:
        """The memory of the process, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024

    def end(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


def timed(
    viewed: Viewed,
    label: str,
    work: Callable[[int], object],
    rounds: int = ROUNDS,
    browser_s: Callable[[], float] | None = None,
) -> None:
    """Print the median and the largest of the times of some work, and the processor time for one.

    Args:
        viewed: the server.
        label: the work, in words.
        work: receives the number of the round; returns its seconds where it has measured them itself.
        rounds: how often it is done.
        browser_s: returns the processor time of the browser so far, in seconds.
    """
    meters = {"server": lambda: viewed.processor_s, **({} if browser_s is None else {"chromium": browser_s})}
    times, before = [], {name: read() for name, read in meters.items()}
    for at in range(rounds):
        began = time.perf_counter()
        found = work(at)
        times.append(found if isinstance(found, float) else time.perf_counter() - began)
    used = ", ".join(f"{name} {(read() - before[name]) / rounds:.3f} s" for name, read in meters.items())
    most = f", at most {max(times):.3f} s of {rounds}" if rounds > 1 else ""
    print(f"  {label:<42} {statistics.median(times):7.3f} s (processor: {used}){most}", flush=True)


def over_http(viewed: Viewed, questions: int) -> None:
    """Time what the page asks for."""
    rng = random.Random(0)
    places = [rng.randrange(1, questions + 1) for _ in range(ROUNDS)]
    print("over HTTP", flush=True)
    timed(viewed, "page", lambda _: viewed.ask(""), 1)
    timed(viewed, "summary", lambda _: viewed.ask("api/summary"), 1)
    timed(viewed, "first 100 questions", lambda _: viewed.ask("api/questions", count=100), 1)
    timed(
        viewed, "100 questions anywhere", lambda at: viewed.ask("api/questions", count=100, **{"from": places[at] // 2})
    )
    timed(viewed, "a question, the first one", lambda _: viewed.ask("api/question", at=places[0]), 1)
    timed(viewed, "a question", lambda at: viewed.ask("api/question", at=places[at]))
    timed(
        viewed,
        "a part of a search, with what it has found",
        lambda _: viewed.ask("api/questions", find="word399 word398"),
    )


def in_browser(viewed: Viewed) -> None:
    """Time what a reader sees."""
    path = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        print("no browser: chromium and playwright are needed")
        return
    print("in chromium", flush=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))
        tab = browser.new_page()
        tab.set_default_timeout(300_000)
        devtools = browser.new_browser_cdp_session()

        def used() -> float:
            found = devtools.send("SystemInfo.getProcessInfo")["processInfo"]
            return float(sum(process["cpuTime"] for process in found))

        def opened(_: int) -> None:
            tab.goto("about:blank")
            tab.goto(viewed.url, wait_until="commit")
            tab.wait_for_selector(".questions a")

        def seen(action: str, until: str) -> float:
            return float(tab.evaluate(SEEN.format(action=action, until=until))) / 1000

        def question(at: int) -> float:
            link = f"document.querySelectorAll('.questions a')[{at}]"
            return seen(f"{link}.click()", "document.querySelector('.samples li')")

        def drawn(_: int) -> None:
            tab.wait_for_selector("#growth svg")

        def back(_: int) -> float:
            return seen("history.back()", "document.querySelector('.questions a')")

        def more(at: int) -> float:
            button = "[...document.querySelectorAll('button')].find(one => one.textContent.includes('Show more'))"
            count = 200 + 100 * at
            return seen(f"{button}.click()", f"document.querySelectorAll('.questions a').length === {count}")

        timed(viewed, "the list, from its address", opened, 3, used)
        timed(viewed, "100 more questions", more, ROUNDS, used)
        for at in range(5):
            timed(viewed, "a question, from the click", lambda _, at=at: question(11 * at), 1, used)
            timed(viewed, "its chart", drawn, 1, used)
            timed(viewed, "back to the list", back, 1, used)
        browser.close()


def numbers(viewed: Viewed) -> None:
    """Print when each step of the numbers is done."""
    began, before = time.perf_counter(), ""
    while True:
        [state] = viewed.ask("api/state")["runs"]
        if state["doing"] != before:
            print(f"  {time.perf_counter() - began:7.0f} s: {state['doing'] or state['failed'] or 'done'}", flush=True)
            before = state["doing"]
        if not state["doing"]:
            return
        time.sleep(1)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--samples", type=int, default=64, help="of a question")
    parser.add_argument("--pool", type=Path, help="where to keep the pool, made if it is not there")
    parser.add_argument("--numbers", action="store_true", help="wait for the numbers of the overview")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        pool = options.pool or Path(folder) / "pool.sqlite"
        if not pool.exists():
            write(pool, options.questions, options.samples)
        size = pool.stat().st_size / 1e6
        print(f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
        print(f"{pool.name}: {options.questions} questions x {options.samples} samples, {size:.0f} MB", flush=True)
        viewed = Viewed(pool)
        try:
            used = viewed.processor_s
            print(f"accepts connections {viewed.started_s:.2f} s after its start (processor {used:.2f} s)", flush=True)
            in_browser(viewed)
            over_http(viewed, options.questions)
            print(f"memory of the server: {viewed.memory_mb:.0f} MB")
            if options.numbers:
                print("numbers of the overview", flush=True)
                numbers(viewed)
                over_http(viewed, options.questions)
                print(f"memory of the server: {viewed.memory_mb:.0f} MB")
        finally:
            viewed.end()


if __name__ == "__main__":
    main()
