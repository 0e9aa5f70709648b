"""What a server accepts, and how it batches requests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RequestLimits:
    """What a server accepts and how it batches; no limit changes a prediction.

    body_bytes, texts, request_characters: of a request; characters: Unicode code points of a text; body_seconds: for a
    body to arrive; batch_texts, batch_characters: of one model call, which may have one longer text; batch_wait:
    seconds that a batch which is not full waits for more texts; queue_texts: texts that may wait for a model;
    queue_characters: characters that may wait or be worked on, for all models.
    """

    body_bytes: int
    texts: int
    characters: int
    request_characters: int
    body_seconds: float
    batch_texts: int
    batch_characters: int
    batch_wait: float
    queue_texts: int
    queue_characters: int


class Budget:
    """A number of which several may hold parts at once, up to `most`."""

    def __init__(self, most: int) -> None:
        self.most, self.held = most, 0

    def take(self, amount: int) -> bool:
        """Take a part, unless that would be more than there is."""
        fits = self.held + amount <= self.most
        if fits:
            self.held += amount
        return fits

    def give_back(self, amount: int) -> None:
        """Give back what was taken."""
        self.held -= amount
