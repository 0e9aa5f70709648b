"""Has a run of the exhaustive tests recorded."""

from __future__ import annotations

import pytest

from exhaustive.recorder import PassRecorder
from exhaustive.state import ROOT


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the workers of pytest-xdist send their reports to the process that has it
        config.pluginmanager.register(PassRecorder(ROOT))
