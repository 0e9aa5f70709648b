"""The number of workers, from the environment."""

from __future__ import annotations

import os

import pytest

from textrnn.errors import ResumableError
from textrnn.stage import worker_count


def test_worker_count_from_the_environment(monkeypatch):
    monkeypatch.setenv("TEXTRNN_WORKERS", "3")
    assert worker_count() == 3
    monkeypatch.setenv("TEXTRNN_WORKERS", "")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 4, 5, 6, 9}, raising=False)
    assert worker_count() == 5
    monkeypatch.delenv("TEXTRNN_WORKERS")
    assert worker_count() == 5


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5", " 2", "²"])
def test_worker_count_refuses(monkeypatch, given):
    monkeypatch.setenv("TEXTRNN_WORKERS", given)
    with pytest.raises(ResumableError, match=f"^TEXTRNN_WORKERS: must be a whole number of at least 1; got '{given}'$"):
        worker_count()
