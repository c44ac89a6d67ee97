"""The schemas of configurations; YAML in ``configs/`` and ``key=value`` overrides fill them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_args

from evals.tasks import TaskConfig
from evals.tasks.equality import check_equality, equality_named
from tts.answers.canonical import KINDS
from tts.config.keys import FROM_TEXT
from tts.engines.config import EngineConfig
from tts.errors import InputError, unknown_name
from tts.scorers.calibration.maps import MapKind
from tts.scorers.trace_scores import WINDOW

MAX_RESAMPLES = 1_000_000
"""The most permutations and replicates; more would only cost memory."""


def component(name: str) -> dict[str, str]:
    """Return the mapping that the name of a component alone means."""
    return {"name": name}


@dataclass
class PriceConfig:
    """Prices of a million tokens, in any currency.

    Attributes:
        prompt: of prompt tokens that are computed, and of those that a scorer reads.
        cached: of prompt tokens that come from a cache.
        generated: of generated tokens, aborted ones and those of scorers included.
    """

    prompt: float = 0.0
    cached: float = 0.0
    generated: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a price that is no amount of money."""
        for key in ("prompt", "cached", "generated"):
            if not 0.0 <= getattr(self, key) < float("inf"):
                raise InputError(f"price.{key} must be at least 0, got {getattr(self, key)}")

    @property
    def given(self) -> bool:
        """True if any price is above 0."""
        return max(self.prompt, self.cached, self.generated) > 0


@dataclass
class CompareConfig:
    """The configuration of ``tts compare``.

    Attributes:
        budget: the most samples per question; null takes as many as every question has.
        permutations: random orders per question, the same for all strategies.
        seed: decides orders, halves and bootstrap, >= 0.
        strategies: names of the catalogue, "all", or composed strategies {name, weighting, stop, select, prune,
            budget}; those with beams can only be played live.
        answers: kind of answer: auto, number, choice, math or text.
        equal: the equality of answers: exact (the canonical text), math (math-verify), entailment (with equal.model),
            judge (with equal.engine, a second model; also rubric, attempts, chat); auto takes math for answers=math,
            exact for others.
        score: the score to use as confidence: the label of recorded scores, confidence (recorded with the samples),
            mean_logprob, deepconf_tail, ..., semantic_entropy, frequency; null takes the recorded confidence or the
            latest scorer's.
        window: tokens in a group, for the scores and strategies of DeepConf.
        calibrate: platt, isotonic, beta or temperature, cross-fitted; null uses confidences as they are.
        tune: whether to sweep every rule's threshold.
        margin: accuracy given away that still counts as not inferior, as a fraction.
        replicates: bootstrap replicates.
        price: prices of tokens, for the cost of each strategy; without them the cost is in tokens.
        in_flight: the rows in flight for which each strategy has its seconds, >= 1; null takes the mean of the
            pool. Only pools that record times have seconds.
        decisions: whether the JSON has each strategy's decision on each question, in recorded order of the samples.
    """

    budget: int | None = None
    permutations: int = 200
    seed: int = 0
    strategies: list[Any] = field(default_factory=lambda: ["all"])
    answers: str = "auto"
    equal: dict[str, Any] = field(default_factory=lambda: equality_named("auto"), metadata={FROM_TEXT: equality_named})
    score: str | None = None
    window: int = WINDOW
    calibrate: str | None = None
    tune: bool = False
    margin: float = 0.005
    replicates: int = 10_000
    price: PriceConfig = field(default_factory=PriceConfig)
    in_flight: float | None = None
    decisions: bool = False

    def __post_init__(self) -> None:
        """Refuse unusable settings before any work is done."""
        if self.answers not in KINDS:
            raise unknown_name("kind of answers", self.answers, KINDS)
        check_equality(self.equal, key="equal", kind=self.answers)
        if self.calibrate is not None and self.calibrate not in get_args(MapKind):
            raise unknown_name("calibration", self.calibrate, get_args(MapKind))
        if self.seed < 0:
            raise InputError(f"seed must be at least 0, got {self.seed}")
        for key in ("permutations", "replicates", "window"):
            if not 1 <= getattr(self, key) <= MAX_RESAMPLES:
                raise InputError(f"{key} must be from 1 to {MAX_RESAMPLES}, got {getattr(self, key)}")


@dataclass
class DecideConfig:
    """The configuration of ``tts decide``.

    Attributes:
        strategy: a name of the catalogue, or a composed strategy {name, weighting, stop, select, prune}.
        budget: the most samples per question; null takes all of each question.
        score: the score to use as confidence: the label of recorded scores, confidence (recorded with the samples),
            mean_logprob, deepconf_tail, ..., semantic_entropy, frequency; null takes the recorded confidence or the
            latest scorer's.
        calibration: a file of ``tts calibrate`` that maps the score to probabilities; null maps nothing.
        answers: kind of answer: auto, number, choice, math or text; auto takes that by which the run read its replies.
        equal: the equality of answers, as for ``tts compare``.
        window: tokens in a group, for the scores and strategies of DeepConf.
    """

    strategy: Any = "self_consistency"
    budget: int | None = None
    score: str | None = None
    calibration: str | None = None
    answers: str = "auto"
    equal: dict[str, Any] = field(default_factory=lambda: equality_named("auto"), metadata={FROM_TEXT: equality_named})
    window: int = WINDOW

    def __post_init__(self) -> None:
        """Refuse unusable settings before any work is done."""
        if self.answers not in KINDS:
            raise unknown_name("kind of answers", self.answers, KINDS)
        check_equality(self.equal, key="equal", kind=self.answers)
        for key in ("budget", "window"):
            if getattr(self, key) is not None and getattr(self, key) < 1:
                raise InputError(f"{key} must be at least 1, got {getattr(self, key)}")


