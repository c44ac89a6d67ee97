"""``tts calibrate``: fit a calibration map on a pool and write it with its provenance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts.cli.app import app
from tts.cli.options import ForceOption, PoolArgument, RunOption
from tts.cli.verbosity import notify
from tts.errors import InputError
from tts.files import Output, check_outputs


@app.command(
    examples=(
        "tts calibrate pool.sqlite score=mean_logprob out=map.json",
        "tts calibrate pool.sqlite score=reward map=isotonic out=reward.json",
    )
)
def calibrate(
    pool: PoolArgument,
    score: Annotated[
        str,
        typer.Option(
            help="Score to calibrate: mean_logprob, deepconf_tail, ..., the label of a scorer's recorded scores, "
            "confidence (recorded with the samples), or stacked."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Calibration file to write (JSON).")],
    map: Annotated[
        str | None, typer.Option(help="Kind of map: platt, isotonic, beta or temperature [default: platt].")
    ] = None,
    window: Annotated[int | None, typer.Option(help="Tokens in a group, for DeepConf scores [default: 32].")] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Writer of the texts, where the pool's model drew none of them [default: own draws]."),
    ] = None,
    run: RunOption = None,
    force: ForceOption = False,
) -> None:
    """Fit a map from a score to the probability of being right.

    The map is fitted on all graded answers of the pool, from scores on any finite scale, logits of a reward model too;
    use it with scorer.calibration=FILE, or `tts decide` with calibration=FILE. --score stacked fits the weights of
    several scores instead; use them with scorer.weights=FILE. Fit on questions that you do not evaluate on. The file
    records its model, scorer, prompt, sampling, source of the texts and kind of log-probabilities, and is refused for
    any other.
    """
    from evals.replay.provenance import is_calibrated, provenance_of, reference_of
    from evals.replay.rescore import STACKED, check_score, fit_weights, graded, rescored
    from tts.pool import read_pool
    from tts.scorers.calibration.calibration_file import save_calibration
    from tts.scorers.calibration.maps import fit_map
    from tts.scorers.stacking.stacked import save_stacked
    from tts.scorers.trace_scores import WINDOW

    window = WINDOW if window is None else window
    if window < 1:
        raise InputError(f"--window must be at least 1, got {window}")
    if score == STACKED and map is not None:
        raise InputError(
            f"--map {map} does not apply to --score {STACKED}, whose weights give probabilities: leave --map out"
        )
    check_outputs([Output(out, "JSON file")], [pool], command="tts calibrate", force=force)
    recorded = read_pool(pool, run=run, notify=notify)
    check_score(score, recorded)
    answers = graded(recorded)
    if not answers:
        raise InputError(
            f"{pool}: calibration needs graded answers and the pool has none: "
            "give its questions a gold answer, or grade its samples"
        )
    provenance = provenance_of(recorded, score, window=window, source=source)
    if score == STACKED:
        weights = fit_weights(recorded)
        save_stacked(out, weights, provenance)
        what, used = f"{STACKED} weights of {', '.join(weights.features)}", len(answers)
    else:
        kind, scored = map or "platt", rescored(recorded, score, raw=True, window=window)
        if scored.scored_by and is_calibrated(recorded, score):
            raise InputError(f"{pool}: the scores {score!r} are calibrated already: fit on a score that is not")
        pairs = [(s.confidence, y) for s, y in graded(scored) if s.confidence is not None]
        fitted = fit_map(kind, [c for c, _ in pairs], [y for _, y in pairs])
        save_calibration(out, fitted, provenance, reference_of(scored))
        what, used = f"{kind} map of {provenance.scorer}", len(pairs)
    right = sum(y for _, y in answers) / len(answers)
    print(
        f"wrote {out}: {what}, fitted on {used} answers of {recorded.questions} "
        f"questions, {100 * right:.1f} % of them right (model {provenance.model or 'not named'})"
    )
