"""What a server accepts, and how it batches requests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RequestLimits:
    """What a server accepts and how it batches; no limit changes a prediction.

    body_bytes, texts: of a request; characters: Unicode code points of a text; body_seconds: for a body to arrive;
    batch_texts: of one model call; batch_wait: seconds that a batch which is not full waits for more texts;
    queue_texts: texts that may wait for a model.
    """

    body_bytes: int
    texts: int
    characters: int
    body_seconds: float
    batch_texts: int
    batch_wait: float
    queue_texts: int
