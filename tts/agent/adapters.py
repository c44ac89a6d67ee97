"""The verifier as the final check of other agent frameworks, each imported only where its adapter is made.

Every adapter judges the final answer once, with its question, and no step before it. An answer that the promise does
not let through is turned down with the verdict's sentence; without a promise, one with a probability below ``least``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tts.agent.verdict import Verdict
from tts.agent.verifier import Verifier

LEAST = 0.5
"""The least P(correct) of an answer that is let through where no promise is loaded."""


def lets_through(verdict: Verdict, least: float = LEAST) -> bool:
    """Return whether an answer may be used: by the promise, else by its probability; an abstention may not.

    Args:
        verdict: on the answer.
        least: the least P(correct), or raw score where no calibration is loaded, in [0, 1].
    """
    if verdict.accept is not None:
        return verdict.accept and verdict.promise != "void"
    value = verdict.score if verdict.p_correct is None else verdict.p_correct
    return value is not None and value >= least


def openai_agents_guardrail(verifier: Verifier, *, least: float = LEAST) -> Any:
    """Return an output guardrail of openai-agents, which trips where an answer is not let through.

    The question is the last text of the run's input. Guardrails of the framework run after the answer; with a streamed
    run the text is out by then.

    Args:
        verifier: judges the answer.
        least: see :func:`lets_through`.

    Raises:
        ImportError: openai-agents is not installed.
    """
    from agents import GuardrailFunctionOutput, OutputGuardrail

    async def check(context: Any, agent: Any, output: Any) -> Any:
        verdict = await verifier.ascore(_last_text(context.turn_input), str(output))
        return GuardrailFunctionOutput(output_info=verdict, tripwire_triggered=not lets_through(verdict, least))

    return OutputGuardrail(guardrail_function=check, name="tts_verifier")


def pydantic_ai_validator(verifier: Verifier, *, least: float = LEAST) -> Callable[[Any, Any], Awaitable[Any]]:
    """Return an output validator of pydantic-ai, which asks the model again where an answer is not let through.

        agent.output_validator(pydantic_ai_validator(verifier))

    Args:
        verifier: judges the answer.
        least: see :func:`lets_through`.

    Raises:
        ImportError: pydantic-ai is not installed.
    """
    from pydantic_ai import ModelRetry

    async def validate(context: Any, output: Any) -> Any:
        if context.partial_output:  # of a streamed run, before the answer is whole
            return output
        verdict = await verifier.ascore(_last_text(context.prompt), str(output))
        if not lets_through(verdict, least):
            raise ModelRetry(f"The answer was not let through ({verdict}). Check the working and answer again.")
        return output

    return validate


def smolagents_check(verifier: Verifier, *, least: float = LEAST) -> Callable[..., bool]:
    """Return a check for ``final_answer_checks`` of smolagents, which raises where an answer is not let through.

    Args:
        verifier: judges the answer.
        least: see :func:`lets_through`.
    """

    def check_answer(answer: Any, memory: Any, agent: Any = None) -> bool:
        task = agent.task if agent is not None and getattr(agent, "task", None) else memory.steps[0].task
        verdict = verifier.score(str(task), str(answer))
        if not lets_through(verdict, least):
            raise ValueError(f"the answer was not let through ({verdict}): check the working and answer again")
        return True

    return check_answer


def langchain_runnable(verifier: Verifier) -> Any:
    """Return a LangChain runnable from {"question", "answer"} to a verdict, synchronous and asynchronous.

    Args:
        verifier: judges the answer.

    Raises:
        ImportError: langchain-core is not installed.
    """
    from langchain_core.runnables import RunnableLambda

    def judge(given: Any) -> Verdict:
        return verifier.score(given["question"], given["answer"])

    async def ajudge(given: Any) -> Verdict:
        return await verifier.ascore(given["question"], given["answer"])

    return RunnableLambda(judge, ajudge, name="tts_verifier")


def dspy_reward(
    verifier: Verifier, *, question: str = "question", answer: str = "answer"
) -> Callable[[dict[str, Any], Any], float]:
    """Return a reward function for ``dspy.BestOfN`` and ``dspy.Refine``: P(correct), the raw score, or 0 for neither.

    Args:
        verifier: judges the answer.
        question: the field of the inputs that holds the question.
        answer: the field of the prediction that holds the answer.
    """

    def reward(inputs: dict[str, Any], prediction: Any) -> float:
        verdict = verifier.score(str(inputs[question]), str(getattr(prediction, answer)))
        value = verdict.score if verdict.p_correct is None else verdict.p_correct
        return 0.0 if value is None else float(value)

    return reward


def _last_text(given: Any) -> str:
    """Return the last text of a prompt: of a text itself, or of the last message with a text."""
    if isinstance(given, str):
        return given
    for item in reversed(list(given or ())):
        content = item if isinstance(item, str) else item.get("content") if isinstance(item, dict) else None
        if isinstance(content, str) and content.strip():
            return content
        if isinstance(content, list):
            texts = [part.get("text", "") for part in content if isinstance(part, dict)]
            if joined := "".join(texts).strip():
                return joined
    return ""
