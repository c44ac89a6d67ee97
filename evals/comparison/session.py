"""A comparison from a pool and a configuration to rows, curves and frontiers: one path for every caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evals.comparison.curves import Curve, curves
from evals.comparison.frontier import Frontier, frontiers
from evals.comparison.paired import Comparison
from evals.comparison.settings import Settings
from evals.comparison.speed import fit_speed
from evals.comparison.table import ComparisonRow, table
from evals.comparison.table import compare as play
from evals.config import CompareConfig
from evals.methods import check_scale, methods
from evals.replay.arrays import PoolArrays
from evals.replay.kinds import auto_kind
from evals.replay.rescore import check_score, rescored
from evals.replay.traces import recorded_source
from evals.tasks.equality import open_equality
from strategies.method import Method
from tts.answers.meaning.equality import Equality
from tts.pool import Pool
from tts.scorers.consistency.scores import CONSISTENCY_SCORES
from tts.scorers.judges.equality import JudgedEquality


@dataclass(frozen=True)
class ComparisonOutcome:
    """The outcome of :func:`compare_pool`.

    Attributes:
        pool: the pool, described: path, sha256, sizes, kind of answers, score.
        settings: budget, replay and bootstrap.
        rows: one a strategy, in the order asked for.
        curves: exact estimators of the whole pool.
        frontiers: sweeps, or None without them.
        skipped: the strategies of "all" that the pool cannot serve, with the reason.
    """

    pool: Mapping[str, Any]
    settings: Settings
    rows: Sequence[ComparisonRow]
    curves: Mapping[str, Curve]
    frontiers: Sequence[Frontier] | None
    skipped: Mapping[str, str]

    @property
    def questions(self) -> int:
        """The number of questions."""
        return int(self.pool["questions"])


def compare_pool(
    pool: Pool,
    config: CompareConfig,
    *,
    notify: Callable[[str], None] = lambda _: None,
    decided: Sequence[int] | None = None,
) -> ComparisonOutcome:
    """Replay the configured strategies on a pool and compare each with self-consistency at the full budget.

    Args:
        pool: the recorded samples.
        config: strategies, budget, replay and bootstrap.
        notify: receives a sentence about signals that a strategy does without.
        decided: the places of the questions whose decisions are kept, with ``config.decisions``; None keeps all.

    Raises:
        InputError: an unknown name, or a pool that cannot serve what was asked for.
    """
    settings = Settings(
        budget=pool.samples_min if config.budget is None else config.budget,
        permutations=config.permutations,
        seed=config.seed,
        calibrate=config.calibrate,
        margin=config.margin,
        replicates=config.replicates,
        price=config.price,
        speed=fit_speed(pool, config.in_flight),
        decisions=config.decisions,
        decided=None if decided is None else tuple(decided),
    )
    if config.score is not None:
        check_score(config.score, pool)
    equality = open_equality(config.equal, config.answers, key="equal")
    if isinstance(equality, JudgedEquality):
        asked = [(entry.problem, [s.answer for s in entry.samples]) for entry in pool.narrow().entries]
        equality.compare_all(asked, graded=pool.facts.graded < pool.facts.samples)
    pool = with_asked_score(pool, config, equality)
    arrays = PoolArrays.of(pool, answers=config.answers, equality=equality)
    chosen, skipped = methods(config.strategies, recorded_source(pool), window=config.window, notify=notify)
    if config.score is not None:
        check_scale(config.score, config.calibrate, chosen)
        _tell_of_others(config.score, pool, settings.budget, chosen, notify)
    if config.tune:
        comparison = Comparison.of(arrays, settings, chosen, fitted=True)
        rows, swept = table(comparison, chosen), frontiers(comparison, chosen)
    else:
        rows, swept = play(arrays, chosen, settings), None
    described = {
        "path": pool.path,
        "sha256": pool.sha256,
        "questions": arrays.questions,
        "samples_min": pool.samples_min,
        "samples_max": pool.samples_max,
        "answers": config.answers,
        **({"equal": config.equal} if config.equal["name"] != "auto" else {}),
        **({"comparisons": equality.report} if equality is not None and equality.report else {}),
        **({"auto": asdict(auto_kind(pool))} if config.answers == "auto" else {}),
        "score": config.score,
        "merged": arrays.tiers,
        "grade_conflicts": arrays.conflicts,
    }
    return ComparisonOutcome(
        described, settings, rows, curves(arrays, settings.budget, seed=settings.seed), swept, skipped
    )


def with_asked_score(pool: Pool, config: CompareConfig, equality: Equality | None) -> Pool:
    """Return the pool with the confidences that a configuration asks for; those recorded where it names no score.

    Raises:
        InputError: as :func:`evals.replay.rescore.rescored`.
    """
    if config.score is None:
        return pool
    return rescored(
        pool,
        config.score,
        probability=config.calibrate is None,
        window=config.window,
        answers=config.answers,
        equality=equality,
        seed=config.seed,
    )


def _tell_of_others(
    score: str, pool: Pool, budget: int, chosen: Sequence[Method], notify: Callable[[str], None]
) -> None:
    """Say that a score reads samples which a strategy has not drawn."""
    if score not in CONSISTENCY_SCORES:
        return
    reading = [row for row in chosen if row.requires.confidence]
    if any(row.requires.sequential or budget < pool.samples_max for row in reading):
        notify(
            f"score {score} compares all recorded samples of a question, those that a strategy has not drawn among "
            "them; a live run compares the samples that are drawn together"
        )
