"""The key of a live run, and the facts that a pool file stores about the run."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Literal, Self

from tts.errors import InputError
from tts.pool.check import text_fault
from tts.types import Signals

_NO_SIGNALS = Signals()
_RECORDED = ("tts-rerank", "vllm", "torch", "transformers")


@dataclass(frozen=True, slots=True)
class RunKey:
    """Everything that draws a sample and nothing else: samples of equal keys belong to one run.

    The question, the seed within ``sampling`` and the number of the draw then decide its tokens. The signals that were
    recorded, the reading of answers and the scorers are no part of it: they stand beside the samples.

    Attributes:
        model: the model's name, as the engine knows it; empty where a pool names none, or several.
        revision: the model's revision or commit.
        prompt_template: the template's text, or a name that stands for exactly one text.
        sampling: sampling parameters, JSON values only; compared as ``canonical_json``, so 1 and 1.0 are equal here.
    """

    model: str
    revision: str = ""
    prompt_template: str = ""
    sampling: Mapping[str, object] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, str, str, str]:
        """The key as four strings, the sampling parameters as canonical JSON.

        Raises:
            InputError: where a value cannot be kept.
        """
        columns = (self.model, self.revision, self.prompt_template, canonical_json(self.sampling))
        for name, text in zip(("model", "revision", "prompt_template", "sampling"), columns, strict=True):
            if fault := text_fault(text):
                raise InputError(f"run key: {name} {fault}")
        return columns

    @property
    def draws(self) -> Literal["whole", "truncated", "tree"]:
        """The kind of draws: "whole" ones, those that a strategy may have truncated, or those that one continued."""
        return "truncated" if "until" in self.sampling else "tree" if "tree" in self.sampling else "whole"

    @property
    def without_tree(self) -> Self:
        """The key of the whole samples that were drawn as the trees of a strategy were."""
        return replace(self, sampling={name: value for name, value in self.sampling.items() if name != "tree"})

    @classmethod
    def from_columns(cls, model: str, revision: str, prompt_template: str, sampling: str) -> Self:
        """The key that ``columns`` was taken of."""
        return cls(model, revision, prompt_template, json.loads(sampling))


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a pool file.

    Attributes:
        id: the number that names it within its file.
        key: what its samples have in common.
        config: the full configuration given when it was last opened.
        versions: the package versions it was last opened with, by package name.
        opened: when it was last opened, in UTC, ISO 8601.
        samples: how many samples it holds.
        signals: the signals that its draws record.
        reading: the rule by which its answers were read and graded; empty where it is not known.
        scorers: the labels of the scorers that have judged its samples, the latest one last.
        draws: numbers of failed and truncated draws when it was last opened; None where they were not counted.
    """

    id: int
    key: RunKey
    config: Mapping[str, object]
    versions: Mapping[str, str]
    opened: str
    samples: int
    signals: Signals = _NO_SIGNALS
    reading: str = ""
    scorers: tuple[str, ...] = ()
    draws: Mapping[str, object] | None = None


def canonical_json(value: Mapping[str, object]) -> str:
    """Write settings so that equal settings are equal text: sorted keys, no spaces, 1.0 as 1.

    Raises:
        InputError: for a value JSON does not have (NaN, infinities, objects), naming it.
    """
    return json.dumps(_plain(value, ""), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def plain_json(value: Mapping[str, object], name: str) -> str:
    """Write a configuration as JSON as it stands.

    Args:
        value: JSON values only.
        name: what it is, for the error's sentence.

    Raises:
        InputError: for a value JSON does not have.
    """
    try:
        return json.dumps(dict(value), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must hold JSON values only: {error}") from None


def versions(packages: Sequence[str] = _RECORDED) -> dict[str, str]:
    """Return the versions of Python and of those packages that are installed.

    Args:
        packages: their names; those that a run depends on by default.
    """
    installed = {package: found for package in packages if (found := _version(package)) is not None}
    return {"python": platform.python_version(), **installed}


@cache
def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _plain(value: object, key: str) -> object:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and abs(value) < float("inf"):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise InputError(f"sampling parameters must be named by strings, got {name!r}")
        return {name: _plain(item, f"{key}.{name}" if key else name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{key}[{i}]") for i, item in enumerate(value)]
    raise InputError(f"sampling parameter {key!r} must be a JSON value, got {value!r}")
