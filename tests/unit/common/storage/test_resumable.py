"""Working folders of interrupted runs: what the next run reuses, what it removes, and who may write."""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import re
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from factories.resumable_folders import finish_shard, names_in
from textrnn.common.storage import code_version
from textrnn.common.storage.code_version import fingerprint
from textrnn.common.storage.markers import (
    MARKERS,
    finished_shards,
    mark_finished,
    mark_in_progress,
    read_result,
    shards_in_progress,
)
from textrnn.common.storage.resumable import resumable_folder
from textrnn.errors import ResumableError, UserError


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library of two files in place of the real one; clear `_hash_library` to see an edit as a new process does."""
    folder = tmp_path / "library"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.py").write_text("a = 1\n", encoding="utf-8")
    (folder / "inner" / "b.py").write_text("b = 1\n", encoding="utf-8")
    monkeypatch.setattr(code_version, "LIBRARY", folder)
    code_version._hash_library.cache_clear()
    yield folder
    code_version._hash_library.cache_clear()


def interrupted_run(path, error=KeyboardInterrupt, names=("s0", "s1"), **key):
    """Run until some shards are finished and one more is begun, then raise the error; returns the working folder."""

    def fill(folder):
        for name in names:
            finish_shard(folder, name)
        (folder / "s9.txt").write_text("half", encoding="utf-8")
        raise error("stop", "here") if issubclass(error, UserError) else error

    return failing_run(path, fill, error, **key)[0]


def failing_run(path, fill, error, **key):
    """The working folder of a run, and the error that ended it."""
    with pytest.raises(error) as caught, resumable_folder(path, **key) as folder:
        fill(folder)
    return folder, caught.value


# how a run ends


def test_a_finished_folder_replaces_the_output_without_markers(tmp_path):
    out = tmp_path / "a" / "out"
    out.mkdir(parents=True)
    (out / "old").write_text("old")
    with resumable_folder(out, seed=1) as folder:
        assert re.fullmatch(r"\.textrnn/out\.[0-9a-f]{16}", str(folder.relative_to(out.parent)))
        finish_shard(folder, "s0")
        assert names_in(out) == ["old"]
    assert names_in(out) == ["checksums.json", "s0.txt"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ResumableError, OSError, MemoryError])
def test_an_interrupt_keeps_the_folder_for_the_same_key(tmp_path, error):
    out = tmp_path / "out"
    folder = interrupted_run(out, error, seed=1)
    assert not out.exists()
    assert list(tmp_path.iterdir()) == [folder.parent]
    assert list(folder.parent.iterdir()) == [folder]
    with resumable_folder(out, seed=1) as again:
        assert again == folder
        assert names_in(again) == [".finished/s0.json", ".finished/s1.json", "s0.txt", "s1.txt"]
        assert finished_shards(again) == {"s0", "s1"}
    assert names_in(out) == ["checksums.json", "s0.txt", "s1.txt"]


def test_an_interrupt_reports_what_was_kept(tmp_path):
    def fill(folder):
        for name in "abc":
            finish_shard(folder, name)
        raise KeyboardInterrupt

    _, error = failing_run(tmp_path / "out", fill, KeyboardInterrupt, seed=1)
    assert error.__notes__ == ["the same command continues after the 3 finished shards"]


@pytest.mark.parametrize("error", [ValueError, UserError, RuntimeError])
def test_another_exception_removes_the_folder(tmp_path, error):
    interrupted_run(tmp_path / "out", error, seed=1)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_before_any_shard_is_finished_keeps_nothing(tmp_path):
    interrupted_run(tmp_path / "out", names=(), seed=1)
    assert list(tmp_path.iterdir()) == []


# which folder is reused


@pytest.mark.parametrize("key", [{"seed": 2}, {"seed": 1, "more": None}, {"other": 1}, {"seed": [1]}])
def test_another_key_reuses_nothing_and_removes_the_old_folder(tmp_path, key):
    folder = interrupted_run(tmp_path / "out", seed=1)
    with resumable_folder(tmp_path / "out", **key) as other:
        assert not folder.exists()
        assert names_in(other) == []


def test_the_order_of_a_key_does_not_matter(tmp_path):
    folder = interrupted_run(tmp_path / "out", a={"x": 1, "y": [2, "字"]}, b=None)
    with resumable_folder(tmp_path / "out", b=None, a={"y": [2, "字"], "x": 1}) as again:
        assert again == folder
        assert finished_shards(again) == {"s0", "s1"}


def edit(folder):
    (folder / "inner" / "b.py").write_text("b = 2\n", encoding="utf-8")


def rename(folder):
    (folder / "a.py").rename(folder / "c.py")


def add(folder):
    (folder / "inner" / "c.py").touch()


@pytest.mark.parametrize("change", [edit, rename, add])
def test_other_code_reuses_nothing(tmp_path, library, change):
    folder = interrupted_run(tmp_path / "out", seed=1)
    change(library)
    code_version._hash_library.cache_clear()
    with resumable_folder(tmp_path / "out", seed=1) as other:
        assert not folder.exists()
        assert names_in(other) == []


def test_other_versions_reuse_nothing(library, monkeypatch):
    monkeypatch.setattr(code_version, "version", lambda name: "1.0")
    fingerprints = {fingerprint()}
    for changed in ("nltk", "jieba", "rjieba", "numpy", "pyarrow", "regex"):
        monkeypatch.setattr(code_version, "version", lambda name, changed=changed: "1.1" if name == changed else "1.0")
        fingerprints.add(fingerprint())
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    fingerprints.add(fingerprint())
    assert len(fingerprints) == 8


def test_a_distribution_that_is_not_installed_has_no_version():
    assert code_version._version("no-such-distribution") is None
    assert code_version._version("numpy") == __import__("numpy").__version__


def test_the_code_is_hashed_once_per_process(library):
    before = fingerprint()
    edit(library)
    assert fingerprint() == before
    code_version._hash_library.cache_clear()
    assert fingerprint() != before


def test_folders_of_outputs_with_longer_names_are_kept(tmp_path):
    neighbour = interrupted_run(tmp_path / "out.more", seed=1)
    other = neighbour.with_name("out.notes")
    other.mkdir()
    with resumable_folder(tmp_path / "out", seed=1):
        assert finished_shards(neighbour) == {"s0", "s1"}
        assert other.is_dir()


# markers


def test_a_result_is_read_from_its_marker(tmp_path):
    (tmp_path / MARKERS).mkdir()
    (tmp_path / "s.txt").write_text("four")
    result = mark_finished(tmp_path, "s", {"files": ["s.txt"], "pair": (1, 2), "名": {3: "字"}})
    assert result == {"files": ["s.txt"], "pair": [1, 2], "名": {"3": "字"}}
    assert read_result(tmp_path, "s") == result
    assert names_in(tmp_path) == [".finished/s.json", "s.txt"]
    assert json.loads((tmp_path / MARKERS / "s.json").read_text(encoding="utf-8"))["sizes"] == {"s.txt": 4}


def test_no_marker_for_a_file_that_was_not_written(tmp_path):
    (tmp_path / MARKERS).mkdir()
    with pytest.raises(FileNotFoundError, match=r"lost\.txt"):
        mark_finished(tmp_path, "s", {"files": ["lost.txt"]})
    assert names_in(tmp_path) == []


def remove(folder):
    (folder / "s1.txt").unlink()


def shorten(folder):
    (folder / "s1.txt").write_text("xy")


def lengthen(folder):
    (folder / "s1.txt").write_text("xyzz")


def truncate(folder):
    marker = folder / MARKERS / "s1.json"
    marker.write_text(marker.read_text()[:-5])


def empty(folder):
    (folder / MARKERS / "s1.json").write_text("")


@pytest.mark.parametrize("change", [remove, shorten, lengthen, truncate, empty])
def test_a_marker_is_valid_only_with_its_files(tmp_path, change):
    folder = interrupted_run(tmp_path / "out", seed=1)
    change(folder)
    with resumable_folder(tmp_path / "out", seed=1) as again:
        assert finished_shards(again) == {"s0"}
        assert names_in(again) == [".finished/s0.json", "s0.txt"]


def test_files_in_folders_are_kept_and_emptied_folders_are_not(tmp_path):
    def fill(folder):
        finish_shard(folder, "s0")
        for name in ("kept/a", "lost/b"):
            (folder / name).parent.mkdir()
            (folder / name).write_text("1")
        mark_finished(folder, "s1", {"files": ["kept/a"]})
        raise KeyboardInterrupt

    failing_run(tmp_path / "out", fill, KeyboardInterrupt, seed=1)
    with resumable_folder(tmp_path / "out", seed=1) as again:
        assert names_in(again) == [".finished/s0.json", ".finished/s1.json", "kept/a", "s0.txt"]
        assert not (again / "lost").exists()


def test_shards_in_progress_have_the_process_that_works_on_them(tmp_path):
    finish_shard(tmp_path, "done.1")
    with mark_in_progress(tmp_path, "done.1"), mark_in_progress(tmp_path, "train-00003"):
        assert shards_in_progress(tmp_path) == {"train-00003": os.getpid()}
    assert shards_in_progress(tmp_path) == {}
    (tmp_path / MARKERS / "s.77.working").touch()
    assert shards_in_progress(tmp_path) == {"s": 77}


def test_a_resumable_error_keeps_its_class_when_pickled():
    error = pickle.loads(pickle.dumps(ResumableError("here", "is wrong", got=1, do="mend it")))
    assert (type(error), str(error)) == (ResumableError, "here: is wrong; got 1; mend it")


# one run at a time


def test_a_second_run_is_refused_and_harms_nothing(tmp_path):
    out = tmp_path / "out"
    with resumable_folder(out, seed=1) as folder:
        finish_shard(folder, "s0")
        for key in ({"seed": 1}, {"seed": 2}):
            with (
                pytest.raises(ResumableError, match="/out: another run is writing it"),
                resumable_folder(out, **key),
            ):
                pytest.fail("must not run")
        with resumable_folder(tmp_path / "other", seed=1):
            pass
        assert finished_shards(folder) == {"s0"}
    assert names_in(tmp_path) == ["out/checksums.json", "out/s0.txt"]


def test_a_lock_file_that_its_owner_has_just_removed_is_not_taken(tmp_path, monkeypatch):
    lock, locked = tmp_path / ".textrnn" / "out.lock", []

    def flock(file, operation):
        real(file, operation)
        locked.append(file)
        if len(locked) == 1:
            lock.unlink()

    real = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", flock)
    with resumable_folder(tmp_path / "out", seed=1):
        assert lock.exists()
        with pytest.raises(ResumableError, match="another run"), resumable_folder(tmp_path / "out", seed=1):
            pytest.fail("must not run")
    assert not lock.exists()


def test_the_lock_file_is_removed_while_the_lock_is_held(tmp_path, monkeypatch):
    lock, removals = tmp_path / ".textrnn" / "out.lock", []

    def unlink(path, missing_ok=False):
        if path == lock:
            removals.append(path)
            with pytest.raises(Timeout), FileLock(lock, timeout=0):
                pytest.fail("another process could have taken this lock, and would lose its file")
        real(path, missing_ok=missing_ok)

    real = Path.unlink
    monkeypatch.setattr(Path, "unlink", unlink)
    with resumable_folder(tmp_path / "out", seed=1):
        pass
    assert removals == [lock]
