"""Folders that outlive a killed run: what is reused and what is not, and who may write."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import re
import subprocess
import sys

import pytest

from imports import SOURCE
from textrnn.common.storage import resumable as module
from textrnn.common.storage.code_version import fingerprint
from textrnn.common.storage.markers import (
    MARKERS,
    finished_shards,
    mark_finished,
    note_work,
    read_result,
    shards_in_work,
)
from textrnn.common.storage.resumable import resumable_folder
from textrnn.errors import ResumableError, UserError


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A package of two files in place of the library's, to be edited; `fingerprint` is taken anew by `read`."""
    folder = tmp_path / "package"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.py").write_text("a = 1\n", encoding="utf-8")
    (folder / "inner" / "b.py").write_text("b = 1\n", encoding="utf-8")
    monkeypatch.setattr(module, "PACKAGE", folder)
    fingerprint.cache_clear()
    yield folder
    fingerprint.cache_clear()


def shard(folder, name, text="xyz"):
    """What a worker does for a shard: its file, then its marker."""
    (folder / MARKERS).mkdir(exist_ok=True)
    (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return mark_finished(folder, name, {"files": [f"{name}.txt"], "counts": {"a": 1}})


def stopped(path, error=KeyboardInterrupt, names=("s0", "s1"), **key):
    """A run that finishes some shards, begins one more and is stopped; the folder it leaves, if it does."""

    def fill(made):
        for name in names:
            shard(made, name)
        (made / "s9.txt").write_text("half", encoding="utf-8")
        raise error("stop", "here") if issubclass(error, UserError) else error

    return filled(path, fill, error, **key)[0]


def filled(path, fill, error, **key):
    """The folder that a run had, and the error it ended with."""
    with pytest.raises(error) as caught, resumable_folder(path, **key) as made:
        fill(made)
    return made, caught.value


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# how a folder ends


def test_a_folder_takes_its_place_without_markers(tmp_path):
    out = tmp_path / "a" / "out"
    out.mkdir(parents=True)
    (out / "old").write_text("old")
    with resumable_folder(out, seed=1) as made:
        assert re.fullmatch(r"\.out\.[0-9a-f]{16}", made.name)
        shard(made, "s0")
        assert names_in(out) == ["old"]
    assert [path.name for path in out.iterdir()] == ["s0.txt"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ResumableError, OSError, MemoryError])
def test_a_stop_leaves_the_folder_for_the_same_key(tmp_path, error):
    out = tmp_path / "out"
    made = stopped(out, error, seed=1)
    assert not out.exists()
    assert [path.name for path in tmp_path.iterdir()] == [made.name]
    with resumable_folder(out, seed=1) as again:
        assert again == made
        assert names_in(again) == [".finished/s0.json", ".finished/s1.json", "s0.txt", "s1.txt"]
        assert finished_shards(again) == {"s0", "s1"}
    assert names_in(out) == ["s0.txt", "s1.txt"]


def test_a_stop_says_what_was_kept(tmp_path):
    def fill(made):
        for name in "abc":
            shard(made, name)
        raise KeyboardInterrupt

    _, stop = filled(tmp_path / "out", fill, KeyboardInterrupt, seed=1)
    assert stop.__notes__ == ["the same command continues after the 3 finished shards"]


@pytest.mark.parametrize("error", [ValueError, UserError, RuntimeError])
def test_another_exception_removes_the_folder(tmp_path, error):
    stopped(tmp_path / "out", error, seed=1)
    assert list(tmp_path.iterdir()) == []


def test_a_stop_before_any_shard_is_finished_leaves_nothing(tmp_path):
    stopped(tmp_path / "out", names=(), seed=1)
    assert list(tmp_path.iterdir()) == []


# which folder is reused


@pytest.mark.parametrize("key", [{"seed": 2}, {"seed": 1, "more": None}, {"other": 1}, {"seed": [1]}])
def test_another_key_reuses_nothing_and_removes_the_old_folder(tmp_path, key):
    made = stopped(tmp_path / "out", seed=1)
    with resumable_folder(tmp_path / "out", **key) as other:
        assert not made.exists()
        assert names_in(other) == []


def test_the_order_of_a_key_is_all_the_same(tmp_path):
    made = stopped(tmp_path / "out", a={"x": 1, "y": [2, "字"]}, b=None)
    with resumable_folder(tmp_path / "out", b=None, a={"y": [2, "字"], "x": 1}) as again:
        assert again == made
        assert finished_shards(again) == {"s0", "s1"}


def edit(folder):
    (folder / "inner" / "b.py").write_text("b = 2\n", encoding="utf-8")


def rename(folder):
    (folder / "a.py").rename(folder / "c.py")


def add(folder):
    (folder / "inner" / "c.py").touch()


@pytest.mark.parametrize("change", [edit, rename, add])
def test_other_code_reuses_nothing(tmp_path, code, change):
    made = stopped(tmp_path / "out", seed=1)
    change(code)
    fingerprint.cache_clear()
    with resumable_folder(tmp_path / "out", seed=1) as other:
        assert not made.exists()
        assert names_in(other) == []


def test_other_versions_reuse_nothing(tmp_path, code, monkeypatch):
    monkeypatch.setattr(module, "version", lambda name: "1.0")
    seen = {fingerprint()}
    for name in ("nltk", "jieba", "rjieba", "numpy", "pyarrow", "regex"):
        monkeypatch.setattr(module, "version", lambda asked, name=name: "1.1" if asked == name else "1.0")
        fingerprint.cache_clear()
        seen.add(fingerprint())
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    fingerprint.cache_clear()
    seen.add(fingerprint())
    assert len(seen) == 8


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    assert module._version("no-such-distribution") is None
    assert module._version("numpy") == __import__("numpy").__version__


