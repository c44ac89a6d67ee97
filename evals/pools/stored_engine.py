"""The engine of a recorded run, to read its samples with: what a stored configuration may decide, and what it may not.

A pool may come from anywhere. Its configuration names a model of a built-in kind and the sampling parameters; it loads
no plugin, reaches no server and passes no option of vLLM: these must be named again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.config import ScoreConfig
from tts.config.lists import Source, each_of
from tts.engines.config import EngineConfig
from tts.errors import InputError
from tts.pool import Run
from tts.prompts import Prompt, recorded_prompt

LOCAL = ("transformers", "vllm", "fake")
"""The kinds of engines that a stored configuration may name."""
KEYS = ("kind", "model", "revision", "dtype", "temperature", "top_p", "top_k", "max_tokens", "seed")
"""The keys of an engine that a stored configuration decides."""


@dataclass(frozen=True)
class RunEngine:
    """The engine that reads the samples of a run, before it is opened.

    Attributes:
        config: the configuration of ``tts score``, with the run's engine where none is named.
        run: the run.
        model: the name of the model that reads.
        revision: its revision.
        refusal: the sentence on why the engine cannot be opened; empty if it can.
    """

    config: ScoreConfig
    run: Run
    model: str
    revision: str
    refusal: str = ""

    @property
    def foreign(self) -> bool:
        """True if another model reads than the one that drew the samples."""
        return (self.model, self.revision) != (self.run.key.model, self.run.key.revision)

    @property
    def folder(self) -> Path | None:
        """The local directory of the model; None where there is none."""
        try:
            return None if self.refusal else self.config.engine.folder
        except InputError:
            return None

    @property
    def template(self) -> str:
        """The text around the question."""
        return self.run.key.prompt_template if self.config.template is None else self.config.template

    def opening(self) -> tuple[EngineConfig, Prompt]:
        """Return what opens the engine.

        Raises:
            InputError: the run names no engine that may be opened, its model has changed, or its prompt is not known.
        """
        if self.refusal:
            raise InputError(self.refusal)
        if self.config.engine.identity != (self.model, self.revision):
            raise InputError(
                f"the model {self.config.engine.model} is no longer the one that drew run {self.run.id}, {self.model}: "
                "name the model that is to read, model=NAME"
            )
        if "{question}" not in self.template:
            raise InputError(
                f"run {self.run.id} does not record its prompt: give template='...{{question}}...', that of its samples"
            )
        return self.config.engine, recorded_prompt(self.template)


def run_engine(run: Run, sources: Sequence[Source]) -> RunEngine:
    """Return the engine that reads the samples of a run.

    Args:
        run: the run.
        sources: the user's mappings of :class:`~evals.config.ScoreConfig`, each with the words for its place.

    Raises:
        InputError: an unknown key, or a value of the wrong type.
    """
    given: set[str] = set()
    for values, _ in sources:
        engine = values.get("engine")
        given |= {"kind"} if isinstance(engine, str) else set(engine or ())
    stored = run.config.get("engine")
    known = {key: stored[key] for key in KEYS if key in stored} if isinstance(stored, Mapping) else {}
    refusal, kind = "", known.get("kind")
    if not known and "model" not in given:
        refusal = f"run {run.id} names no engine to read its samples with: give model=NAME"
    elif kind is not None and kind not in LOCAL and "kind" not in given:
        known.pop("kind")
        again = "engine.openai.urls=[URL]" if kind == "openai" else "the model"
        refusal = (
            f"run {run.id} was drawn by engine.kind={kind}, which a stored configuration alone does not open: name it "
            f"again, engine.kind={kind} and {again}"
        )
    base: list[Source] = [({"engine": known}, f"the configuration of run {run.id}")] if known else []
    [config] = each_of(ScoreConfig, [*base, *sources], ())
    if config.scorer is None:
        raise InputError("tts score needs a scorer: give scorer=NAME, such as scorer=mean_logprob")
    model, revision = config.engine.identity if "model" in given else (run.key.model, run.key.revision)
    return RunEngine(config, run, model, revision, refusal)
