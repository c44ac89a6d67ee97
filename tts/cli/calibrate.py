"""``tts calibrate``: fit a calibration map on a pool and write it with its provenance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts.cli.app import app
from tts.cli.options import ForceOption, PoolArgument, RunOption
from tts.cli.verbosity import notify
from tts.errors import InputError
from tts.files import Output, check_outputs

if TYPE_CHECKING:
    from tts.pool import Pool
    from tts.scorers.calibration.calibration_file import Provenance


@app.command(
    examples=(
        "tts calibrate pool.sqlite score=mean_logprob out=map.json",
        "tts calibrate pool.sqlite score=stacked out=stacked.json",
    )
)
def calibrate(
    pool: PoolArgument,
    score: Annotated[str, typer.Option(help="Score to calibrate, such as mean_logprob or deepconf_tail; or stacked.")],
    out: Annotated[Path, typer.Option(help="Calibration file to write (JSON).")],
    map: Annotated[
        str | None, typer.Option(help="Kind of map: platt, isotonic, beta or temperature [default: platt].")
    ] = None,
    window: Annotated[int | None, typer.Option(help="Tokens in a group, for DeepConf scores [default: 32].")] = None,
    run: RunOption = None,
    force: ForceOption = False,
) -> None:
    """Fit a map from a score to the probability of being right.

    The map is fitted on all graded answers of the pool; use it with scorer.calibration=FILE. --score stacked fits the
    weights of several scores instead; use them with scorer.weights=FILE. Fit on questions that you do not evaluate on.
    The file records its model, scorer, prompt and kind of log-probabilities, and `tts run` refuses it for any other.
    """
    from evals.replay.rescore import STACKED, check_score, fit_weights, graded, rescored
    from tts.pool import load_pool
    from tts.scorers.calibration.calibration_file import save_calibration
    from tts.scorers.calibration.maps import fit_map
    from tts.scorers.stacking.stacked import save_stacked
    from tts.scorers.trace_scores import WINDOW, scorer_name

    check_score(score)
    window = WINDOW if window is None else window
    if window < 1:
        raise InputError(f"--window must be at least 1, got {window}")
    if score == STACKED and map is not None:
        raise InputError(
            f"--map {map} does not apply to --score {STACKED}, whose weights give probabilities: leave --map out"
        )
    check_outputs([Output(out, "JSON file")], [pool], command="tts calibrate", force=force)
    recorded = load_pool(pool, run=run, notify=notify)
    answers = graded(recorded)
    if not answers:
        raise InputError(
            f"{pool}: calibration needs graded answers and the pool has none: "
            "give its questions a gold answer, or grade its samples"
        )
    provenance = _provenance(pool, recorded, scorer_name(score, window))
    if score == STACKED:
        weights = fit_weights(recorded)
        save_stacked(out, weights, provenance)
        what = f"{STACKED} weights of {', '.join(weights.features)}"
    else:
        kind, scored = map or "platt", graded(rescored(recorded, score, window=window))
        pairs = [(s.confidence, y) for s, y in scored if s.confidence is not None]
        fitted = fit_map(kind, [c for c, _ in pairs], [y for _, y in pairs])
        save_calibration(out, fitted, provenance)
        what = f"{kind} map of {provenance.scorer}"
    right = sum(y for _, y in answers) / len(answers)
    print(
        f"wrote {out}: {what}, fitted on {len(answers)} answers of {recorded.questions} "
        f"questions, {100 * right:.1f} % of them right (model {provenance.model or 'not named'})"
    )


def _provenance(path: Path, pool: Pool, scorer: str) -> Provenance:
    """Return what produced the samples: the run's key of a SQLite pool, else the one model that its questions name."""
    from tts.pool import PoolStore
    from tts.pool.files import pool_format
    from tts.scorers.calibration.calibration_file import RAW, Provenance

    if pool_format(path) == "sqlite":
        with PoolStore.read(path) as store:
            key = next(run.key for run in store.runs() if run.id == pool.run)
        mode = str(key.sampling.get("logprob_mode", RAW))
        return Provenance(
            f"{key.model}@{key.revision}" if key.revision else key.model, scorer, key.prompt_template, mode
        )
    named = {entry.meta.get("model", "") for entry in pool.entries}
    if len(named) > 1:
        raise InputError(
            f"{path}: a calibration map holds for one model and the pool names {', '.join(sorted(map(repr, named)))}: "
            "split it by model"
        )
    return Provenance(named.pop(), scorer)
