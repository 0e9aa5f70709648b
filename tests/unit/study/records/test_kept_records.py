"""Records of runs: kept with their entries of dvc.lock, restored to the byte, refused if they are others."""

import hashlib
import json

import pytest
from ruamel.yaml import YAML

from factories.study_records import facts, timings
from textrnn.errors import UserError
from textrnn.study.plan.json_files import FACTS, TIMINGS, read_run, run_file, write_results
from textrnn.study.plan.settings import RunSettings, settings_file
from textrnn.study.records.kept_records import KEPT, LOCK, keep_records, made_otherwise, recorded_runs, restore_records


def make_run(variant, seed):
    """Write the files of a run, and return its entry of dvc.lock."""
    files = (
        (run_file(FACTS, variant, seed), facts(variant, seed, 0.5 + seed / 7)),
        (run_file(TIMINGS, variant, seed), timings()),
    )
    outs = []
    for path, values in files:
        write_results(path, values)
        outs.append({"path": str(path), "hash": "md5", "md5": hashlib.md5(path.read_bytes()).hexdigest()})
    deps = [{"path": "src/textrnn/study/runs", "hash": "md5", "md5": "abc.dir", "size": 1, "nfiles": 1}]
    return {"cmd": f"python pipeline/study_run.py {variant} {seed}", "deps": deps, "outs": outs}


def write_lock(**stages):
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump({"schema": "2.0", "stages": stages}, file)


def read_lock():
    return YAML(typ="safe").load(LOCK.read_text(encoding="utf-8"))


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Two kept runs in a folder that has nothing else."""
    monkeypatch.chdir(tmp_path)
    entries = {f"study_run@a-{seed}": make_run("a", seed) for seed in (1, 2)}
    write_lock(**entries, **{"study_prepare@a": {"cmd": "prepare", "deps": [{"path": "/machine/vectors"}]}})
    assert keep_records() == (["a-1", "a-2"], [])
    files = {path: path.read_bytes() for folder in (FACTS, TIMINGS) for path in folder.iterdir()}
    for path in (*files, LOCK):
        path.unlink()
    return entries, files


def test_a_restored_run_is_the_same_to_the_byte(kept):
    entries, files = kept
    assert restore_records() == ["a-1", "a-2"]
    assert {path: path.read_bytes() for path in files} == files
    assert read_lock() == {"schema": "2.0", "stages": entries}
    assert read_run(run_file(FACTS, "a", 2), run_file(TIMINGS, "a", 2))[0]["test_score"] == pytest.approx(0.785)
    assert restore_records() == []  # all is there


def test_the_runs_that_have_a_record(kept, tmp_path):
    (KEPT / "notes.json").touch()
    (KEPT / "more-notes.json").touch()
    assert recorded_runs() == [("a", 1), ("a", 2)]
    assert recorded_runs(tmp_path / "none") == []


def test_nothing_else_of_dvc_lock_is_kept(kept):
    assert "machine" not in "".join(path.read_text(encoding="utf-8") for path in KEPT.iterdir())
    assert sorted(path.name for path in KEPT.iterdir()) == ["a-1.json", "a-2.json"]


def test_a_workspace_keeps_its_own_runs(kept):
    own = make_run("a", 1)
    write_lock(**{"study_run@a-1": own, "study_cells": {"cmd": "cells"}})
    changed = run_file(FACTS, "a", 1).read_text(encoding="utf-8")
    assert restore_records() == ["a-2"]
    assert run_file(FACTS, "a", 1).read_text(encoding="utf-8") == changed
    assert read_lock()["stages"].keys() == {"study_run@a-1", "study_run@a-2", "study_cells"}


def test_an_entry_without_its_files_is_restored(kept):
    entries, _ = kept
    write_lock(**entries)
    assert restore_records() == ["a-1", "a-2"]


def test_a_run_that_dvc_did_not_make_is_left_out(kept):
    entries, _ = kept
    assert restore_records() == ["a-1", "a-2"]
    write_results(run_file(FACTS, "a", 1), facts("a", 1, 0.9))
    assert keep_records() == ([], ["a-1"])
    before = (KEPT / "a-2.json").read_bytes()
    write_lock(**entries | {"study_run@a-2": make_run("a", 2) | {"cmd": "python pipeline/other.py"}})
    assert keep_records() == (["a-2"], ["a-1"])
    assert (KEPT / "a-2.json").read_bytes() != before


def test_runs_of_other_settings_are_known(kept):
    restore_records()
    settings = settings_file(RunSettings, "a")
    settings.parent.mkdir(parents=True)
    stages = read_lock()["stages"]
    for seed, content in ((1, "old"), (2, "new")):
        md5 = hashlib.md5(content.encode()).hexdigest()
        stages[f"study_run@a-{seed}"]["deps"].append({"path": str(settings), "hash": "md5", "md5": md5})
    write_lock(**stages)
    assert made_otherwise() == set()  # there are no settings to compare with
    settings.write_text("new", encoding="utf-8")
    assert made_otherwise() == {"a-1"}


def test_a_record_that_was_edited_is_refused(kept):
    path = KEPT / "a-1.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(record | {"test_score": 0.99}), encoding="utf-8")
    with pytest.raises(UserError, match=r"a-1\.json: is not the record that was kept"):
        restore_records()
    path.write_text("<<<<<<< HEAD", encoding="utf-8")
    with pytest.raises(UserError, match=r"a-1\.json: is damaged"):
        restore_records()
