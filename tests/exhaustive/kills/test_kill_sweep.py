"""Kills at random moments, of whatever process and by whatever signal, lose nothing and change no byte.

`make test-kills` runs them and writes docs/reliability.json; TEXTRNN_KILLS has another number of them, for a trial.
"""

from __future__ import annotations

import os
import time

import pytest

from factories.kill_record import record
from factories.kill_sweep import Sweep, plan

pytestmark = pytest.mark.kills

KILLS, SEED = 100, 21


def test_runs_that_are_killed_at_random_end_in_the_same_bytes(tmp_path):
    count, started = int(os.environ.get("TEXTRNN_KILLS", KILLS)), time.monotonic()
    figures = Sweep(tmp_path).run(plan(count, SEED))
    assert figures.different == []
    assert figures.signals.total() == count
    if count == KILLS:
        assert figures.victims["lock"] > 0, "no kill hit DVC while it wrote dvc.lock"
        assert figures.locks_cut > 0, "no kill cut dvc.lock"
        record(figures, SEED, (time.monotonic() - started) / 60)
