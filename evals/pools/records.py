"""Samples as a file has them, before its questions are joined and its answers read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from evals.tasks.choices import Choices
from tts.errors import InputError
from tts.types import End, Sample, Trace, Usage

OPTIONS = ("question", "text", "gold", "answer", "correct", "logprobs", "tokens", "id", "confidence", "model")
"""The parts of a record that an option names a field for."""
NO_TRACE = Trace()
_Item = TypeVar("_Item")
_SHOWN_KEYS = 8


@dataclass(slots=True)
class Record:
    """One question of a file with some of its samples, or with none.

    Attributes:
        where: the file and line, which opens sentences about it.
        question: the question; empty where the file has it under an id only.
        golds: the right answers as they stand in the file.
        id: the file's own id of the question, or None.
        choices: the options of a multiple-choice question, or None.
        samples: the samples; their indices do not count.
        correct: the file's grade of each sample, or None.
        answered: whether the answers of the samples are the file's own, so that texts are not read.
        model: the model that drew the samples; empty where the file does not say.
        prompted: whether ``question`` is a whole prompt, in which a question stands.
    """

    where: str
    question: str = ""
    golds: tuple[Any, ...] = ()
    id: str | None = None
    choices: Choices | None = None
    samples: list[Sample] = field(default_factory=list)
    correct: list[bool | None] = field(default_factory=list)
    answered: bool = False
    model: str = ""
    prompted: bool = False

    def add(self, sample: Sample, correct: bool | None = None) -> None:
        """Add a sample with its grade."""
        self.samples.append(sample)
        self.correct.append(correct)


class Anew(Generic[_Item]):
    """Items that are made anew, such as read from a file, each time that they are iterated."""

    def __init__(self, make: Callable[[], Iterator[_Item]]) -> None:
        """Take the function that yields them."""
        self._make = make

    def __iter__(self) -> Iterator[_Item]:
        """Yield the items."""
        return self._make()


@dataclass(slots=True)
class Source:
    """A file, read.

    Attributes:
        path: the file or data set.
        format: the name of its format.
        records: its questions with their samples, which can be iterated several times.
        task: the name of the task; empty where the file does not say.
        fields: the fields that were taken, by the part that they hold; empty for the formats of tools.
        notes: sentences about the file.
        rows: the number of records; 0 until the file was joined with others.
        samples: the number of samples; 0 until the file was joined with others.
        models: the models that the records name.
    """

    path: str
    format: str
    records: Iterable[Record]
    task: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    rows: int = 0
    samples: int = 0
    models: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fields:
    """The names of fields that a user gives, each a path such as "doc.question"; empty for none.

    Attributes:
        names: the name by the part that it holds, a key of :data:`OPTIONS`.
    """

    names: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return True if a field is named."""
        return bool(self.names)


def plain_id(value: Any, where: str) -> str | None:
    """Return an id as text; None for none.

    Raises:
        InputError: it is neither text nor a whole number.
    """
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError(f"{where}: an id must be text or a whole number, got {value!r:.60}")
    return str(value)


def plain_text(value: Any) -> str | None:
    """Return the text of a reply or a question; None where it has none.

    Args:
        value: a text, a message {"role", "content"}, a list of messages (the last one counts), or a list of parts
            {"type": "text", "text"}.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        for key in ("content", "text", "message", "prompt"):
            if value.get(key) is not None:
                return plain_text(value[key])
        return None
    if isinstance(value, Sequence) and value and all(isinstance(one, Mapping) for one in value):
        messages = [one for one in value if "role" in one]
        if messages:
            asked = [one for one in messages if str(one["role"]).lower() in ("user", "human")]
            return plain_text((asked or messages)[-1])
        parts = [one["text"] for one in value if isinstance(one.get("text"), str)]
        return "".join(parts) if parts else None
    return None


def grade(value: Any, where: str, name: str) -> bool | None:
    """Return a grade: true or false, a share of at least one half, or a tool's letter for right and wrong.

    Raises:
        InputError: it is none of these.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value >= 0.5
    known = {"true": True, "false": False, "c": True, "i": False, "p": False, "n": False, "1": True, "0": False}
    found = known.get(str(value).strip().lower())
    if found is None:
        raise InputError(f"{where}: {name} must be true or false, got {value!r:.60}")
    return found


def numbers(values: Any, where: str, name: str) -> tuple[float, ...]:
    """Return log-probabilities; an unknown one makes all of them unknown.

    Raises:
        InputError: they are no list of numbers.
    """
    if values is None or (isinstance(values, list) and None in values):
        return ()
    try:
        if isinstance(values, list | tuple):
            return tuple(map(float, values))
        raise TypeError
    except (TypeError, ValueError):
        raise InputError(f"{where}: {name} must be a list of numbers, got {values!r:.60}") from None


def drawn(
    text: str,
    *,
    end: End = End.STOP,
    logprobs: tuple[float, ...] = (),
    token_ids: tuple[int, ...] = (),
    tokens: int | None = None,
    prompt: int = 0,
    cached: int = 0,
    answer: str | None = None,
    confidence: float | None = None,
    reasoning: str | None = None,
) -> Sample:
    """Return a sample of a tool.

    Args:
        text: the reply.
        end: why it ended.
        logprobs: the log-probability of each token.
        token_ids: the tokens.
        tokens: the number of tokens; None counts those that are there.
        prompt: the tokens of the prompt that were computed.
        cached: the tokens of the prompt that came from a cache.
        answer: the answer that the file has.
        confidence: the confidence that the file has.
        reasoning: the reasoning, where it is kept apart.
    """
    count = tokens if tokens is not None else len(token_ids) or len(logprobs)
    usage = Usage(prompt, cached, count) if count or prompt else None
    trace = Trace(logprobs) if logprobs else NO_TRACE
    return Sample(text, answer, end, confidence, 0, token_ids, trace, usage, reasoning=reasoning)


def ended(reason: Any) -> End:
    """Return the end of a sample from a tool's word for it."""
    return End.LENGTH if str(reason).lower() in ("length", "max_tokens", "model_length") else End.STOP


def held(row: Mapping[str, Any]) -> str:
    """Return the keys of a row, for sentences."""
    keys = [str(key) for key in row]
    more = f" and {len(keys) - _SHOWN_KEYS} more" if len(keys) > _SHOWN_KEYS else ""
    return ", ".join(keys[:_SHOWN_KEYS]) + more
