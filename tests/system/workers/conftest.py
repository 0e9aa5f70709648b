"""Workers on small shards: the functions they run, a folder for their outputs, and a stage as a process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from factories.imports import SOURCE
from factories.shard_tasks import FUNCTIONS, STAGE
from textrnn.common.executor import tasks as module
from textrnn.common.storage import code_version


@pytest.fixture(scope="session")
def functions(tmp_path_factory):
    """The module of shard functions, imported as workers import it: from a folder on the path."""
    folder = tmp_path_factory.mktemp("functions")
    (folder / "shard_functions.py").write_text(FUNCTIONS, encoding="utf-8")
    sys.path.insert(0, str(folder))
    import shard_functions

    yield shard_functions
    sys.path.remove(str(folder))


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    code_version._hash_library.cache_clear()  # the sources may have been edited since the last test
    monkeypatch.setattr(module, "MIN_ROWS_FOR_POOL", 0)
    monkeypatch.setenv("TEXTRNN_WORKERS", "2")
    monkeypatch.delenv("TEXTRNN_SCHEDULER", raising=False)


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def stage(functions, tmp_path):
    """A function that starts the stage script in its own process group, as a shell does; the test ends it."""
    script = tmp_path / "stage.py"
    script.write_text(STAGE.replace("SOURCE", repr(str(SOURCE)), 1), encoding="utf-8")
    (tmp_path / "shard_functions.py").write_text(FUNCTIONS, encoding="utf-8")
    running = []

    def start(task, **env):
        command = [sys.executable, str(script), task]
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**os.environ, **env},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