@dataclass
class SampleConfig:
    """The configuration of ``tts sample``.

    Attributes:
        task: the problems.
        engine: the model.
        samples: samples per problem, >= 1.
        read_truncated: whether samples that reached engine.max_tokens give an answer.
        out: the pool to write, .sqlite, .db or .pool; null takes a dated file under ``runs/``.
    """

    task: TaskConfig = field(default_factory=TaskConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    samples: int = 8
    read_truncated: bool = False
    out: str | None = None

    def __post_init__(self) -> None:
        """Refuse to draw nothing."""
        if self.samples < 1:
            raise InputError(f"samples must be at least 1, got {self.samples}")


@dataclass
class RunConfig:
    """The configuration of ``tts run``.

    Attributes:
        task: the problems; a list of names, files or mappings is one table with the macro-average over tasks.
        engine: the model; engine.model may be a list.
        strategies: names of the catalogue, "all", or composed ones: votes {name, weighting, stop, select, prune,
            budget}, or beams {name, beams, weighting, stop, budget}; each may name its own ``scorer`` and ``model``,
            and draws samples of its own then.
        budget: the most samples per question, >= 1.
        scorer: a scorer's name, or {name, calibration, ...} with its options; null if no strategy needs confidences.
        fit: a pool of other problems to fit swept and learned parameters on; null takes the defaults.
        fit_run: the run of that pool, if it holds several.
        calibrate: platt, isotonic, beta or temperature: fit a map for the scorer on the fit pool; null fits none.
        margin: accuracy given away while fitting that still counts as equal, as a fraction.
        window: tokens in a group, for the strategies of DeepConf.
        lookahead: draws per question that start before the strategy asks for them; 0 wastes no token.
        min_in_flight: draws to keep in flight; if fewer questions are left, each looks further ahead: a run ends
            sooner and wastes some tokens. 0 turns it off.
        concurrency: questions in flight; null takes as many as fill a batch.
        read_truncated: whether samples that reached engine.max_tokens give an answer.
        out: the pool to write, .sqlite, .db or .pool; null takes a dated file under ``runs/``.
    """

    task: TaskConfig = field(default_factory=TaskConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    strategies: list[Any] = field(
        default_factory=lambda: ["first_sample", "self_consistency", "adaptive_consistency", "esc"]
    )
    budget: int = 8
    scorer: dict[str, Any] | None = field(default=None, metadata={FROM_TEXT: component})
    fit: str | None = None
    fit_run: int | None = None
    calibrate: str | None = None
    margin: float = 0.005
    window: int = WINDOW
    lookahead: int = 0
    min_in_flight: int = 0
    concurrency: int | None = None
    read_truncated: bool = False
    out: str | None = None

    def __post_init__(self) -> None:
        """Refuse unusable settings before any work is done."""
        for key, least in (("budget", 1), ("window", 1), ("lookahead", 0), ("min_in_flight", 0), ("concurrency", 1)):
            value = getattr(self, key)
            if value is not None and value < least:
                raise InputError(f"{key} must be at least {least}, got {value}")
        if not 0.0 <= self.margin < 1.0:
            raise InputError(f"margin must be in [0, 1) as a fraction (0.005 is half a point), got {self.margin}")
        if self.calibrate is None:
            return
        if self.calibrate not in get_args(MapKind):
            raise unknown_name("calibration", self.calibrate, get_args(MapKind))
        if self.scorer is None or self.fit is None:
            raise InputError(
                f"calibrate={self.calibrate} fits a map for a scorer on a pool: "
                f"give {'scorer.name' if self.scorer is None else 'fit=POOL'} too"
            )
        if self.scorer.get("calibration") is not None:
            raise InputError("scorer.calibration and calibrate were both given: one map is enough, leave one out")


@dataclass
class ScoreConfig:
    """The configuration of ``tts score``.

    Attributes:
        scorer: a scorer's name, or {name, ...} with its options.
        engine: the model that reads; keys that are not given are those of the run that drew the samples.
        template: the text around {question}; null takes the prompt of the run.
        raw: whether to keep the scorer's raw scores where it has such, such as a mean log-probability or a logit,
            instead of probabilities.
    """

    scorer: dict[str, Any] | None = field(default=None, metadata={FROM_TEXT: component})
    engine: EngineConfig = field(default_factory=EngineConfig)
    template: str | None = None
    raw: bool = False
