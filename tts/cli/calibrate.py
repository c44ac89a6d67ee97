"""``tts calibrate``: fit a calibration map, stacked weights or a promise on a pool and write it with its provenance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts.cli.app import app
from tts.cli.options import ForceOption, PoolArgument, RunOption
from tts.cli.verbosity import notify, shown_work
from tts.errors import InputError
from tts.files import Output, check_outputs

if TYPE_CHECKING:
    from evals.promise.scores import Judging
    from tts.pool import Pool
    from tts.scorers.calibration.calibration_file import Provenance


@app.command(
    examples=(
        "tts calibrate pool.sqlite score=mean_logprob out=map.json",
        "tts calibrate pool.sqlite score=grace draws=8 promise=alpha=0.1,delta=0.1 out=promise.json",
    )
)
def calibrate(
    pool: PoolArgument,
    out: Annotated[Path, typer.Option(help="File to write (JSON).")],
    score: Annotated[
        str | None,
        typer.Option(
            help="Score to calibrate: mean_logprob, deepconf_tail, ..., the label of a scorer's recorded scores, "
            "confidence (recorded with the samples), or stacked [default: the one that is recorded]."
        ),
    ] = None,
    map: Annotated[
        str | None, typer.Option(help="Kind of map: platt, isotonic, beta or temperature [default: platt].")
    ] = None,
    promise: Annotated[
        str | None,
        typer.Option(
            metavar="alpha=A,delta=D",
            help="Fit a threshold above which at most A of the answers are wrong, with probability 1 - D.",
        ),
    ] = None,
    draws: Annotated[
        int | None, typer.Option(help="Judge each question's first answer by its next N samples, not by its text.")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(help="Judge the decision of this strategy on each question's first samples.")
    ] = None,
    budget: Annotated[int | None, typer.Option(help="Budget of the strategy.")] = None,
    window: Annotated[int | None, typer.Option(help="Tokens in a group, for DeepConf scores [default: 32].")] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Writer of the texts, where the pool's model drew none of them [default: own draws]."),
    ] = None,
    run: RunOption = None,
    force: ForceOption = False,
) -> None:
    """Fit a map from a score to a probability, or a promise.

    The map gives the probability of being right. It is fitted on all graded answers of the pool, from scores on any
    finite scale, logits of a reward model too; use it with scorer.calibration=FILE, or `tts decide` with
    calibration=FILE. --score stacked fits the weights of several scores instead; use them with scorer.weights=FILE. A
    promise, and a map with draws=N or strategy=NAME, is fitted on one answer a question. Fit on questions that you do
    not evaluate on. The file records its model, scorer, prompt, sampling, source of the texts, kind of
    log-probabilities and way of judging, and is refused for any other.
    """
    from evals.promise.scores import Judging
    from evals.replay.provenance import provenance_of
    from evals.replay.rescore import STACKED, check_score, only_score
    from tts.pool import read_pool
    from tts.scorers.calibration.calibration_file import BARE
    from tts.scorers.trace_scores import WINDOW

    window = WINDOW if window is None else window
    if window < 1:
        raise InputError(f"--window must be at least 1, got {window}")
    given: Any = strategy
    if strategy is not None and strategy.startswith("{"):
        from tts.config.overrides import parse_value

        given = parse_value(strategy, "strategy")
    alone = draws is None and strategy is None and promise is None
    if score == STACKED and map is not None and alone:
        raise InputError(
            f"--map {map} does not apply to --score {STACKED}, whose weights give probabilities: leave --map out"
        )
    if promise is not None and map is not None:
        raise InputError(f"--map {map} does not apply to a promise, which is a threshold of the score: leave --map out")
    check_outputs([Output(out, "JSON file")], [pool], command="tts calibrate", force=force)
    with shown_work():
        recorded = read_pool(pool, run=run, notify=notify)
        score = only_score(recorded) if score is None else score
        check_score(score, recorded)
        judging = Judging(score, draws, given, budget, window)
        provenance = provenance_of(recorded, score, window=window, source=source or (BARE if judging.bare else None))
        if promise is not None:
            sentence = _promise(out, recorded, judging, provenance, promise)
        elif alone:
            sentence = _fit(out, recorded, score, map, window, provenance)
        else:
            sentence = _map_of_answers(out, recorded, judging, map or "platt", provenance)
    print(sentence)


def _fit(out: Path, recorded: Pool, score: str, map: str | None, window: int, provenance: Provenance) -> str:
    """Write a map of single samples, or stacked weights; return the sentence about it."""
    from evals.replay.provenance import is_calibrated, reference_of
    from evals.replay.rescore import STACKED, fit_weights, graded, rescored
    from tts.scorers.calibration.calibration_file import save_calibration
    from tts.scorers.calibration.maps import fit_map
    from tts.scorers.stacking.stacked import save_stacked

    answers = graded(recorded)
    if not answers:
        raise InputError(
            f"{recorded.path}: calibration needs graded answers and the pool has none: "
            "give its questions a gold answer, or grade its samples"
        )
    if score == STACKED:
        weights = fit_weights(recorded)
        save_stacked(out, weights, provenance)
        what, used = f"{STACKED} weights of {', '.join(weights.features)}", len(answers)
    else:
        kind, scored = map or "platt", rescored(recorded, score, raw=True, window=window)
        if scored.scored_by and is_calibrated(recorded, score):
            raise InputError(
                f"{recorded.path}: the scores {score!r} are calibrated already: fit on a score that is not"
            )
        pairs = [(s.confidence, y) for s, y in graded(scored) if s.confidence is not None]
        fitted = fit_map(kind, [c for c, _ in pairs], [y for _, y in pairs])
        save_calibration(out, fitted, provenance, reference_of(scored))
        what, used = f"{kind} map of {provenance.scorer}", len(pairs)
    right = sum(y for _, y in answers) / len(answers)
    return (
        f"wrote {out}: {what}, fitted on {used} answers of {recorded.questions} "
        f"questions, {100 * right:.1f} % of them right (model {provenance.model or 'not named'})"
    )


def _map_of_answers(out: Path, recorded: Pool, judging: Judging, kind: str, provenance: Provenance) -> str:
    """Write a map of one judged answer a question; return the sentence about it."""
    import numpy as np

    from tts.scorers.calibration.calibration_file import save_calibration
    from tts.scorers.calibration.maps import fit_map

    judged = judging.on(recorded)
    known = ~np.isnan(judged.scores)
    fitted = fit_map(kind, judged.scores[known], judged.right[known])
    save_calibration(out, fitted, provenance, judged.reference, how=judged.how)
    return (
        f"wrote {out}: {kind} map of {judged.how}, fitted on one answer of each of {known.sum()} questions, "
        f"{100 * judged.right[known].mean():.1f} % of them right (model {provenance.model or 'not named'})"
    )


def _promise(out: Path, recorded: Pool, judging: Judging, provenance: Provenance, levels_text: str) -> str:
    """Write a promise; return the sentence about it."""
    from evals.promise.fit import fit_promise, levels
    from tts.scorers.calibration.promise_file import save_promise

    alpha, delta = levels(levels_text)
    made, passed = fit_promise(recorded.path, judging.on(recorded), provenance, alpha=alpha, delta=delta)
    save_promise(out, made)
    share = f"{100 * made.let_through:.1f} %"
    return (
        f"wrote {out}: of the answers let through at most {100 * alpha:g} % are wrong, with probability "
        f"{100 * (1 - delta):g} % over the calibration questions; {made.how} lets {share} of the answers "
        f"through, those with a score of at least {made.threshold:.4g} (fitted on {made.questions} questions; "
        f"of {passed.tested} tested ones {passed.let_through} were let through and {passed.wrong} of these were wrong; "
        f"model {provenance.model or 'not named'})"
    )