def test_the_code_is_read_once_a_process(code):
    before = fingerprint()
    edit(code)
    assert fingerprint() == before


def test_neighbours_with_longer_names_are_left_alone(tmp_path):
    neighbour = stopped(tmp_path / "out.more", seed=1)
    kept = tmp_path / ".out.notes"
    kept.mkdir()
    with resumable_folder(tmp_path / "out", seed=1):
        assert finished_shards(neighbour) == {"s0", "s1"}
        assert kept.is_dir()


# markers


def test_a_result_is_what_its_marker_says(tmp_path):
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


def lose(folder):
    (folder / "s1.txt").unlink()


def shorten(folder):
    (folder / "s1.txt").write_text("xy")


def lengthen(folder):
    (folder / "s1.txt").write_text("xyzz")


def cut_off(folder):
    marker = folder / MARKERS / "s1.json"
    marker.write_text(marker.read_text()[:-5])


def empty(folder):
    (folder / MARKERS / "s1.json").write_text("")


@pytest.mark.parametrize("change", [lose, shorten, lengthen, cut_off, empty])
def test_a_marker_is_trusted_only_with_its_files(tmp_path, change):
    made = stopped(tmp_path / "out", seed=1)
    change(made)
    with resumable_folder(tmp_path / "out", seed=1) as again:
        assert finished_shards(again) == {"s0"}
        assert names_in(again) == [".finished/s0.json", "s0.txt"]


def test_files_in_folders_are_kept_and_emptied_folders_are_not(tmp_path):
    def fill(made):
        shard(made, "s0")
        for name in ("kept/a", "lost/b"):
            (made / name).parent.mkdir()
            (made / name).write_text("1")
        mark_finished(made, "s1", {"files": ["kept/a"]})
        raise KeyboardInterrupt

    filled(tmp_path / "out", fill, KeyboardInterrupt, seed=1)
    with resumable_folder(tmp_path / "out", seed=1) as again:
        assert names_in(again) == [".finished/s0.json", ".finished/s1.json", "kept/a", "s0.txt"]
        assert not (again / "lost").exists()


def test_notes_tell_who_works_at_what(tmp_path):
    shard(tmp_path, "done.1")
    with note_work(tmp_path, "done.1"), note_work(tmp_path, "train-00003"):
        assert shards_in_work(tmp_path) == {"train-00003": os.getpid()}
    assert shards_in_work(tmp_path) == {}
    (tmp_path / MARKERS / "s.77.working").touch()
    assert shards_in_work(tmp_path) == {"s": 77}


def test_an_unfinished_stays_one_on_its_way_from_a_worker():
    error = pickle.loads(pickle.dumps(ResumableError("here", "is wrong", got=1, do="mend it")))
    assert (type(error), str(error)) == (ResumableError, "here: is wrong; got 1; mend it")


# one run at a time


def test_a_second_run_is_refused_and_harms_nothing(tmp_path):
    out = tmp_path / "out"
    with resumable_folder(out, seed=1) as made:
        shard(made, "s0")
        for key in ({"seed": 1}, {"seed": 2}):
            with (
                pytest.raises(ResumableError, match="/out: another run is writing it"),
                resumable_folder(out, **key),
            ):
                pytest.fail("must not run")
        with resumable_folder(tmp_path / "other", seed=1):
            pass
        assert finished_shards(made) == {"s0"}
    assert names_in(tmp_path) == ["out/s0.txt"]


def test_a_lock_goes_with_its_process(tmp_path):
    code = (
        "import os, sys, pathlib; from textrnn.common.storage.resumable import resumable_folder\n"
        "with resumable_folder(pathlib.Path(sys.argv[1]), seed=1): os.kill(os.getpid(), 9)"
    )
    path = str(tmp_path / "out")
    ended = subprocess.run([sys.executable, "-c", code, path], env={**os.environ, "PYTHONPATH": str(SOURCE)})
    assert ended.returncode == -9
    assert (tmp_path / ".out.lock").exists()
    with resumable_folder(tmp_path / "out", seed=1) as made:
        shard(made, "s0")
    assert names_in(tmp_path) == ["out/s0.txt"]


def test_a_lock_that_its_owner_has_just_removed_is_taken_anew(tmp_path, monkeypatch):
    lock, locked = tmp_path / ".out.lock", []

    def flock(file, how):
        real(file, how)
        locked.append(file)
        if len(locked) == 1:
            lock.unlink()

    real = module.fcntl.flock
    monkeypatch.setattr(module.fcntl, "flock", flock)
    with resumable_folder(tmp_path / "out", seed=1):
        assert lock.exists()
        with pytest.raises(ResumableError, match="another run"), resumable_folder(tmp_path / "out", seed=1):
            pytest.fail("must not run")
    assert not lock.exists()


def write_alone(path, counts):
    """Many short runs, each of which counts up a file that only a run alone can count up right."""
    done = 0
    while done < 15:
        try:
            with module._locked(path):
                counts.write_text(str(int(counts.read_text()) + 1))
                done += 1
        except ResumableError:
            pass


def test_no_two_runs_hold_the_lock(tmp_path):
    counts = tmp_path / "counts"
    counts.write_text("0")
    context = multiprocessing.get_context("spawn")
    runs = [context.Process(target=write_alone, args=(tmp_path / "out", counts)) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0, 0, 0]
    assert counts.read_text() == "45"
