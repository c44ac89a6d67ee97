"""Equality of answers from a configuration: a name, or {name, option}, for recorded and for live samples alike.

equal={name: entailment, model: DIR}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import cache
from importlib.util import find_spec
from typing import Any

from tts.answers import MathVerifier
from tts.answers.meaning.equality import Equality, Pairwise
from tts.components import read_options
from tts.errors import InputError, UnsupportedError, unknown_name

NAMES = ("auto", "exact", "math", "entailment", "judge")
"""The equalities, in the order in which every message lists them."""
KINDS: Mapping[str, str] = {"math": "math", "entailment": "text", "judge": "text"}
"""The kind of answers that an equality compares; others compare any kind."""


def equality_named(name: str) -> dict[str, str]:
    """Return the mapping that the name of an equality alone means."""
    return {"name": name}


def check_equality(spec: Mapping[str, Any], *, key: str, kind: str | None = None) -> None:
    """Refuse an unknown equality, and one that does not compare answers of a kind.

    Args:
        spec: {name, option}.
        key: the configuration key that holds it, such as "task.equal".
        kind: the kind of answers; None where it is not known yet.

    Raises:
        InputError: naming the equality.
    """
    name = spec.get("name")
    if name not in NAMES:
        raise unknown_name(f"equality in {key}", name, NAMES)
    wanted = KINDS.get(name)
    if wanted is not None and kind is not None and kind != wanted:
        answers = key.replace("equal", "answers")
        raise InputError(f"{key}={name} compares answers of the kind {wanted}: give {answers}={wanted}, got {kind}")
    if name == "entailment" and not isinstance(spec.get("model"), str):
        raise InputError(f"{key}=entailment needs {key}.model=NAME, an NLI model's name or directory")
    if name == "judge" and not isinstance(spec.get("engine"), Mapping):
        raise InputError(
            f"{key}=judge needs {key}.engine, such as {key}.engine.kind=openai and {key}.engine.model=NAME"
        )


def open_equality(spec: Mapping[str, Any], kind: str, *, key: str, required: bool = True) -> Equality | None:
    """Return the equality of a configuration; None where canonical texts decide.

    Args:
        spec: {name, option}; "auto" is "math" for mathematical answers and "exact" for all others.
        kind: the kind of answers.
        key: the configuration key that holds ``spec``.
        required: whether "auto" needs math-verify for mathematical answers; False compares texts without it.

    Raises:
        InputError: an unknown equality or option, another kind of answers, or a model that cannot be opened.
        UnsupportedError: a package that is not installed.
    """
    check_equality(spec, key=key, kind=kind)
    options = {option: value for option, value in spec.items() if option != "name"}
    name = spec["name"]
    if name == "auto":
        name = "math" if kind == "math" else "exact"
    build = _BUILDERS[name]
    arguments = read_options(f"equality {name}", build, options, section=key)
    try:
        return build(**arguments)
    except UnsupportedError:
        if required or spec["name"] != "auto":
            raise
        return None


def _exact() -> Equality | None:
    return None


@cache
def _math() -> Equality | None:
    """Return the equality of math-verify, whose process starts when it is first asked."""
    return Pairwise("math", MathVerifier().equal)


def _entailment(model: str) -> Equality | None:
    from tts.answers.meaning.entailment import Entailment
    from tts.models.loading import quiet

    with quiet() if find_spec("transformers") else nullcontext():  # without it, Entailment tells what to install
        return Pairwise("text", Entailment(model).equal)


def _judge(
    *, engine: dict[str, Any], rubric: str | None = None, attempts: int = 2, chat: bool | None = None
) -> Equality | None:
    from tts.scorers.judges.equality import open_judged_equality

    return open_judged_equality(engine=engine, rubric=rubric, attempts=attempts, chat=chat)


_BUILDERS: Mapping[str, Callable[..., Equality | None]] = {
    "exact": _exact,
    "math": _math,
    "entailment": _entailment,
    "judge": _judge,
}
