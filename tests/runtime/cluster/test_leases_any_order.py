"""Leases under any order of deaths, late arrivals, duplicates, joins and silences, on a model of the workers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.examples import examples
from tts.runtime.cluster.lease import Lease, LeaseOptions, Report
from tts.runtime.cluster.leases import Leases

SILENCE_S = 5.0
NAMES = "abc"


@dataclass
class Process:
    """An incarnation as a process: it plays what it was granted, also after the leases counted it as dead."""

    name: str
    incarnation: int
    drawn: dict[Lease, set[int]] = field(default_factory=dict)


@dataclass
class Message:
    sender: Process
    report: Report


def needed(question: str) -> int:
    """The samples that the strategy asks for: a pure function of the question, as its samples are."""
    return 1 + sum(question.encode()) % 4


class AnyOrder(RuleBasedStateMachine):
    @initialize(
        questions=st.integers(0, 8),
        margin=st.sampled_from([0.0, 0.7]),
        prefetch=st.sampled_from([0.0, 0.125]),
        committed=st.dictionaries(st.integers(0, 7).map(str), st.sets(st.integers(0, 3))),
    )
    def begin(self, questions: int, margin: float, prefetch: float, committed: dict[str, set[int]]) -> None:
        self.questions = [str(i) for i in range(questions)]
        options = LeaseOptions(silence_s=SILENCE_S, move_margin=margin, prefetch=prefetch)
        self.leases = Leases(self.questions, committed=committed, options=options)
        self.now = 0.0
        self.processes: list[Process] = []  # those that the leases counted as dead among them
        self.last = Counter[str]()
        self.network: list[Message] = []
        self.keys = {q: set(committed.get(q, ())) for q in self.questions}  # committed
        self.decided = Counter[str]()
        self.holder: dict[str, Lease] = {}

    def alive(self) -> list[Process]:
        held = {(p.name, p.incarnation): p for p in self.processes}
        return [held[name, self.last[name]] for name in self.leases.workers]

    def gone(self) -> None:
        """Forget the holders that the leases do not know any more."""
        current = {(name, self.last[name]) for name in self.leases.workers}
        self.holder = {q: h for q, h in self.holder.items() if (h.worker, h.incarnation) in current}

    @rule(name=st.sampled_from(NAMES), places=st.integers(1, 4), older=st.booleans())
    def join(self, name: str, places: int, older: bool) -> None:
        older = older and self.last[name] > 0
        incarnation = self.last[name] + (0 if older else 1)
        taken = self.leases.join(name, incarnation, places, self.now)
        if older:
            assert taken == (name in self.leases.workers)
        elif taken:
            self.last[name] = incarnation
            self.processes.append(Process(name, incarnation))
        else:
            assert name in self.leases.given_up
        self.gone()

    @rule(data=st.data())
    def exchange(self, data: st.DataObject) -> None:
        """Instruct a worker, which also may be one that counts as dead."""
        if self.processes:
            self.instruct(data.draw(st.sampled_from(self.processes)))

    def instruct(self, process: Process) -> None:
        current = process in self.alive()
        orders = self.leases.orders(process.name, process.incarnation, self.now)
        assert current or (not orders.grants and not orders.recalls)
        for lease in orders.grants:
            assert lease.question not in self.holder  # nothing is handed out twice at a time
            assert not self.decided[lease.question] and lease.question not in self.leases.failed
            assert (lease.worker, lease.incarnation) == (process.name, process.incarnation)
            self.holder[lease.question] = lease
            keys = self.leases.keys(lease)
            assert keys == self.keys[lease.question]
            process.drawn[lease] = {key for key in keys if isinstance(key, int)}
        for lease in orders.recalls:
            assert self.holder[lease.question] == lease
            if lease in process.drawn:
                del process.drawn[lease]
                self.network.append(Message(process, Report(lease.question, lease.number, released=True)))

    @rule(data=st.data(), ahead=st.integers(0, 2))
    def draw(self, data: st.DataObject, ahead: int) -> None:
        """Draw a sample, perhaps one ahead, that leaves at once or stays a while in the network."""
        if playing := [(p, lease) for p in self.processes for lease in p.drawn]:
            process, lease = data.draw(st.sampled_from(playing))
            missing = [k for k in range(needed(lease.question) + 2) if k not in process.drawn[lease]]
            if missing:
                key = missing[min(ahead, len(missing) - 1)]
                process.drawn[lease].add(key)
                self.network.append(Message(process, Report(lease.question, lease.number, [key])))

    @rule(data=st.data(), whole=st.booleans())
    def decide(self, data: st.DataObject, whole: bool) -> None:
        if playing := [(p, lease) for p in self.processes for lease in p.drawn]:
            self.say_decided(*data.draw(st.sampled_from(playing)), whole=whole)

    def say_decided(self, process: Process, lease: Lease, *, whole: bool) -> None:
        """Report a decision that can be taken, with its samples or after them."""
        wanted = range(needed(lease.question))
        if process.drawn[lease].issuperset(wanted):
            report = Report(lease.question, lease.number, [*process.drawn[lease]] if whole else [], wanted)
            self.network.append(Message(process, report))

    @rule(data=st.data(), times=st.integers(0, 2))
    def deliver(self, data: st.DataObject, times: int) -> None:
        """Deliver any message: in any order, more than once, or never."""
        if self.network:
            message = data.draw(st.sampled_from(self.network))
            for _ in range(times):
                self.arrive(message)
            self.network.remove(message)

    def arrive(self, message: Message) -> None:
        sender, report = message.sender, message.report
        lease = self.holder.get(report.question)
        counts = sender in self.alive() and lease is not None
        counts = counts and (lease.number, lease.worker) == (report.number, sender.name)  # type: ignore[union-attr]
        fenced = self.leases.dropped.fenced
        accepted = self.leases.accept(sender.name, sender.incarnation, [report], self.now)
        if not counts:
            assert not accepted
            assert self.leases.dropped.fenced == fenced + len(report.keys) + (report.decided_on is not None)
            return
        over = report.released
        for one in accepted:
            assert not self.keys[one.question].intersection(one.keys)  # every key once
            self.keys[one.question].update(k for k in one.keys if isinstance(k, int))
            if one.decided:
                assert self.keys[one.question].issuperset(range(needed(one.question)))  # never before its samples
                self.decided[one.question] += 1
                over = True
        if over:
            del self.holder[report.question]
            sender.drawn = {held: keys for held, keys in sender.drawn.items() if held.question != report.question}

    @rule(data=st.data(), zombie=st.booleans())
    def die(self, data: st.DataObject, zombie: bool) -> None:
        if self.processes:
            process = data.draw(st.sampled_from(self.processes))
            current = process in self.alive()
            assert self.leases.died(process.name, process.incarnation) == current
            if not zombie:
                self.processes.remove(process)
            self.gone()

    @rule(seconds=st.floats(0.0, 2 * SILENCE_S))
    def fall_silent(self, seconds: float) -> None:
        self.now += seconds
        before = set(self.leases.workers)
        silent = self.leases.expire(self.now)
        assert set(silent) == before - set(self.leases.workers)
        self.gone()

    @invariant()
    def every_question_is_somewhere_once(self) -> None:
        held = [lease for name in self.leases.workers for lease in self.leases.held(name)]
        assert sorted(lease.question for lease in held) == sorted(self.holder)
        assert set(held) == set(self.holder.values())
        assert all(count == 1 for count in self.decided.values())
        assert not set(self.decided) & set(self.leases.failed)
        over = len(self.decided) + len(self.leases.failed)
        assert len(self.leases.failed) == len(set(self.leases.failed))
        assert self.leases.left == len(self.questions) - over == self.leases.waiting + len(held)

    def teardown(self) -> None:
        """Let the living go on undisturbed, with two newcomers: every question ends, and none has to wait."""
        if not hasattr(self, "leases"):
            return
        for name in ("x", "y"):
            self.join(name, 2, older=False)
        for _ in range(200):
            self.now += 0.25
            for process in self.alive():
                self.instruct(process)
            held = {p.name: len(self.leases.held(p.name)) for p in self.alive()}
            full = all(held[name] >= 1 for name in held)  # every place count is at least 1
            assert self.leases.waiting == 0 or full, "a question waits beside a worker that has none"
            for process in self.alive():
                for lease in [*process.drawn]:
                    process.drawn[lease].update(range(needed(lease.question)))
                    self.say_decided(process, lease, whole=True)
            while self.network:
                self.arrive(self.network.pop(0))
            if not self.leases.left:
                break
        assert not self.leases.left
        assert sorted([*self.decided, *self.leases.failed]) == self.questions
        for question in self.decided:
            assert self.keys[question].issuperset(range(needed(question)))


AnyOrder.TestCase.settings = settings(
    max_examples=examples(100),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAnyOrder = AnyOrder.TestCase
