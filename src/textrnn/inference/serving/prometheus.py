"""What a server counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
UNKNOWN = ""  # the model of requests for one that is not served: a name of the client's own would be a series

Answer = TypeVar("Answer")


class Metrics:
    """Counters of one server, in a registry of its own: of requests, and of each served model's batches and queue."""

    def __init__(self) -> None:
        self._registry = to = CollectorRegistry()
        ProcessCollector(registry=to)
        one = ("model",)
        self._requests = Counter("textrnn_requests", "Requests for predictions.", ("model", "status"), registry=to)
        self._texts = Counter("textrnn_texts", "Texts answered.", one, registry=to)
        self._seconds = Histogram(
            "textrnn_request_seconds", "From a request's head to its answer.", one, buckets=SECONDS, registry=to
        )
        self._batches = Histogram("textrnn_batch_texts", "Texts of a model's call.", one, buckets=SIZES, registry=to)
        self._calls = Histogram("textrnn_batch_seconds", "A model's call.", one, buckets=SECONDS, registry=to)
        self._waiting = Gauge("textrnn_queue_texts", "Texts that wait for a model.", one, registry=to)

    def request(self, model: str, status: int, seconds: float, texts: int) -> None:
        """Count a request, and its texts where they were answered; model: UNKNOWN where it names none."""
        self._requests.labels(model, str(status)).inc()
        self._seconds.labels(model).observe(seconds)
        if status == 200:
            self._texts.labels(model).inc(texts)

    def watch(self, model: str, waiting: Callable[[], int]) -> None:
        """Report a model from its start: its queue as `waiting` tells it, and counters at 0."""
        self._waiting.labels(model).set_function(waiting)
        self._texts.labels(model)

    def timed(self, model: str, answer: Callable[[list[str]], list[Answer]]) -> Callable[[list[str]], list[Answer]]:
        """The function, each call of which is counted as a batch of the model."""
        sizes, seconds = self._batches.labels(model), self._calls.labels(model)

        def call(texts: list[str]) -> list[Answer]:
            started = perf_counter()
            answers = answer(texts)
            sizes.observe(len(texts))
            seconds.observe(perf_counter() - started)
            return answers

        return call

    def page(self) -> bytes:
        """All of it as Prometheus reads it, in its text format."""
        return generate_latest(self._registry)
