"""What a run or the baselines of an encoding have left in this checkout, as rows of docs/results.json."""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from results_course import course_row
from results_ladders import Run
from results_measured import SHORT_ROWS, UNSEEN, WITHOUT_LONGEST
from results_runs import SHORTER_THAN
from textrnn.common.params.check import ENTRY_SECTIONS
from textrnn.common.params.sections import get_param, merge_values
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.evaluation.comparison.compared_models import BEST, find_models
from textrnn.evaluation.metrics.paired_tests import paired_test
from textrnn.evaluation.metrics.precision_recall import score_spans
from textrnn.evaluation.metrics.predicted_rows import PREDICTED, PredictedRows
from textrnn.modeling.models.model_directory import load_model
from textrnn.preparation.artifacts.result_files import BaselineFiles, RecipeFiles
from textrnn.training.planning.model_summary import summarize

METRICS = ("loss", "accuracy", "macro_f1", "entity_f1")
PARTS = {"deep": "network alone", "wide": "wide part alone"}
Row = dict[str, Any]


def recipe_rows(name: str, run: Run, params: dict[str, Any], seed: int, command: Iterable[str]) -> list[Row]:
    """A row for each metric of a recipe that was trained and evaluated; a step of an ablation has those of dev alone.

    Test scores have their 95% interval. The difference from the baseline that is best on dev has that of the paired
    bootstrap.
    """
    files = RecipeFiles(run.recipe)
    log, evaluated = _read(files.timings), _read(files.evaluated.metrics)
    by_split = {"dev": evaluated["dev"]}
    encoding = str(params["recipes"][run.recipe]["encoding"])
    if not run.only_dev:
        analysis = _read(files.analyzed.analysis)
        by_split["test"] = evaluated["test"] | {"ece": analysis["calibration"]["ece"]}
        by_split[UNSEEN] = analysis["by_text"]["rest"]
        by_split[WITHOUT_LONGEST] = analysis.get("by_row", {}).get("rest", {})
        by_split[SHORT_ROWS] = short_rows(encoding, PredictedRows.read(files.evaluated.predicted_rows), PREDICTED)
        by_split |= _parts(evaluated.get("parts", {}))
    first = {"run": name, "recipe": run.recipe, "family": "recurrent", **_data(params, encoding), "step": run.step}
    first["params"] = params_hash(params, run.recipe)
    threads = f"cpu, {log['threads']} threads, {platform.machine()}"
    last = {
        "seed": seed,
        "parameters": _parameters(files.model.folder),
        "steps": _read(files.model.folder / "training.json")["steps"],
        "seconds": round(log["seconds"], 1),
        "device": log["device"] if log["device"] != "cpu" else threads,
    }
    scores = _scores(by_split, evaluated.get("intervals", {}).get("test", {}))
    if not run.only_dev:
        scores.append(_difference(run.recipe))
    if run.course:
        scores.append(course_row(files))
    return [first | score | last | _origin(command) for score in scores]


def baseline_rows(encoding: str, params: dict[str, Any], command: Iterable[str]) -> list[Row]:
    """A row for each metric of the baselines of an encoding; the ceiling of the labels counts as one."""
    files = BaselineFiles(encoding)
    results, logs = _read(files.baselines), _read(files.timings)
    predicted = PredictedRows.read(files.predicted_rows)
    runs = {f"{encoding}: {name}": (scores, logs[name]["seconds"]) for name, scores in results["baselines"].items()}
    if results["ceiling"] is not None:
        ceiling = {split: {"accuracy": value} for split, value in results["ceiling"].items()}
        runs[f"{encoding}: ceiling"] = ceiling, 0.0
    rows = []
    for name, (scores, seconds) in runs.items():
        first = {"run": name, "recipe": None, "family": "baseline", **_data(params, encoding)}
        last = {"seed": 1, "parameters": None, "seconds": round(seconds, 1), "device": "cpu"}
        by_split = {split: scores[split] for split in ("dev", "test")} | {UNSEEN: scores.get("rest") or {}}
        column = name.partition(": ")[2]
        if column in predicted.predicted:
            by_split[SHORT_ROWS] = short_rows(encoding, predicted, column)
        intervals = scores.get("intervals", {}).get("test", {})
        rows += [first | score | last | _origin(command) for score in _scores(by_split, intervals)]
    return rows


def short_rows(encoding: str, predicted: PredictedRows, name: str) -> dict[str, float]:
    """The entity F1 of a tagger on the rows of test with fewer than SHORTER_THAN tokens; empty for classes."""
    if predicted.task == "classify":
        return {}
    short = []
    for batch in SegmentedRows.read(Path("data/segmented") / encoding).batches("test"):
        lengths = np.diff(batch["tokens"].offsets.to_numpy())
        short.append(np.array(batch["row"])[lengths < SHORTER_THAN])
    chosen = np.flatnonzero(np.isin(predicted.row_numbers, np.concatenate(short))).tolist()
    gold, entities = predicted.entities(), predicted.entities(name)
    return {"entity_f1": score_spans([gold[row] for row in chosen], [entities[row] for row in chosen]).f1}


def params_hash(params: dict[str, Any], recipe: str) -> str:
    """The hash of all params that the results of a recipe depend on, except the training seed.

    Results of different params are different runs, not seeds of one run. It makes no difference whether an entry states
    a value or has it as default.
    """
    encoding = get_param(params, "recipes", recipe, "encoding")
    corpus = get_param(params, "encodings", encoding, "corpus")
    entries = (("corpora", corpus), ("encodings", encoding), ("recipes", recipe))
    sections = {
        name: merge_values(params, table, entry, name) for table, entry in entries for name in ENTRY_SECTIONS[table]
    }
    del sections["train"]["seed"]
    relevant = {"corpus": corpus, "limits": params["limits"], **sections}
    if sections["model"]["wide"]:
        relevant["baseline"] = params["baseline"]
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _data(params: dict[str, Any], encoding: str) -> Row:
    corpus = get_param(params, "encodings", encoding, "corpus")
    rows = _read(Path("data/parsed") / corpus / "statistics.json")["rows"]["train"]
    return {"corpus": corpus, "rows": rows}


def _parameters(model: Path) -> int:
    return summarize(load_model(model).config).parameters


def _parts(parts: Mapping[str, Mapping[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The metrics of each part of a model with a wide part, by split and part."""
    return {
        f"{split}, {PARTS[part]}": scores
        for split, by_part in parts.items()
        for part, scores in by_part.items()
        if part in PARTS
    }


def _difference(recipe: str) -> Row:
    """By how much a recipe's score on test differs from that of the best baseline on dev."""
    ours, baseline = find_models(recipe, BEST)
    metric, difference = paired_test(ours.rows, ours.column, baseline.rows, baseline.column).score
    row = {"split": "test", "metric": f"{metric} difference", "value": difference.value}
    return row | {"interval": difference.interval.bounds(), "against": baseline.column}


def _scores(by_split: Mapping[str, Mapping[str, float]], intervals: Mapping[str, list[float]]) -> list[Row]:
    """A row for each metric of each split; intervals: those of test, by metric."""
    return [
        {"split": split, "metric": metric, "value": scores[metric]}
        | ({"interval": intervals[metric]} if split == "test" and metric in intervals else {})
        for split, scores in by_split.items()
        for metric in (*METRICS, "ece")
        if metric in scores
    ]


def _origin(command: Iterable[str]) -> Row:
    return {"command": shlex.join(command), "date": datetime.datetime.now(datetime.UTC).date().isoformat()}
