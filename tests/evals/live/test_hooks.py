"""Hooks of a live run: the defaults show nothing and run coroutines to their end."""

from __future__ import annotations

from evals.live.hooks import SILENT, Hooks, Silent


def test_the_defaults_show_nothing_and_return_the_result() -> None:
    async def four() -> int:
        return 4

    assert SILENT.execute(four()) == 4
    SILENT.notify("a sentence")
    with SILENT.progress(lambda: 0) as listener:
        listener.start("esc", 2)
        listener.advance(1.0)
        listener.refresh()
        listener.finish()


def test_a_caller_brings_its_own() -> None:
    sentences: list[str] = []
    hooks = Hooks(notify=sentences.append)
    hooks.notify("loading tiny")
    assert sentences == ["loading tiny"]
    assert isinstance(hooks.progress(lambda: 0).__enter__(), Silent)
