"""Keeps the records of runs in git, and puts them back where DVC finds them.

A kept record is one file: the facts of a run, its timings, and its entry of study/dvc.lock. DVC compares the entry's
checksums with the code, the settings and the inputs as they are, and so decides itself which runs are still valid. A
file for each run leaves nothing to merge by hand when two clones keep the runs of different claims.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from textrnn.errors import UserError
from textrnn.stage import output_file
from textrnn.study.plan.json_files import FACTS, TIMINGS, read_results, run_file, write_results
from textrnn.study.plan.result_forms import RunFacts, RunTimings
from textrnn.study.plan.settings import SETTINGS

KEPT = Path("study/records")
LOCK = Path("study/dvc.lock")
STAGE, PREPARED = "study_run@", "study_prepare@"
SCHEMA = "2.0"  # of dvc.lock


class KeptRecord(RunFacts):
    """A run's facts with its timings and its entry of study/dvc.lock."""

    timings: RunTimings
    lock: dict[str, Any]


class LockEntry(TypedDict):
    """What an entry of dvc.lock has for each output, as far as it is read here."""

    path: str
    md5: str


def keep_records(kept: Path = KEPT) -> tuple[list[str], list[str]]:
    """Keep the runs of study/dvc.lock in a folder; return the names of those that are new there, and of those left out.

    A run is left out if its files are not those that DVC has recorded, as after a run that DVC did not make. A run of
    `made_otherwise` is neither kept nor named: it would take the place of one that git has.
    """
    new, left_out, others = [], [], made_otherwise()
    for stage, entry in _read_lock().items():
        name = stage.removeprefix(STAGE)
        if not stage.startswith(STAGE) or name in others:
            continue
        if not all(_is_recorded(Path(out["path"]), out["md5"]) for out in entry["outs"]):
            left_out.append(name)
            continue
        variant, _, seed = name.rpartition("-")
        facts = read_results(run_file(FACTS, variant, int(seed)), RunFacts)
        timings = read_results(run_file(TIMINGS, variant, int(seed)), RunTimings)
        target = run_file(kept, variant, int(seed))
        before = target.read_bytes() if target.is_file() else None
        write_results(target, {**facts, "timings": timings, "lock": entry})
        if target.read_bytes() != before:
            new.append(name)
    return new, left_out


def recorded_runs(kept: Path = KEPT) -> list[tuple[str, int]]:
    """The variant and seed of each record in a folder, valid or not, by the names of the files."""
    names = (path.stem.rpartition("-") for path in sorted(kept.glob("*-*.json")))
    return [(variant, int(seed)) for variant, _, seed in names if seed.isdecimal()]


def restore_records(kept: Path = KEPT) -> list[str]:
    """Put the kept runs that the workspace has not made itself where DVC finds them; return their names.

    Those of `made_otherwise` count as not made, so study_check has to have written the settings before.
    Raises UserError for a record that is damaged: its files would not have the checksums that DVC has recorded.
    """
    stages, restored, others = _read_lock(), [], made_otherwise()
    for path in sorted(kept.glob("*.json")):
        there = f"{STAGE}{path.stem}" in stages and (FACTS / path.name).is_file() and (TIMINGS / path.name).is_file()
        if there and path.stem not in others:
            continue
        record: dict[str, Any] = {**read_results(path, KeptRecord)}
        timings, entry = record.pop("timings"), record.pop("lock")
        variant, seed = record["variant"], record["seed"]
        write_results(run_file(FACTS, variant, seed), record)
        write_results(run_file(TIMINGS, variant, seed), timings)
        if not all(_is_recorded(Path(out["path"]), out["md5"]) for out in entry["outs"]):
            raise UserError(path, "is not the record that was kept", do="take it from git again")
        stages[f"{STAGE}{path.stem}"] = entry
        restored.append(path.stem)
    if restored:
        _write_lock(stages)
    return restored


def made_otherwise() -> set[str]:
    """The names of the runs of study/dvc.lock that were made with other settings or inputs than there are now.

    They are there after a small study, or one with other limits or corpora, in the same folder. Settings are those that
    study_check has written last, inputs those that study_prepare has.
    """
    stages = _read_lock()
    prepared = {
        out["path"]: out["md5"]
        for stage, entry in stages.items()
        if stage.startswith(PREPARED)
        for out in entry.get("outs", ())
    }
    names = set()
    for stage, entry in stages.items():
        deps = entry.get("deps", ()) if stage.startswith(STAGE) else ()
        if any(_is_other(Path(dep["path"]), dep["md5"], prepared.get(dep["path"])) for dep in deps):
            names.add(stage.removeprefix(STAGE))
    return names


def _is_other(path: Path, md5: str, prepared: str | None) -> bool:
    """Whether a dep of a run is a file of settings, or a folder of inputs, that differs from what is there now."""
    if path.is_relative_to(SETTINGS / "runs"):
        return path.is_file() and not _is_recorded(path, md5)
    return prepared is not None and prepared != md5


def _is_recorded(path: Path, md5: str) -> bool:
    return path.is_file() and hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == md5


def _read_lock() -> dict[str, Any]:
    if not LOCK.is_file():
        return {}
    from ruamel.yaml import YAML

    stages: dict[str, Any] = YAML(typ="safe").load(LOCK.read_text(encoding="utf-8")).get("stages") or {}
    return stages


def _write_lock(stages: Mapping[str, Any]) -> None:
    """Write study/dvc.lock as JSON, which YAML has as a part; DVC writes it anew after the next stage."""
    with output_file(LOCK) as temporary:
        text = json.dumps({"schema": SCHEMA, "stages": stages}, indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
