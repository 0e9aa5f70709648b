"""DVC's list of the paths in use: what stays in it and what does not, whoever has the numbers of its processes now."""

import contextlib
import json
import os
import subprocess
import sys
import time

import psutil
import pytest
from dvc.lock import LockError
from dvc.rwlock import rwlock

from textrnn.project.runner.paths_in_use import remove_dead_entries

SLEEP = "import time; time.sleep(60)"


@contextlib.contextmanager
def running(*words):
    process = subprocess.Popen(words)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def written(path, number, command="dvc repro check"):
    info = {"pid": number, "cmd": command}
    path.write_text(json.dumps({"write": {"/p/out": info}, "read": {"/p/in": [info]}}), encoding="utf-8")
    return path


def left(path):
    remove_dead_entries(path)
    return json.loads(path.read_text(encoding="utf-8"))


NOTHING = {"write": {}, "read": {}}


def test_entries_of_a_process_that_has_ended_are_removed(tmp_path):
    with running(sys.executable, "-c", SLEEP) as process:
        pass
    assert left(written(tmp_path / "rwlock", process.pid)) == NOTHING


def test_entries_of_a_zombie_are_removed(tmp_path):
    with running(sys.executable, "-c", "", "dvc") as process:
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert psutil.pid_exists(process.pid)
        assert left(written(tmp_path / "rwlock", process.pid)) == NOTHING


def test_entries_whose_number_another_program_has_now_are_removed(tmp_path):
    for number in (os.getpid(), os.getppid()):
        assert left(written(tmp_path / "rwlock", number)) == NOTHING
    with running(sys.executable, "-c", SLEEP) as process:
        assert left(written(tmp_path / "rwlock", process.pid)) == NOTHING


def test_dvc_itself_is_no_longer_blocked_by_them(tmp_path):
    from dvc.fs import localfs

    path = str(tmp_path / "out")
    info = {"pid": os.getppid(), "cmd": "dvc repro check"}
    text = json.dumps({"write": {path: info}, "read": {}})
    (tmp_path / "rwlock").write_text(text, encoding="utf-8")
    with pytest.raises(LockError, match="busy"), rwlock(str(tmp_path), localfs, "dvc repro", [], [path], False):
        pass
    remove_dead_entries(tmp_path / "rwlock")
    with rwlock(str(tmp_path), localfs, "dvc repro", [], [path], False):
        pass


@pytest.mark.parametrize("name", ["dvc", "dvc_script.py"])
def test_entries_of_a_running_dvc_stay_and_the_file_is_not_written(tmp_path, name):
    script = tmp_path / name
    script.write_text(SLEEP, encoding="utf-8")
    with running(sys.executable, str(script), "repro") as process:
        path = written(tmp_path / "rwlock", process.pid)
        before = path.stat().st_mtime_ns, path.read_bytes()
        remove_dead_entries(path)
        assert (path.stat().st_mtime_ns, path.read_bytes()) == before


def test_entries_of_a_program_that_calls_dvc_stay(tmp_path):
    script = tmp_path / "own.py"
    script.write_text(SLEEP, encoding="utf-8")
    with running(sys.executable, str(script), "x") as process:
        path = written(tmp_path / "rwlock", process.pid, f"{script} x")
        assert left(path)["write"] != {}


def test_only_what_is_dead_is_removed(tmp_path):
    script = tmp_path / "dvc"
    script.write_text(SLEEP, encoding="utf-8")
    with running(sys.executable, str(script)) as process:
        alive, dead = ({"pid": number, "cmd": "dvc repro"} for number in (process.pid, 2**22 + 1))
        path = tmp_path / "rwlock"
        path.write_text(json.dumps({"write": {"a": dead, "b": alive}, "read": {"c": [dead, alive], "d": [dead]}}))
        assert left(path) == {"write": {"b": alive}, "read": {"c": [alive]}}


def test_a_process_that_may_not_be_looked_at_stays(tmp_path, monkeypatch):
    def refuse(self):
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "cmdline", refuse)
    assert left(written(tmp_path / "rwlock", os.getpid()))["write"] != {}


@pytest.mark.parametrize("number", [-1, 0, 2**70])
def test_a_number_that_no_process_has_is_removed(tmp_path, number):
    assert left(written(tmp_path / "rwlock", number)) == NOTHING


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "1", '{"write": 1}', '{"write": {"a": 1}}', '{"write": {"a": {"pid": 1}}}', '{"read": {"a": 1}}'],
)
def test_a_list_that_dvc_refuses_is_removed(tmp_path, text):
    path = tmp_path / "rwlock"
    path.write_text(text, encoding="utf-8")
    remove_dead_entries(path)
    assert not path.exists()


def test_no_list_is_no_error(tmp_path):
    remove_dead_entries(tmp_path / "rwlock")
    assert list(tmp_path.iterdir()) == []
