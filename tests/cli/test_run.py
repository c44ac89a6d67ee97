"""``tts sample`` and ``tts run``: nothing lost, nothing drawn twice, whatever kills them; and the numbers are right."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from evals.config import RunConfig, SampleConfig
from evals.live.hooks import Silent
from evals.live.plan import plan
from evals.live.pool_run import open_cache, run_key
from evals.live.runner import CollectSamples, play
from evals.report.run import verdict
from evals.tasks import load_task
from strategies.catalog import CATALOG
from tests.cli.cases import Ran, Tts
from tts.cli import progress
from tts.config import load_config
from tts.engines.fake import FakeEngine
from tts.engines.replay import ReplayEngine
from tts.errors import InputError
from tts.pool import Pool, PoolStore, load_pool
from tts.runtime.driver import run_all
from tts.types import Problem, Sample, Usage

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
FAKE = ("engine.kind=fake", "engine.max_batch_size=4")
TASK = ("task.n=10",)


def process(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start the command line in a process of its own, in which Ctrl-C is not ignored."""
    paths = os.pathsep.join(path for path in (str(ROOT), os.environ.get("PYTHONPATH", "")) if path)
    return subprocess.Popen(
        [sys.executable, "-m", "tts.cli", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def held(path: Path) -> int:
    """How many samples a pool holds, also while it is written."""
    try:
        with PoolStore.read(path) as store:
            return sum(run.samples for run in store.runs())
    except InputError:
        return 0


def stopped(path: Path, least: int, number: int, *arguments: str | Path) -> tuple[subprocess.Popen[str], str, str]:
    """Start a command and send it a signal once its pool holds so many samples."""
    done = process(*arguments)
    until = time.monotonic() + 200
    while held(path) < least and done.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    assert done.poll() is None, f"it ended before it could be stopped: {done.communicate()}"
    done.send_signal(number)
    return done, *done.communicate()


def content(pool: Pool) -> dict[str, list[Any]]:
    """Every sample with its grade; of the prompt's tokens only how many, as a cache dies with its process."""
    return {
        entry.problem.id: [
            (replace(s, usage=replace(s.usage, prompt=s.usage.prompt + s.usage.prompt_cached, prompt_cached=0)), right)
            for s, right in zip(entry.samples, entry.correct, strict=True)
            if s.usage is not None
        ]
        for entry in pool.entries
    }


def drawn_now(ran: Ran) -> tuple[int, int]:
    """(samples held, samples drawn now), as the summary has it."""
    found = re.search(r"holds (\d+) samples, (\d+) of them drawn now", ran.out)
    assert found is not None, ran.err
    return int(found.group(1)), int(found.group(2))


# --- killed in the middle --------------------------------------------------------------------------------------------


def test_sample_killed_twice_ends_with_the_pool_of_an_uninterrupted_run(tts: Tts, tmp_path: Path) -> None:
    path, calm = tmp_path / "p.sqlite", tmp_path / "calm.sqlite"
    command = ("sample", *FAKE, *TASK, "n=6", f"out={path}", "engine.token_delay_s=0.004")
    before = 0
    for least in (5, 25):
        stopped(path, least, signal.SIGKILL, *command)
        assert least <= held(path) < 60
        assert held(path) > before
        before = held(path)
    ran = tts(*command[:-1])
    assert ran.status == 0
    assert drawn_now(ran) == (60, 60 - before)
    assert tts("sample", *FAKE, *TASK, "n=6", f"out={calm}").status == 0
    assert content(load_pool(path)) == content(load_pool(calm))
    assert [len(entry.samples) for entry in load_pool(path).entries] == [6] * 10
    assert drawn_now(tts(*command[:-1])) == (60, 0)  # and once more: nothing is left to draw
    with PoolStore.read(path) as store:
        assert len(store.runs()) == 1


STRATEGIES = "strategies=[esc,self_consistency,first_sample]"


def test_run_killed_ends_with_the_pool_and_the_decisions_of_an_uninterrupted_run(tts: Tts, tmp_path: Path) -> None:
    path, calm = tmp_path / "p.sqlite", tmp_path / "calm.sqlite"
    command = ("run", *FAKE, *TASK, "budget=7", STRATEGIES, "scorer.name=watched")
    stopped(path, 12, signal.SIGKILL, *command, f"out={path}", "engine.token_delay_s=0.004")
    before = held(path)
    assert 12 <= before < 70
    ran = tts(*command, f"out={path}", "--json", tmp_path / "j.json")
    assert drawn_now(ran) == (70, 70 - before)
    whole = tts(*command, f"out={calm}", "--json", tmp_path / "calm.json")
    assert drawn_now(whole) == (70, 70)
    assert content(load_pool(path)) == content(load_pool(calm))
    one, other = (json.loads((tmp_path / name).read_text())["strategies"] for name in ("j.json", "calm.json"))
    for a, b in zip(one, other, strict=True):
        for x, y in zip(a["decisions"], b["decisions"], strict=True):
            assert {k: v for k, v in x.items() if k not in ("usage", "cached")} == {
                k: v for k, v in y.items() if k not in ("usage", "cached")
            }
            assert x["usage"]["delivered"] == y["usage"]["delivered"]


@pytest.mark.parametrize("command", ["sample", "run"])
def test_ctrl_c_says_how_to_go_on_and_loses_nothing(tts: Tts, tmp_path: Path, command: str) -> None:
    path = tmp_path / "p.sqlite"
    size = "n=6" if command == "sample" else "budget=6"
    arguments = (command, *FAKE, *TASK, size, f"out={path}")
    done, out, err = stopped(path, 8, signal.SIGINT, *arguments, "engine.token_delay_s=0.004")
    before = held(path)
    assert (done.returncode, out) == (130, "")
    assert err.splitlines()[-1] == (
        f"tts: interrupted; {path} holds {before} samples: give the same command again to go on from there"
    )
    assert "Traceback" not in err
    assert not path.with_name("p.sqlite-wal").exists()
    assert drawn_now(tts(*arguments)) == (60, 60 - before)


# --- sharing, the ledger and replay ----------------------------------------------------------------------------------


def live(config: RunConfig, path: Path) -> tuple[Any, FakeEngine, Any]:
    """Play in this process, with an engine whose counters can be read."""

    task, engine = load_task(config.task), FakeEngine(seed=config.engine.seed)
    todo = plan(config, task, model="fake", revision="")
    with PoolStore.create_or_open(path) as store:
        key = run_key(config.engine, task, todo.signals, todo.scorer, model="fake", revision="")
        _, memory = open_cache(store, key, task, {})
        return asyncio.run(play(config, todo, task, engine, memory, watch=Silent())), engine, memory


def test_strategies_share_their_draws_and_the_pool_is_the_ledger(tmp_path: Path) -> None:
    config = load_config(RunConfig, [], [*FAKE, *TASK, "budget=6", "strategies=[cges,esc]", "scorer.name=watched"])
    played, engine, memory = live(config, tmp_path / "p.sqlite")
    pool = load_pool(tmp_path / "p.sqlite")
    longest = [
        max(len(results[i].decision.samples) for results in (played[0].results, played[1].results)) for i in range(10)
    ]
    assert [len(entry.samples) for entry in pool.entries] == longest
    assert memory.stored == sum(longest)
    total = sum((s.usage for e in pool.entries for s in e.samples if s.usage is not None), Usage())
    assert (total.prompt, total.prompt_cached, total.delivered) == (engine.prompt, engine.prompt_cached, engine.drawn)
    for one in played:
        for result, entry in zip(one.results, pool.entries, strict=True):
            n = len(result.decision.samples)
            spent = sum((s.usage for s in entry.samples[:n] if s.usage is not None), Usage())
            assert result.decision.usage == spent  # what it cost, whoever drew it
    first = [len(r.decision.samples) for r in played[0].results]
    assert [r.cached for r in played[0].results] == [0] * 10
    assert [r.cached for r in played[1].results] == [
        min(a, len(r.decision.samples)) for a, r in zip(first, played[1].results, strict=True)
    ]


def test_the_ledger_of_a_fresh_run_is_the_engines(tmp_path: Path) -> None:
    config = load_config(RunConfig, [], [*FAKE, *TASK, "budget=6", "strategies=[esc]", "lookahead=2"])
    [played], engine, _ = live(config, tmp_path / "p.sqlite")
    total = sum((r.decision.usage for r in played.results if r.decision.usage is not None), Usage())
    assert (total.prompt, total.prompt_cached) == (engine.prompt, engine.prompt_cached)
    assert total.delivered + total.aborted == engine.drawn
    assert sum(r.aborted for r in played.results) > 0


def test_replaying_the_pool_gives_the_decisions_sample_for_sample(tts: Tts, tmp_path: Path) -> None:
    path, target = tmp_path / "p.sqlite", tmp_path / "j.json"
    names = ["esc", "cges", "self_consistency", "grace_es", "best_of_n", "adaptive_consistency"]
    arguments = (*FAKE, "task.n=25", "budget=8", f"strategies=[{','.join(names)}]", "scorer.name=watched")
    assert tts("run", *arguments, f"out={path}", "--json", target).status == 0
    pool, found = load_pool(path), json.loads(target.read_text())
    recording = ReplayEngine({entry.problem.id: entry.samples for entry in pool.entries})
    problems = [entry.problem for entry in pool.entries]
    for row in found["strategies"]:
        replayed = asyncio.run(run_all(CATALOG[row["name"]].build(8), problems, recording))
        for result, decision in zip(replayed, row["decisions"], strict=True):
            assert (result.problem.id, result.decision.answer, result.decision.reason) == (
                decision["id"],
                decision["answer"],
                decision["reason"],
            )
            assert [s.index for s in result.decision.samples] == decision["samples"]
            assert result.decision.usage is not None
            assert result.decision.usage.delivered == decision["usage"]["delivered"]
        assert row["accuracy"] == pytest.approx(sum(d["correct"] for d in row["decisions"]) / 25)


def test_run_goes_on_with_what_sample_drew(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    assert drawn_now(tts("sample", *FAKE, *TASK, "n=3", f"out={path}")) == (30, 30)
    assert drawn_now(tts("run", *FAKE, *TASK, "budget=5", f"out={path}")) == (50, 20)
    assert drawn_now(tts("run", *FAKE, "task.n=12", "budget=5", f"out={path}")) == (60, 10)


@pytest.mark.parametrize(
    "change",
    [
        "engine.temperature=0.7",
        "engine.top_p=0.9",
        "engine.top_k=5",
        "engine.max_tokens=99",
        "engine.seed=1",
        "engine.dtype=bfloat16",
        "task.template='Q {question} A'",
        "task.extract=flexible",
        "scorer.name=watched",
        "scorer={name: constant, value: 0.5}",
    ],
)
def test_what_makes_draws_other_draws_makes_another_run(tts: Tts, tmp_path: Path, change: str) -> None:
    path = tmp_path / "p.sqlite"
    base = ("run", *FAKE, "task.n=2", "budget=2", f"out={path}")
    assert drawn_now(tts(*base)) == (4, 4)
    assert drawn_now(tts(*base, change)) == (4, 4)
    assert drawn_now(tts(*base, "engine.max_batch_size=2", "lookahead=1", "strategies=[first_sample]")) == (4, 0)
    with PoolStore.read(path) as store:
        runs = store.runs()
    assert len(runs) == 2
    assert runs[0].config["budget"] == 2
    assert runs[0].versions["python"]
    assert runs[1].key != runs[0].key


# --- fitting ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def calibration(tts: Tts, tmp_path: Path) -> Path:
    path = tmp_path / "cal.sqlite"
    drawn = tts("run", *FAKE, "task.split=calibration", "task.n=40", "budget=6", "scorer.name=watched", f"out={path}")
    assert drawn.status == 0
    return path


def test_parameters_and_a_map_are_fitted_on_other_questions(tts: Tts, tmp_path: Path, calibration: Path) -> None:
    path, target = tmp_path / "p.sqlite", tmp_path / "j.json"
    arguments = ("run", *FAKE, *TASK, "budget=6", "strategies=[grace_es,reasc,pandora,cisc]", "scorer.name=watched")
    ran = tts(*arguments, f"fit={calibration}", "calibrate=platt", f"out={path}", "--json", target)
    assert ran.status == 0
    assert "fitted on other questions: grace_es: tau=" in ran.out
    rows = {row["name"]: row for row in json.loads(target.read_text())["strategies"]}
    assert rows["reasc"]["params"].keys() >= {"gate", "mean", "scale"}
    assert rows["pandora"]["params"].keys() >= {"value"}
    with PoolStore.read(path) as store:
        [run] = store.runs()
    assert run.key.sampling["scorer"]["calibration"]["kind"] == "platt"  # type: ignore[index]
    # the same again: the same map, so the same run, and nothing is drawn
    again = tts(*arguments, f"fit={calibration}", "calibrate=platt", f"out={path}")
    assert drawn_now(again)[1] == 0


def test_what_is_scored_is_never_fitted_on(tts: Tts, tmp_path: Path, calibration: Path) -> None:
    arguments = ("run", *FAKE, "strategies=[grace_es]", "scorer.name=watched", f"fit={calibration}")
    ran = tts(*arguments, "task.split=calibration", "task.n=3", f"out={tmp_path / 'p.sqlite'}")
    assert ran.status == 2
    assert re.search(r"cal\.sqlite holds 3 of the questions that are scored, 'story-calibration-0' for one: ", ran.err)


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_without_a_terminal_a_plain_line_comes_every_few_seconds(
    tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_INTERVAL_S", 0.05)
    ran = tts("sample", *FAKE, *TASK, "n=3", "engine.token_delay_s=0.003", f"out={tmp_path / 'p.sqlite'}")
    lines = ran.err.splitlines()
    assert len(lines) >= 3
    for line in lines[1:-1]:
        assert re.fullmatch(
            r"samples: \d+ of 10 questions, (accuracy \d\.\d{3}, )?\d+ tokens/s(, \d+:\d\d:\d\d left)?", line
        )
    assert re.fullmatch(r"samples: 10 of 10 questions, accuracy \d\.\d{3}, \d+ tokens/s", lines[-1])


def test_on_a_terminal_there_is_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    tokens = itertools.count(0, 1000)
    with progress.Progress(lambda: next(tokens), terminal=True) as bar:
        bar.start("esc", 2)
        bar.advance(1.0)
        bar.advance(0.0)
        bar.finish()
    err = capsys.readouterr().err
    assert "esc" in err and "2/2" in err and "accuracy 0.500" in err and "tokens/s" in err


def test_the_table_has_one_line_a_strategy_with_its_reasons(tts: Tts, tmp_path: Path) -> None:
    ran = tts("run", *FAKE, *TASK, "budget=6", STRATEGIES, f"out={tmp_path / 'p.sqlite'}")
    assert re.search(r"^esc +0\.\d{4} +\[\d\.\d{3}, \d\.\d{3}\] +\d\.\d\d +\d+ +\d\.\d{3} +\w+ \d+", ran.out, re.M)
    assert re.search(r"^self_consistency .* 6\.00 .*budget 10", ran.out, re.M)
    assert re.search(r"^first_sample .* 1\.00 .*budget 10", ran.out, re.M)


@pytest.mark.parametrize("command", ["sample", "run"])
def test_where_nothing_is_right_it_says_so(
    tts: Tts, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evals.tasks.stories.extractor", lambda *_: lambda problem, text: None)
    size = "n=2" if command == "sample" else "budget=2"
    ran = tts(command, *FAKE, *TASK, size, f"out={tmp_path / 'p.sqlite'}")
    assert ran.status == 0
    assert "0 of 20 right; 20 had no answer that could be read: this model does not solve this task" in ran.out


def test_where_hardly_anything_is_right_it_says_so_too() -> None:
    right, wrong = (Sample(answer="1"), True), (Sample(answer="2"), False)
    assert verdict([right] + 19 * [wrong]) == (
        "1 of 20 right; 19 were wrong: this model hardly ever solves this task as it is asked"
    )
    assert verdict(2 * [right] + 18 * [wrong]) is None


def test_all_plays_what_can_be_played_and_says_why_not_the_rest(tts: Tts, tmp_path: Path) -> None:
    ran = tts("run", *FAKE, "task.n=3", "budget=3", "strategies=[all]", f"out={tmp_path / 'p.sqlite'}")
    text = " ".join(ran.out.split())
    assert "left out (needs confidences, and there is no scorer: give scorer.name): " in text
    assert "left out (is a control for recorded pools: `tts compare` the pool that this run writes): oracle" in text
    assert "left out (needs top-k confidences, which this engine cannot collect: choose another engine.kind" in text
    assert drawn_now(ran) == (9, 9)


def test_draws_that_fail_are_drawn_by_the_next_command(
    tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.sqlite"
    broken = FakeEngine(fails=lambda request: request.index == 1)
    monkeypatch.setattr("evals.live.run_session.open_engine", lambda *_: broken)
    ran = tts("sample", *FAKE, "task.n=2", "n=3", f"out={path}")
    assert ran.status == 2
    assert ran.err.splitlines()[-1] == (
        "tts: 2 of 6 draws failed (the fake engine was told to fail): the pool holds the others, repeat "
        "the command to draw them"
    )
    monkeypatch.undo()
    with PoolStore.read(path) as store:
        assert [store.missing(1, f"story-test-{i}", 3) for i in range(2)] == [[1], [1]]


# --- configurations --------------------------------------------------------------------------------------------------

FILES = {kind: sorted((CONFIGS / kind).glob("*.yaml")) for kind in ("task", "model", "strategy", "scorer")}


@pytest.mark.parametrize(
    "path", [p for paths in FILES.values() for p in paths], ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_every_file_loads_alone(path: Path) -> None:
    assert load_config(RunConfig, [path], ["fit=p.sqlite", "scorer.name=constant"])
    if path.parent.name in ("task", "model"):
        assert load_config(SampleConfig, [path])


@pytest.mark.parametrize(
    "files",
    [
        *itertools.product(FILES["task"], FILES["model"], FILES["strategy"], FILES["scorer"]),
        *itertools.product(FILES["task"], FILES["model"], FILES["strategy"]),
    ],
    ids=lambda files: "+".join(p.stem for p in files),
)
def test_files_of_every_kind_go_together(files: tuple[Path, ...]) -> None:
    config = load_config(RunConfig, files, ["out=p.sqlite", "budget=4"])
    assert config.budget == 4
    assert config.task.name == files[0].stem
    if config.engine.kind == "transformers":
        assert config.engine.model == files[1].stem
        assert config.engine.signals.top == 20
    assert (config.scorer is not None) == (len(files) == 4)


def test_a_command_of_files_runs(tts: Tts, tmp_path: Path) -> None:
    files = [CONFIGS / name for name in ("task/stories.yaml", "model/tiny.yaml", "strategy/counting.yaml")]
    signals = "engine.signals={top: 0, entropy: false, certainty: false}"
    ran = tts("run", *files, *FAKE, signals, "task.n=4", f"out={tmp_path / 'p.sqlite'}")
    assert ran.status == 0
    assert drawn_now(ran) == (64, 64)


# --- bad input -------------------------------------------------------------------------------------------------------

BAD = [
    ("sample", r"out names no pool: give out=FILE\.sqlite, where every sample is kept"),
    ("sample out=p.jsonl", r"p\.jsonl: the file name must end in \.sqlite, \.db"),
    ("sample out=no/p.sqlite", r"cannot write no/p\.sqlite: the folder .*/no does not exist"),
    ("sample out=p.sqlite n=0", r"n must be at least 1, got 0"),
    ("sample out=p.sqlite missing.yaml", r"config file missing\.yaml does not exist"),
    ("sample out=p.sqlite strategies=[esc]", r"override 'strategies=\[esc\]': unknown key 'strategies': allowed .*"),
    ("sample out=p.sqlite engine.modle=tiny", r".*key 'engine\.modle' cannot take this value: .*modle.*"),
    ("sample out=p.sqlite engine.kind=vlm", r"unknown engine\.kind 'vlm': allowed are fake, .*; did you mean vllm\?"),
    (
        "sample out=p.sqlite engine.vllm.max_num_seqs=4",
        r"engine\.vllm is for engine\.kind=vllm, and engine\.kind is tr.*",
    ),
    (
        "sample out=p.sqlite engine.kind=vllm engine.signals.entropy=true",
        r"vLLM reports no entropies or self-.*",
    ),
    (
        "sample out=p.sqlite engine.kind=vllm engine.check_every_tokens=0",
        r"engine\.check_every_tokens must be at least 1, got 0",
    ),
    ("sample out=p.sqlite engine.kind=openai", r"engine\.kind=openai needs engine\.openai\.urls, such as .*"),
    (
        "sample out=p.sqlite engine.kind=openai engine.openai.urls=[x]",
        r".*engine\.openai\.urls must be URLs such as .*",
    ),
    ("sample out=p.sqlite engine.dtype=int8", r"engine\.dtype must be one of float32, bfloat16, float16, got 'int8'"),
    ("sample out=p.sqlite engine.device=tpu", r"engine\.device must be one of auto, cpu, cuda, mps, got 'tpu'"),
    ("sample out=p.sqlite engine.max_batch_size=0", r"engine\.max_batch_size must be at least 1, .*"),
    ("sample out=p.sqlite engine.temperature=-1", r"temperature must be at least 0, got -1\.0"),
    ("sample out=p.sqlite engine.model=./no/such", r"engine\.model \./no/such: no such directory; give tiny, .*"),
    ("sample out=p.sqlite engine.model=a/b/c", r"engine\.model a/b/c: no such directory; give tiny, .*"),
    ("sample out=p.sqlite task.name=gsm", r"unknown task 'gsm': allowed are .*"),
    ("sample out=p.sqlite task.name=jsonl task.path=no.jsonl", r"no\.jsonl: no such file"),
    ("sample out=p.sqlite task.name=jsonl task.path=nogold.jsonl", r"nogold\.jsonl, line 1: has no gold answer; .*"),
    ("sample out=p.sqlite FAKE engine.signals.top=5", r"FakeEngine cannot record top-k confidences, which this .*"),
    ("sample out=other.db FAKE", r"other\.db: a SQLite file, but not a pool"),
    ("run out=p.sqlite FAKE strategies=[escc]", r"unknown strategy 'escc': allowed are .*; did you mean esc\?"),
    ("run out=p.sqlite FAKE strategies=[]", r"no strategy was named: .*"),
    ("run out=p.sqlite FAKE strategies=[cges]", r"strategy cges needs confidences, and there .*"),
    ("run out=p.sqlite FAKE strategies=[oracle]", r"strategy oracle is a control for .*"),
    (
        "run out=p.sqlite FAKE strategies=[pandora] scorer.name=watched",
        r"strategy pandora learns from other questions: give fit=POOL",
    ),
    ("run out=p.sqlite FAKE strategies=[deepconf_online]", r"FakeEngine cannot record top-k confidences, which .*"),
    ("run out=p.sqlite FAKE budget=0", r"budget must be at least 1, got 0"),
    ("run out=p.sqlite FAKE lookahead=-1", r"lookahead must be at least 0, got -1"),
    ("run out=p.sqlite FAKE scorer.name=nme", r"unknown scorer 'nme': allowed are constant, .*"),
    ("run out=p.sqlite FAKE scorer=mean", r".*key 'scorer' must be a mapping or null, got 'mean'"),
    (
        "run out=p.sqlite FAKE scorer.name=mean_logprob scorer.depth=3",
        r"unknown option of scorer mean_logprob 'depth': allowed are calibration, top, window",
    ),
    (
        "run out=p.sqlite FAKE scorer.name=deepconf_tail scorer.window=x",
        r"scorer deepconf_tail needs a whole number .*",
    ),
    ("run out=p.sqlite FAKE scorer.name=reward", r"scorer reward needs scorer\.path"),
    ("run out=p.sqlite FAKE scorer.name=deepconf_tail", r"scorer deepconf_tail\(window=32\) gives raw scores, and .*"),
    ("run out=p.sqlite FAKE scorer.name=self_consistency", r"scorer self_consistency judges samples by those drawn .*"),
    (
        "run out=p.sqlite FAKE scorer.name=mean_logprob scorer.calibration=no.json",
        r"no\.json: no such file",
    ),
    (
        "run out=p.sqlite FAKE calibrate=platt",
        r"calibrate=platt fits a map for a scorer on a pool: give scorer\.name .*",
    ),
    (
        "run out=p.sqlite engine.model=a/b scorer.name=watched",
        r"scorer watched reads the fake engine's own confidence: give .*",
    ),
    ("run out=p.sqlite FAKE calibrate=plat", r"unknown calibration 'plat': .*did you mean platt\?"),
    ("run out=p.sqlite FAKE scorer.name=watched calibrate=platt", r"calibrate=platt fits .*: give fit=POOL too"),
    ("run out=p.sqlite FAKE fit=no.sqlite", r"no\.sqlite: no such file"),
    ("run out=p.sqlite FAKE --json p.sqlite", r"cannot write p\.sqlite twice: give out=FILE and --json different .*"),
    ("run out=p.sqlite FAKE --json no/j.json", r"cannot write no/j\.json: the folder .* does not exist"),
    ("run out=p.sqlite FAKE margin=2", r"margin must be in \[0, 1\) as a fraction .*, got 2\.0"),
]


@pytest.mark.parametrize(("command", "sentence"), BAD, ids=[command for command, _ in BAD])
def test_bad_input_gets_one_sentence_and_leaves_no_pool(
    tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, sentence: str
) -> None:
    import sqlite3

    monkeypatch.chdir(tmp_path)
    (tmp_path / "nogold.jsonl").write_text('{"question": "?"}\n')
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE t (x)")
    other.close()
    ran = tts(*command.replace("FAKE", "engine.kind=fake task.n=2").split())
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(rf"tts: {sentence}\n", ran.err)
    assert not (tmp_path / "p.sqlite").exists()


def test_a_fit_pool_that_does_not_fit_is_one_sentence(tts: Tts, tmp_path: Path, calibration: Path) -> None:
    base = ("run", *FAKE, *TASK, f"fit={calibration}", f"out={tmp_path / 'p.sqlite'}", "scorer.name=watched")
    for changes, sentence in (
        (("budget=7", "strategies=[grace_es]"), r"has a question with 6 samples and the budget is 7: draw more"),
        (("scorer.name=p_true",), r"was scored by \{'name': 'watched'\} and this run uses \{'name': 'p_true'\}: draw"),
        (("scorer.name=entropy", "calibrate=platt"), r"cal\.sqlite: trace score entropy reads entropies and sample 0"),
        (
            ("engine.kind=transformers", "engine.model=a/b", "scorer.name=constant"),
            r"was drawn by fake and this run draws by a/b",
        ),
    ):
        ran = tts(*base, *changes)
        assert (ran.status, ran.out) == (2, "")
        assert re.search(sentence, ran.err)
        assert len(ran.err.splitlines()) == 1


def test_another_question_under_the_same_id_is_refused(tts: Tts, tmp_path: Path) -> None:
    path, file = tmp_path / "p.sqlite", tmp_path / "q.jsonl"
    command = ("sample", *FAKE, "task.name=jsonl", f"task.path={file}", "n=1", f"out={path}")
    for question, status in (("one ?", 0), ("two ?", 2)):
        file.write_text(json.dumps({"question": question, "gold": 5}) + "\n")
        ran = tts(*command)
        assert ran.status == status
    assert "question 'jsonl-test-0' is there already with another text" in ran.err


def test_a_pool_that_somebody_writes_is_refused_and_left_alone(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    with PoolStore.create_or_open(path) as store:
        store.add_problem(Problem("a", "?"))
        ran = tts("sample", *FAKE, "task.n=2", "n=1", f"out={path}")
        assert ran.status == 2
        assert "is being written by another process" in ran.err


@pytest.mark.parametrize("command", ["sample", "run"])
def test_the_help_explains(tts: Tts, command: str) -> None:
    ran = tts(command, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert "CONFIG... KEY=VALUE..." in ran.out


def test_collect_draws_and_decides_nothing() -> None:
    steps = CollectSamples(2).run(Problem("q", "?"))
    next(steps)
    steps.send([Sample("a")])
    with pytest.raises(StopIteration) as done:
        steps.send([Sample("b")])
    assert done.value.value.answer is None
    assert len(done.value.value.samples) == 2


# --- a real model ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows nothing, with the tokenizer of the stories and a context of 512 tokens."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tts.training.tiny.recipe import TinyRecipe
    from tts.training.tiny.tokenizer import build
    from tts.training.tiny.train import new_model

    folder, tokenizer = tmp_path_factory.mktemp("model"), build(300)
    new_model(TinyRecipe(width=64, layers=1), tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_model_draws_goes_on_and_is_known_by_its_files(tts: Tts, tmp_path: Path, model: Path) -> None:
    path, signals = tmp_path / "p.sqlite", "engine.signals={top: 20, entropy: true, certainty: true}"
    command = ("run", "task.n=3", "budget=4", f"engine.model={model}", "engine.max_tokens=24", signals, f"out={path}")
    names = "strategies=[self_consistency,deepconf_online,grace_sc]"
    ran = tts(*command, "scorer.name=mean_logprob", names, "engine.device=cpu")
    assert ran.status == 0
    assert drawn_now(ran) == (12, 12)
    assert "of 12 right" in ran.out
    assert drawn_now(tts(*command, "scorer.name=mean_logprob", names, "engine.max_batch_size=2")) == (12, 0)
    assert drawn_now(tts(*command, "strategies=[deepconf_online]")) == (12, 12)  # its warm-up is all of the budget
    with PoolStore.read(path) as store:
        revision = store.runs()[0].key.revision
        sample = store.get(1, "story-test-0", 0)
    assert re.fullmatch(r"[0-9a-f]{12}", revision)
    assert sample is not None
    assert (
        0 < len(sample.trace.top) == len(sample.trace.entropy) == len(sample.trace.certainty) == len(sample.token_ids)
    )
    (model / "added.json").write_text("{}")
    assert drawn_now(tts(*command, "scorer.name=mean_logprob")) == (12, 12)  # other files, another revision


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (("task.chat=true",), r"tts: .* has no chat template: set chat=false, or choose a chat model"),
        (
            ("task.shots=12",),
            r"tts: problem 'story-test-0' has a prompt of \d+ tokens and the model's context holds 512.*",
        ),
        (("engine.signals.top=100000",), r"tts: .*cannot record the 100000 most probable tokens.*"),
        (
            ("engine.signals.top=5", "strategies=[deepconf_offline]"),
            r"tts: engine\.signals\.top, the scorer and the .*",
        ),
    ],
)
def test_what_this_model_cannot_be_asked_is_one_sentence(
    tts: Tts, tmp_path: Path, model: Path, changes: tuple[str, ...], sentence: str
) -> None:
    ran = tts("run", "task.n=1", "budget=1", f"engine.model={model}", f"out={tmp_path / 'p.sqlite'}", *changes)
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(sentence, ran.err.splitlines()[-1])
