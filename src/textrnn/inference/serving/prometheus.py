"""Count requests, texts and model calls for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
UNKNOWN = ""  # the label for unknown models: a client must not be able to create time series with names of its choice

Result = TypeVar("Result")


class Metrics:
    """The metrics of one server, in a registry of their own: requests, and each model's batches and queue."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        model = ("model",)
        self._requests = Counter(
            "textrnn_requests", "Requests for predictions.", ("model", "status"), registry=registry
        )
        self._texts = Counter("textrnn_texts", "Texts answered.", model, registry=registry)
        self._seconds = Histogram(
            "textrnn_request_seconds",
            "Seconds from a request's headers to its response.",
            model,
            buckets=SECONDS,
            registry=registry,
        )
        self._batches = Histogram(
            "textrnn_batch_texts", "Texts of a model call.", model, buckets=SIZES, registry=registry
        )
        self._calls = Histogram(
            "textrnn_batch_seconds", "Seconds of a model call.", model, buckets=SECONDS, registry=registry
        )
        self._waiting = Gauge("textrnn_queue_texts", "Texts waiting for a model.", model, registry=registry)
        self._held = Gauge("textrnn_queue_characters", "Characters that wait or are worked on.", registry=registry)

    def count_request(self, model: str, status: int, seconds: float, texts: int) -> None:
        """Count a request, and its texts if it was answered; model: UNKNOWN if the request names an unknown model."""
        self._requests.labels(model, str(status)).inc()
        self._seconds.labels(model).observe(seconds)
        if status == 200:
            self._texts.labels(model).inc(texts)

    def add_model(self, model: str, waiting: Callable[[], int]) -> None:
        """Report a model from the start: its counter of texts at 0, its queue length as `waiting` returns it."""
        self._waiting.labels(model).set_function(waiting)
        self._texts.labels(model)

    def add_characters(self, held: Callable[[], int]) -> None:
        """Report the characters that wait or are worked on, for all models, as `held` returns them."""
        self._held.set_function(held)

    def timed(self, model: str, predict: Callable[[list[str]], list[Result]]) -> Callable[[list[str]], list[Result]]:
        """Wrap a model's function so that each call is recorded as a batch."""
        sizes, seconds = self._batches.labels(model), self._calls.labels(model)

        def call(texts: list[str]) -> list[Result]:
            started = perf_counter()
            results = predict(texts)
            sizes.observe(len(texts))
            seconds.observe(perf_counter() - started)
            return results

        return call

    def render(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self._registry)
