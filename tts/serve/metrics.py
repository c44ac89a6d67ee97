"""Numbers for Prometheus; no label has a value that a request could make up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from tts.agent.answer import Answer
from tts.engines.openai.fleet.protocol import HasServers
from tts.serve.models import Models, OpenedModel

SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 120.0)
TENTHS = tuple(n / 10 for n in range(1, 11))


class Metrics:
    """The numbers of one gateway."""

    def __init__(self, models: Models) -> None:
        """Start at zero."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "tts_requests", "Requests.", ("route", "model", "strategy", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "tts_request_seconds", "Seconds of a request.", ("route",), buckets=SECONDS, registry=self._registry
        )
        self._samples = Counter("tts_samples", "Samples of answers.", ("model",), registry=self._registry)
        self._abstentions = Counter("tts_abstentions", "Answers not let through.", ("model",), registry=self._registry)
        self._certificates = Counter(
            "tts_certificates", "Answers with known masses.", ("model", "certified"), registry=self._registry
        )
        self._confidence = Histogram(
            "tts_confidence", "P(right) of answers.", ("model",), buckets=TENTHS, registry=self._registry
        )
        self._registry.register(_Engines(models))

    def request(self, route: str, model: str, strategy: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, model, strategy, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def answer(self, model: str, answer: Answer, *, abstained: bool) -> None:
        """Count an answer."""
        self._samples.labels(model).inc(len(answer.samples))
        if abstained:
            self._abstentions.labels(model).inc()
        if answer.certified is not None:
            self._certificates.labels(model, str(answer.certified).lower()).inc()
        if answer.p_correct is not None:
            self._confidence.labels(model).observe(answer.p_correct)

    def text(self) -> bytes:
        """Return all numbers in Prometheus's text format."""
        return generate_latest(self._registry)


class _Engines(Collector):
    """The numbers that runners, verifiers and solvers keep themselves, read when they are asked for."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def collect(self) -> Iterator[Any]:
        """Yield questions in progress and waiting, tokens by cause, and the state of each promise."""
        runners: dict[int, OpenedModel] = {}
        for model in self._models.values():
            runners.setdefault(id(model.parts.runner), model)  # models of one engine share it
        active = GaugeMetricFamily("tts_questions_in_progress", "Questions in progress.", labels=["model"])
        queued = GaugeMetricFamily("tts_questions_queued", "Questions that wait for a place.", labels=["model"])
        tokens = CounterMetricFamily("tts_tokens", "Tokens of questions that are over.", labels=["model", "cause"])
        for model in runners.values():
            runner = model.parts.runner
            active.add_metric([model.name], runner.active)
            queued.add_metric([model.name], runner.waiting)
            for cause, number in asdict(runner.spent + model.verifier.spent).items():
                tokens.add_metric([model.name, cause], number)
        servers = GaugeMetricFamily("tts_servers", "Servers of a model.", labels=["model", "state"])
        for model in runners.values():
            if isinstance(model.parts.engine, HasServers):
                counts = model.parts.engine.servers
                servers.add_metric([model.name, "up"], counts.up)
                servers.add_metric([model.name, "down"], counts.listed - counts.up)
        void = GaugeMetricFamily("tts_promise_void", "1 once a promise is void.", labels=["model", "how"])
        drift = GaugeMetricFamily("tts_drift_evidence", "Evidence of a change of scores.", labels=["model", "how"])
        for model in self._models.values():
            found = {"solve": model.usual.metrics, **model.verifier.metrics}
            for how, numbers in found.items():
                if numbers:
                    void.add_metric([model.name, how], numbers["void"])
                    drift.add_metric([model.name, how], numbers["evidence"])
        yield from (active, queued, tokens, servers, void, drift)
