"""Promises of the leases, one small case each."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tts.errors import InputError
from tts.runtime.cluster import lease, leases, sharing
from tts.runtime.cluster.lease import Accepted, Lease, LeaseOptions, Orders, Report
from tts.runtime.cluster.leases import Leases


def names(count: int) -> list[str]:
    return [f"q{i}" for i in range(count)]


def started(questions: int, *workers: tuple[str, int], options: LeaseOptions | None = None) -> Leases:
    made = Leases(names(questions), options=options or LeaseOptions())
    for name, places in workers:
        assert made.join(name, 1, places, 0.0)
    return made


def decided(one: Lease) -> Report:
    return Report(one.question, one.number, [0], decided_on=[0])


def questions(orders: Orders) -> list[str]:
    return [one.question for one in orders.grants]


def test_arrivals_of_an_older_lease_are_dropped_and_counted() -> None:
    made = started(1, ("a", 1))
    (first,) = made.orders("a", 1, 0.0).grants
    made.died("a", 1)
    made.join("a", 2, 1, 1.0)
    (second,) = made.orders("a", 2, 1.0).grants
    assert second.number > first.number
    assert made.accept("a", 1, [Report("q0", first.number, [0], decided_on=[0])], 1.0) == []  # the old incarnation
    assert made.accept("a", 2, [Report("q0", first.number, [0])], 1.0) == []  # the new one, under the old number
    assert made.dropped.fenced == 3
    assert made.accept("a", 2, [decided(second)], 2.0) == [Accepted("q0", (0,), True)]
    assert made.left == 0


def test_a_key_counts_once_and_a_decision_after_its_samples() -> None:
    made = started(1, ("a", 1))
    (one,) = made.orders("a", 1, 0.0).grants
    assert made.accept("a", 1, [Report("q0", one.number, [0, 0, 1])], 0.1) == [Accepted("q0", (0, 1))]
    assert made.accept("a", 1, [Report("q0", one.number, [1], decided_on=[0, 1, 2])], 0.2) == []
    assert (made.dropped.duplicates, made.dropped.early, made.left) == (2, 1, 1)
    late = Report("q0", one.number, [2], decided_on=[0, 1, 2])
    assert made.accept("a", 1, [late, late], 0.3) == [Accepted("q0", (2,), True)]
    assert made.dropped.fenced == 2  # the second one, under a lease that is over


def test_samples_of_an_earlier_run_are_not_accepted_again() -> None:
    made = Leases(["q0"], committed={"q0": [0, 1]})
    made.join("a", 1, 1, 0.0)
    (one,) = made.orders("a", 1, 0.0).grants
    assert made.keys(one) == {0, 1}
    assert made.accept("a", 1, [Report("q0", one.number, [1, 2], [0, 1, 2])], 1.0) == [Accepted("q0", (2,), True)]


def test_a_death_passes_questions_on_with_their_samples() -> None:
    made = started(2, ("a", 2), ("b", 2))
    (one,) = made.orders("a", 1, 0.0).grants
    (other,) = made.orders("b", 1, 0.0).grants
    made.accept("a", 1, [Report(one.question, one.number, [0, 1])], 0.1)
    assert made.died("a", 1) and not made.died("a", 1)
    (again,) = made.orders("b", 1, 0.2).grants
    assert again.question == one.question and made.keys(again) == {0, 1}
    assert made.held("b") == (other, again) and made.held("a") == ()


def test_silence_is_a_death() -> None:
    made = started(1, ("a", 1), options=LeaseOptions(silence_s=5.0))
    made.orders("a", 1, 0.0)
    made.accept("a", 1, [], 3.0)  # a sign of life
    assert made.expire(8.0) == [] and made.expire(8.1) == ["a"]
    assert made.workers == () and made.waiting == 1
    assert not made.join("a", 1, 1, 9.0)  # this incarnation is over
    assert made.join("a", 2, 1, 9.0)


def test_a_newer_incarnation_ends_the_one_before() -> None:
    made = started(1, ("a", 1))
    made.orders("a", 1, 0.0)
    assert made.join("a", 2, 1, 1.0) and made.waiting == 1
    assert made.orders("a", 1, 1.0) == Orders() and questions(made.orders("a", 2, 1.0)) == ["q0"]


def test_a_question_that_kills_its_worker_is_set_aside_alone() -> None:
    """Its company is suspected too, and cleared: a worker holds one suspect at a time."""
    made = started(12, ("a", 4))
    incarnation, poison = 1, "q2"
    for _ in range(60):
        made.orders("a", incarnation, 0.0)
        held = made.held("a")
        playing = held[:4]
        if any(one.question == poison for one in playing):
            made.died("a", incarnation)
            incarnation += 1
            if not made.join("a", incarnation, 4, 0.0):
                break
        else:
            made.accept("a", incarnation, [decided(one) for one in playing], 0.0)
    assert made.failed == [poison] and made.decided == 11 and not made.given_up


def test_a_question_that_goes_on_is_never_set_aside() -> None:
    made = started(1, ("a", 1))
    for incarnation in range(1, 10):
        made.join("a", incarnation, 1, 0.0)
        made.join("b", incarnation, 1, 0.0)
        for name in "ab":
            for one in made.orders(name, incarnation, 0.0).grants:
                made.accept(name, incarnation, [Report("q0", one.number, [incarnation])], 0.0)
        held = "a" if made.held("a") else "b"
        made.died(held, incarnation)
        made._deaths.clear()  # of workers, which are another promise
    assert not made.failed and made.left == 1


def test_a_worker_that_finishes_nothing_is_given_up() -> None:
    made = started(9, ("a", 1))
    for incarnation in (1, 2, 3):
        assert made.join("a", incarnation, 1, 0.0)
        first, *_ = made.orders("a", incarnation, 0.0).grants
        made.accept("a", incarnation, [Report(first.question, first.number, [incarnation])], 0.0)
        made.died("a", incarnation)
    assert made.given_up == ["a"] and not made.join("a", 4, 1, 0.0)


def test_a_finished_question_clears_a_worker() -> None:
    made = started(9, ("a", 1))
    for incarnation in range(1, 8):
        assert made.join("a", incarnation, 1, 0.0)
        first, *_ = made.orders("a", incarnation, 0.0).grants
        made.accept("a", incarnation, [decided(first)], 0.0)
        made.died("a", incarnation)
    assert not made.given_up


def test_prefetch_while_there_are_many_and_even_shares_of_the_last() -> None:
    many = started(100, ("a", 8), ("b", 8))
    assert len(many.orders("a", 1, 0.0).grants) == 9 == len(many.orders("b", 1, 0.0).grants)
    few = started(10, ("a", 8), ("b", 8))
    assert len(few.orders("a", 1, 0.0).grants) == 5 == len(few.orders("b", 1, 0.0).grants)


def test_prefetch_follows_the_pace_of_questions() -> None:
    made = started(100, ("a", 8))
    grants = made.orders("a", 1, 0.0).grants
    made.accept("a", 1, [decided(one) for one in grants[:8]], 0.25)
    made.orders("a", 1, 0.25)
    assert len(made.held("a")) == 17  # 8 places, 1 that waits and as many as ended since the last report


def test_a_dry_worker_takes_questions_once_they_are_released() -> None:
    made = started(8, ("a", 4))
    grants = made.orders("a", 1, 0.0).grants
    assert len(grants) == 5
    made.accept("a", 1, [Report(one.question, one.number, [0]) for one in grants[:4]], 0.1)
    made.join("b", 1, 4, 0.2)
    assert len(made.orders("b", 1, 0.2).grants) == 3
    assert made.orders("b", 1, 0.3).grants == () and made.moves == 1  # 5 and 3: the one that waits at a moves
    (recall,) = made.orders("a", 1, 0.4).recalls
    assert recall == grants[4] == made.orders("a", 1, 0.5).recalls[0]  # repeated until it is released
    assert made.orders("b", 1, 0.5).grants == ()
    made.accept("a", 1, [Report(recall.question, recall.number, released=True)], 0.6)
    assert questions(made.orders("b", 1, 0.7)) == [recall.question] and made.orders("a", 1, 0.7) == Orders()


def test_a_question_that_moves_goes_to_the_worker_it_was_taken_back_for() -> None:
    """The straggler that gives its last question does not get it back, though its share is one question."""
    made = started(1, ("a", 1))
    (first,) = made.orders("a", 1, 0.0).grants
    made.join("b", 1, 1, 1.0)
    made._workers["a"].full_s, made._workers["a"].samples = 1e3, 1
    made._workers["b"].full_s, made._workers["b"].samples = 1e3, 1000
    assert made.orders("b", 1, 1.0).grants == () and made.moves == 1
    assert made.orders("a", 1, 1.1).recalls == (first,)
    made.accept("a", 1, [Report("q0", first.number, released=True)], 1.2)
    assert made.waiting == 1 and made.orders("a", 1, 1.3) == Orders()
    assert questions(made.orders("b", 1, 1.4)) == ["q0"] and made.waiting == 0


def test_of_questions_in_play_the_one_with_the_fewest_samples_moves() -> None:
    made = started(4, ("a", 4))
    grants = made.orders("a", 1, 0.0).grants
    news = [Report(one.question, one.number, range(5 - i)) for i, one in enumerate(grants)]
    made.accept("a", 1, news, 0.1)
    made.join("b", 1, 4, 0.2)
    made.orders("b", 1, 0.2)
    recalls = made.orders("a", 1, 0.3).recalls
    assert recalls[-1] == grants[3]
    made.accept("a", 1, [Report("q3", grants[3].number, [2], released=True)], 0.4)  # its last sample counts
    (moved,) = made.orders("b", 1, 0.5).grants
    assert made.keys(moved) == {0, 1, 2}


def test_a_straggler_gets_fewer_of_the_last_questions() -> None:
    made = started(404, ("a", 4), ("b", 4))
    now = 0.0
    keys = {"a": 2, "b": 1}  # samples a second
    while made.waiting:
        now += 1.0
        for name in "ab":
            made.orders(name, 1, now)
            playing = made.held(name)[:4]
            news = [
                Report(one.question, one.number, range(10 * int(now), 10 * int(now) + keys[name])) for one in playing
            ]
            if int(now) % (8 // keys[name]) == 0:
                news = [Report(r.question, r.number, r.keys, decided_on=[]) for r in news]
            made.accept(name, 1, news, now)
    made.orders("a", 1, now + 1.0)
    speeds = {name: made._workers[name].speed for name in "ab"}
    assert speeds["a"] / speeds["b"] == pytest.approx(2.0, rel=0.1)


def test_bad_input_is_one_sentence() -> None:
    with pytest.raises(InputError, match="worker a must have at least 1 place, got 0"):
        Leases(["q"]).join("a", 1, 0, 0.0)
    with pytest.raises(InputError, match="distinct ids"):
        Leases(["q", "q"])
    for options in ({"silence_s": 0.0}, {"question_deaths": 0}, {"worker_deaths": 0}, {"prefetch": -1}):
        with pytest.raises(InputError, match=f"lease option {next(iter(options))} must be "):
            LeaseOptions(**options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="move_margin must be at least 0 and below 1, got 1"):
        LeaseOptions(move_margin=1.0)


def test_leases_know_no_network_clock_or_event_loop() -> None:
    allowed = {"__future__", "collections", "dataclasses", "math", "tts"}
    for module in (lease, leases, sharing):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        found = {
            node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
        }
        found |= {a.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
        assert found <= allowed, module.__name__
