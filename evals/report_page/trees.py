"""Trees of strategies that continue draws: each draw with the one that it continues, its end, and what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evals.report_page.questions import MAX_TEXT, cached, shortened
from evals.report_page.run_facts import runs_of
from evals.report_page.token_texts import Decode, decoder_of, token_texts
from evals.report_page.tree_runs import strategy_of, trees_of_runs
from evals.report_page.visible_traces import Positions, traces_of
from tts.answers import Grader
from tts.pool import Entry, Pool, PoolStore, Run, read_pool
from tts.pool.files import pool_format
from tts.types import End, Sample, Usage

NO_USAGE = Usage()


@dataclass(frozen=True)
class TreeRun:
    """The trees of one strategy.

    Attributes:
        name: the strategy's name; "tree" where it is not recorded.
        run: the run that holds them; None in a file without runs.
        model: the model that drew them.
        scorer: the label of the scorer whose values are shown; empty without one.
        pool: their draws.
        places: of their questions in the pool, by id.
        decisions: what the strategy decided, by the question's id, as the pool records it.
        decode: the tokenizer of the model, or None.
        own: whether they are the samples of the shown pool itself.
        positions: counts the traces of the draws that ended.
    """

    name: str
    run: int | None
    model: str
    scorer: str
    pool: Pool
    places: Mapping[str, int]
    decisions: Mapping[str, Mapping[str, Any]]
    decode: Decode | None
    own: bool
    positions: Positions = field(default_factory=Positions)

    @property
    def mapping(self) -> dict[str, Any]:
        """The strategy and its run, ready for JSON; complete when all questions were asked for."""
        return {
            "strategy": self.name,
            "run": self.run,
            "model": self.model,
            "scorer": self.scorer,
            "own": self.own,
            "positions": self.positions.mapping,
        }

    def question(self, question: str, grader: Grader) -> dict[str, Any] | None:
        """Return the tree of a question, ready for JSON; None where there is none.

        Args:
            question: its id.
            grader: the rule by which answers are equal and right.
        """
        place = self.places.get(question)
        return None if place is None else self._tree(self.pool.entries[place], grader)

    def _tree(self, entry: Entry, grader: Grader) -> dict[str, Any]:
        rule = grader.on(entry.problem)
        decision = self.decisions.get(entry.problem.id)
        answer = None if decision is None else decision["answer"]
        parents = parents_of(entry.samples)
        children = Counter(parent for parent in parents if parent is not None)
        last = max((i for i, parent in enumerate(parents) if parent is not None), default=-1)
        nodes = []
        for i, (sample, recorded) in enumerate(zip(entry.samples, entry.correct, strict=True)):
            ended = sample.end not in (End.BOUNDARY, End.FAILED, End.ABORTED)
            right = None
            if ended:
                right = rule.grade(sample.answer, entry.problem.golds) if recorded is None else recorded
            if right is not None:
                self.positions.add(sample, right)
            at = parents[i]
            nodes.append(
                {
                    **_node(sample, None if at is None else entry.samples[at], self.decode),
                    "fate": fate(sample, children[i], later=i < last),
                    "chosen": ended and answer is not None and bool(rule.grade(sample.answer, answer)),
                    "right": right,
                }
            )
        return {"nodes": nodes, "decision": None if decision is None else _decided(decision, entry, rule)}


def parents_of(samples: Sequence[Sample]) -> list[int | None]:
    """Return the place of the sample that each one continues, None for those that continue none.

    Older pools record no parents: there it is the first sample before that has the given tokens, one that paused at
    the end of them if there is any.
    """
    at = {sample.index: place for place, sample in enumerate(samples)}
    found: list[int | None] = []
    for place, sample in enumerate(samples):
        parent = None if sample.parent is None else at.get(sample.parent)
        if parent is None and sample.given:
            prefix = sample.token_ids[: sample.given]
            same = [i for i in range(place) if samples[i].token_ids[: sample.given] == prefix]
            paused = (i for i in same if samples[i].end is End.BOUNDARY and len(samples[i].token_ids) == sample.given)
            parent = next(paused, same[0] if same else None)
        found.append(parent)
    return found


def fate(sample: Sample, children: int, *, later: bool) -> str:
    """Return what became of a draw: "failed", "forked", "continued", "ended", "pruned", or "unfinished".

    Args:
        sample: the draw.
        children: the draws that continue it.
        later: whether a draw after it continues another one. A beam that paused and was not continued was pruned at
            that check; without a check after it, the strategy decided before.
    """
    if sample.end is End.FAILED:
        return "failed"
    if children:
        return "continued" if children == 1 else "forked"
    if sample.end is End.BOUNDARY:
        return "pruned" if later else "unfinished"
    return "ended"


def tree_runs(pool: Pool) -> list[TreeRun]:
    """Return the trees that belong to a pool: its own samples, or those that other runs of its file hold.

    Trees of a run whose whole samples the file holds are shown with that run alone, others with every run.
    """
    runs = runs_of(pool)
    if pool.facts.continued or any(run.key.draws == "tree" for run in runs):
        return [tree_run(pool, runs[0] if len(runs) == 1 else None, own=True)]
    if not runs or pool_format(pool.path) != "sqlite":
        return []
    with PoolStore.read(pool.path) as store:
        belonging = trees_of_runs(store.runs(), pool.runs)
    read = [(read_pool(pool.path, run=run.id), run) for run in belonging]
    return [tree_run(of.with_scores(run.scorers[-1]) if run.scorers else of, run, own=False) for of, run in read]


def tree_run(pool: Pool, run: Run | None, *, own: bool) -> TreeRun:
    """Return the trees of a pool.

    Args:
        pool: their draws, with the values to show.
        run: the run that drew them; None of a file without runs.
        own: whether they are the samples of the shown pool itself.
    """
    decode = None if run is None else decoder_of(run)[0]
    decisions: Mapping[str, Mapping[str, Any]] = {}
    if run is not None:
        with PoolStore.read(pool.path) as store:
            decisions = store.decisions(run.id)
    return TreeRun(
        strategy_of(run),
        None if run is None else run.id,
        ", ".join(pool.facts.models) if run is None else run.key.model,
        pool.scored_by,
        pool,
        {entry.problem.id: place for place, entry in enumerate(pool.narrow().entries)},
        decisions,
        None if decode is None else cached(decode),
        own,
    )


def of_question(trees: Iterable[TreeRun], question: str, grader: Grader) -> dict[str, Any]:
    """Return the trees of a question by the key "trees": one a run of trees, None where it has none; empty without.

    Args:
        trees: of the pool.
        question: its id.
        grader: the rule by which answers are equal and right.
    """
    found = [one.question(question, grader) for one in trees]
    return {"trees": found} if any(one is not None for one in found) else {}


def _node(sample: Sample, parent: Sample | None, decode: Decode | None) -> dict[str, Any]:
    """Return a draw of a tree by itself, ready for JSON."""
    return {
        "index": sample.index,
        "parent": None if parent is None else parent.index,
        "given": sample.given,
        "value": sample.confidence,
        "answer": None if sample.answer is None else shortened(sample.answer, MAX_TEXT)[0],
        "end": str(sample.end),
        **_cost(sample),
        **_new_text(sample, parent, decode),
        **({"error": sample.error} if sample.error else {}),
    }


def _cost(sample: Sample) -> dict[str, Any]:
    """Return the tokens of a draw: new ones, and those that its scorer read and drew."""
    usage = sample.usage
    if usage is None:
        return {"tokens": None, "scorer_tokens": None}
    return {"tokens": usage.delivered, "scorer_tokens": usage.scorer_prefill + usage.scorer_decode}


def _new_text(sample: Sample, parent: Sample | None, decode: Decode | None) -> dict[str, Any]:
    """Return the text of the new tokens of a draw, by token where the tokenizer is known, with their traces.

    Where the new text cannot be separated from the one that was given, the text is whole, as "whole" says.
    """
    given, traces = sample.given, {name: levels[sample.given :] for name, levels in traces_of(sample).items()}
    text, left_out = shortened(sample.text, MAX_TEXT)
    pieces = None if decode is None or left_out else token_texts(sample, decode)
    if pieces is not None:
        return {"pieces": pieces[given:], "traces": traces}
    paused = parent is not None and len(parent.token_ids) == given and sample.text.startswith(parent.text)
    if given and parent is not None and paused:
        text, left_out = shortened(sample.text[len(parent.text) :], MAX_TEXT)
    return {
        "text": text,
        **({"whole": True} if given and not paused else {}),
        **({"text_left_out": left_out} if left_out else {"traces": traces}),
    }


def _decided(decision: Mapping[str, Any], entry: Entry, rule: Grader) -> dict[str, Any]:
    answer, usage = decision["answer"], decision.get("usage")
    counts = NO_USAGE if usage is None else Usage(**usage)
    return {
        "answer": None if answer is None else shortened(answer, MAX_TEXT)[0],
        "right": rule.grade(answer, entry.problem.golds),
        "p_correct": decision["p_correct"],
        "vote_share": decision["vote_share"],
        "stopped_by": decision["stopped_by"],
        "tokens": None if usage is None else counts.generated,
        "scorer_tokens": None if usage is None else counts.scorer_prefill + counts.scorer_decode,
    }
