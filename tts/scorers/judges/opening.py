"""Judges from a configuration: any engine with its own keys, such as another model behind a server, and a rubric."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from tts.config import from_mapping
from tts.engines.config import EngineConfig, open_engine
from tts.engines.kinds import LiveEngine
from tts.errors import PromptFormError
from tts.files import read_bytes
from tts.prompts import Prompt
from tts.scorers.judges.pairwise import BETTER, OPPONENTS, PairwiseJudge
from tts.scorers.judges.pointwise import RUBRIC, Judge

DEFAULTS: Mapping[str, object] = {"temperature": 0.0, "max_tokens": 512}
"""Keys of the judge's engine that differ from an engine's own defaults."""


def open_judge_engine(
    engine: Mapping[str, Any], *, rubric: str | None, usual: str, chat: bool | None, section: str
) -> tuple[LiveEngine, str, Mapping[str, object]]:
    """Open the engine of a judge; its prompt is what it is asked, alone.

    Args:
        engine: the configuration of the engine; see :data:`DEFAULTS`.
        rubric: a file with the judge's prompt; None takes ``usual``.
        usual: the prompt without a file.
        chat: whether to ask in chat messages; None does for servers.
        section: the configuration key that holds ``engine``, such as "scorer".

    Returns:
        The engine, the prompt, and everything that decides the judge's replies.

    Raises:
        InputError: an unknown key, a rubric that cannot be read, or an engine that cannot be opened.
    """
    config = from_mapping(EngineConfig, {**DEFAULTS, **engine}, f"{section}.engine")
    text = usual if rubric is None else read_bytes(Path(rubric)).decode("utf-8-sig", errors="replace")
    asks_in_chat = config.kind == "openai" if chat is None else chat
    try:
        opened = open_engine(config, Prompt(template="{question}", chat=asks_in_chat), _ignore)
    except PromptFormError as error:
        if chat is not None:
            raise
        asks_in_chat = error.chat
        opened = open_engine(config, Prompt(template="{question}", chat=asks_in_chat), _ignore)
    name, revision = config.identity
    key = {"engine": {"model": name, "revision": revision, **config.key}, "rubric": text, "chat": asks_in_chat}
    return opened, text, key


def open_judge(
    *,
    engine: Mapping[str, Any],
    mode: Literal["pointwise", "pairwise"] = "pointwise",
    rubric: str | None = None,
    attempts: int = 2,
    opponents: int | None = OPPONENTS,
    chat: bool | None = None,
) -> Judge | PairwiseJudge:
    """Build the scorer from a configuration; the judge's engine is opened at once and closed with the scorer.

    Args:
        engine: the judge's own engine, as the configuration key ``engine``, such as {kind: openai, model: NAME, openai:
            {urls: [URL]}}; its temperature is 0 and its max_tokens 512 by default.
        mode: "pointwise" asks about each sample alone, "pairwise" compares the answers of a question.
        rubric: a file with the judge's prompt; None takes one that asks for a line "Score: N", or "Better: first".
        attempts: how often a sample or pair is judged until a reply can be read, >= 1.
        opponents: pairwise: the most other answers that each answer is compared with; None compares all pairs.
        chat: whether to ask in chat messages; None does for servers.

    Raises:
        InputError: an unknown key, a rubric that cannot be read, or an engine that cannot be opened.
    """
    usual = RUBRIC if mode == "pointwise" else BETTER
    opened, text, key = open_judge_engine(engine, rubric=rubric, usual=usual, chat=chat, section="scorer")
    judge: Judge | PairwiseJudge
    if mode == "pointwise":
        judge = Judge(opened, rubric=text, attempts=attempts, key=key)
    else:
        key = {**key, "mode": mode, "opponents": opponents}
        judge = PairwiseJudge(opened, rubric=text, attempts=attempts, opponents=opponents, key=key)
    weakref.finalize(judge, opened.close)
    return judge


def _ignore(_: str) -> None:
    return None
