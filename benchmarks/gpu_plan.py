"""What benchmarks/gpu.py measures, part by part, how long each part may take, and the goals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """A part of the script; seconds: its limit, None for all that is left. shows: what its results prove."""

    name: str
    seconds: float | None
    shows: str

    @property
    def limit(self) -> str:
        return "the rest" if self.seconds is None else f"{self.seconds:g} s"


PARTS = (
    Part(
        "probe",
        60,
        "versions; the type in which cells compute under autocast; whether gradients of embeddings are exact and the "
        "same in each repetition; whether each cell gives the same outputs with and without a CUDA graph, in each "
        "precision",
    ),
    Part("tests", 130, "tests/system/test_gpu.py: graphs, reproducibility and memory"),
    Part("trainings", 120, "whole trainings on 180,000 headlines with evaluations on dev, as in the stage `train`"),
    Part("amazon", 45, "steps of an LSTM 512 x 2 over 400 generated reviews of 200 tokens, in each precision"),
    Part(
        "profile",
        30,
        "the kernels in which ten replays of a graph spend their time, and whether the device waits between them",
    ),
    Part("ladder", None, "the gain of each optimization over the tutorials' loop, measured in alternation"),
)


@dataclass(frozen=True)
class Goal:
    """A goal in seconds, and where its result is in the lines: part, values of the line, key."""

    what: str
    limit: float
    part: str
    values: dict[str, Any]
    key: str = "seconds"


RNN = {"recipe": "news_rnn", "again": False}
GOALS = (
    Goal("RNN, 7 epochs of 180,000 headlines, batch 64", 15, "trainings", {**RNN, "batch_size": 64}),
    Goal("RNN, 7 epochs of 180,000 headlines, batch 1024", 2, "trainings", {**RNN, "batch_size": 1024}),
    Goal("BiLSTM, to 91.1% on test", 10, "trainings", {"recipe": "news_bilstm"}, "seconds_to_target"),
    Goal(
        "LSTM 512 x 2, 2 epochs of 800,000 x 200, float32",
        300,
        "amazon",
        {"precision": "float32"},
        "two_epochs_seconds",
    ),
    Goal("LSTM 512 x 2, 2 epochs of 800,000 x 200, TF32", 300, "amazon", {"precision": "tf32"}, "two_epochs_seconds"),
)
