"""The plug-in for Inspect: the solver ``tts/solve``, the scorer ``tts/confidence`` and the metrics of its verdicts.

    inspect eval task.py --solver tts/solve -S strategy=cges -S budget=16 --model none
    inspect score log.eval --scorer tts/confidence

Written for inspect-ai 0.3.285, which finds this module by its entry point. Inspect names a plug-in by its module where
the package is installed, and by its distribution where the installation is editable; ours differ, so that the names are
given in full where Inspect would give none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from inspect_ai._util.package import get_installed_package_name
from inspect_ai.model import ChatMessageAssistant, ModelOutput, ModelUsage
from inspect_ai.model._model import model_usage_context_var, sample_model_usage_context_var, set_model_usage
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, accuracy, metric, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from tts.agent import solver as solvers
from tts.agent.answer import Answer
from tts.agent.opening import configured, open_parts
from tts.agent.verifier import Verifier
from tts.answers import Grader
from tts.types import Usage, mass_line

F = TypeVar("F", bound=Callable[..., Any])
NAMESPACE = "tts"


def _named(name: str) -> str:
    """Return the name to register, so that Inspect knows it as ``tts/NAME``."""
    return name if get_installed_package_name(_named) == NAMESPACE else f"{NAMESPACE}/{name}"


@solver(name=_named("solve"))
def solve(file: str | None = None, strategy: str | None = None, budget: int = 16, **settings: Any) -> Solver:
    """Answer each sample with as many draws of an own model as a strategy needs.

    Args:
        file: a YAML file with the keys of ``tts ask``; None takes the bundled GrACE model.
        strategy: a name of the catalogue; None takes that of the file, or the model's usual one.
        budget: the most draws.
        settings: other keys by name, such as ``model`` or ``time_limit_s``.
    """
    opened = solvers.Solver.open(file, strategy=strategy, budget=budget, **settings)

    async def run(state: TaskState, generate: Generate) -> TaskState:
        answer = await opened.asolve(state.input_text)
        text = answer.text or ""
        state.messages.append(ChatMessageAssistant(content=text, model=opened.parts.model, source="generate"))
        state.output = ModelOutput.from_content(opened.parts.model, text)
        state.output.usage = _recorded(opened.parts.model, answer.usage)
        state.metadata[NAMESPACE] = _facts(answer)
        state.completed = True
        return state

    return run


@metric(name=_named("coverage"))
def coverage() -> Metric:
    """Return the share of answers that are let through."""

    def share(scores: list[SampleScore]) -> float:
        return sum(_accepted(one) for one in scores) / max(1, len(scores))

    return share


@metric(name=_named("selective_accuracy"))
def selective_accuracy() -> Metric:
    """Return the share of right answers among those that are let through; NaN where none is."""

    def share(scores: list[SampleScore]) -> float:
        kept = [one.score.as_float() for one in scores if _accepted(one)]
        return sum(kept) / len(kept) if kept else float("nan")

    return share


@scorer(metrics=[accuracy(), selective_accuracy(), coverage()], name=_named("confidence"))
def confidence(file: str | None = None, draws: int | None = None, **settings: Any) -> Scorer:
    """Judge each answer by the verifier, and grade it by the target.

    The score is 1 for a right answer and 0 for a wrong one; its metadata has the verdict, whose ``accept`` the metrics
    read.

    Args:
        file: a YAML file with the keys of ``tts ask``; None takes the bundled GrACE model.
        draws: checks each answer by this many draws at most; None reads texts with their working.
        settings: other keys by name.
    """
    config, _ = configured("tts/confidence", file, None, None, settings)
    parts = open_parts(config)
    opened = Verifier.of(parts)
    grader = Grader("number")

    async def score(state: TaskState, target: Target) -> Score:
        verdict = await opened.ascore(state.input_text, state.output.completion, draws=draws)
        _recorded(parts.model, verdict.usage)
        right = bool(grader.grade(verdict.answer, tuple(target)))
        facts = {name: getattr(verdict, name) for name in ("p_correct", "score", "accept", "promise", "how", "reason")}
        return Score(value=float(right), answer=verdict.answer, explanation=str(verdict), metadata={NAMESPACE: facts})

    return score


def _accepted(one: SampleScore) -> bool:
    return bool(((one.score.metadata or {}).get(NAMESPACE) or {}).get("accept"))


def _facts(answer: Answer) -> Mapping[str, Any]:
    names = ("answer", "p_correct", "calibrated", "accept", "promise", "vote_share", "stopped_by", "strategy")
    return {**{name: getattr(answer, name) for name in names}, **mass_line(answer), "samples": len(answer.samples)}


def _recorded(model: str, usage: Usage) -> ModelUsage:
    """Return tokens as Inspect counts them, and add them to the log's."""
    found = ModelUsage(
        input_tokens=usage.prompt + usage.prompt_cached + usage.scorer_prefill,
        output_tokens=usage.generated,
        total_tokens=usage.total,
        input_tokens_cache_read=usage.prompt_cached,
    )
    for counts in (sample_model_usage_context_var, model_usage_context_var):
        set_model_usage(model, found, counts.get(None))
    return found
