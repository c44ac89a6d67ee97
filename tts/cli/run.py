"""``tts run``: play strategies live over a task, all of them on the same samples."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tts.cli.app import app, console
from tts.cli.live import ConfigArguments, configured, kept, live, opened, pool_path


@app.command()
def run(
    configs: ConfigArguments = None,
    json: Annotated[Path | None, typer.Option(help="Write everything as JSON, every decision included.")] = None,
) -> None:
    """Play strategies live over a task, within a budget of samples a question.

    Every draw goes into a pool, and the strategies share them: all are compared on the same samples, and each sample
    is drawn once. A command that was interrupted, in whatever way, goes on where it was when it is given again.
    """
    from evals.live.live_config import RunConfig
    from evals.live.plan import plan
    from evals.live.runner import check_prompts, check_signals, open_memory, play, run_key
    from evals.report.comparison import to_json
    from evals.report.run import as_mapping, lines, print_lines, verdict
    from evals.tasks import load_task
    from tts.pool import PoolStore, atomic_path
    from tts.types import End

    config, files = configured(RunConfig, configs)
    path = pool_path(config.out, [json], [*files, config.fit, config.task.path, config.task.shots_path])
    task = load_task(config.task)
    model, revision = config.engine.identity
    todo = plan(config, task, model=model, revision=revision)
    with opened(config.engine, task.prompt) as engine:
        todo = todo.within(engine.capabilities)
        check_signals(engine, todo.signals)
        check_prompts(engine, task.problems)
        key = run_key(config.engine, task, todo.signals, todo.scorer, model=model, revision=revision)
        with PoolStore.create_or_open(path) as store:
            number, memory = open_memory(store, key, task, asdict(config))
            played = live(
                path, store, number, memory, lambda watch: play(config, todo, task, engine, memory, watch=watch)
            )
            total = next(r.samples for r in store.runs() if r.id == number)
    rows = lines(played, seed=config.engine.seed)
    if json is not None:
        described = {
            "task": {"name": task.name, "problems": len(task.problems), "prompt_template": task.template},
            "model": {"name": model, "revision": revision},
            "budget": config.budget,
            "pool": {"path": str(path), "run": number, "samples": total},
            "config": asdict(config),
        }
        with atomic_path(json) as temp:
            text = to_json(as_mapping(described, todo, played, rows))
            temp.write_text(text, encoding="utf-8", errors="backslashreplace")
    screen = console()
    screen.print(
        f"{task.name}: {len(task.problems)} questions; model {model}, budget {config.budget}, seed {config.engine.seed}"
        + (f", scorer {todo.scorer.name}" if todo.scorer is not None else ""),
        soft_wrap=True,
    )
    print_lines(screen, rows, todo)
    every = {  # partial samples apart: they had no answer yet
        (r.problem.id, s.index, s.given): (s, task.grade(r.problem, s))
        for p in played
        for r in p.results
        for s in r.decision.samples
        if s.end is not End.BOUNDARY
    }
    if (sentence := verdict(list(every.values()))) is not None:
        screen.print(sentence, style="yellow", soft_wrap=True)
    screen.print(kept(path, number, memory, total), soft_wrap=True)
    if json is not None:
        screen.print(f"wrote {json}", soft_wrap=True)
