"""The files that stages write for a recipe, with small made-up contents, for tests of the report."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from textrnn.evaluation.metrics.predicted_rows import PREDICTED, PredictedRows
from textrnn.preparation.artifacts.tag_schemes import Span

MODEL = {
    "cell": "gru",
    "hidden_size": 100,
    "layers": 2,
    "bidirectional": True,
    "bigrams": None,
    "words": None,
    "readout": ["max", "last_valid"],
    "layer_norm": False,
    "crf": False,
}
TRAINING = {"steps": 70, "epochs": 5.0, "best_step": 56, "dev_loss": 0.9, "dev_accuracy": 0.7, "stopped_by": None}


@dataclass(frozen=True)
class ResultFolders:
    """The folders of a project that stages write results to."""

    metrics: Path
    models: Path
    evaluated: Path
    analyzed: Path
    baselines: Path


def result_folders(project: Path) -> ResultFolders:
    data = project / "data"
    return ResultFolders(
        project / "metrics", project / "models", data / "evaluated", data / "analyzed", data / "baselines"
    )


def write_json(path: Path, values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")


def write_csv(path: Path, rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def write_baselines(
    folders: ResultFolders, encoding: str, score: str, ceiling: Any = None, **scores: tuple[float, float]
) -> None:
    """Write the baselines of an encoding with the scores (dev, test) of each named baseline."""
    baselines = {
        name: {
            split: {"accuracy": 0.5, "macro_f1": 0.4, score: value}
            for split, value in zip(("dev", "test"), values, strict=True)
        }
        for name, values in scores.items()
    }
    write_json(folders.baselines / f"{encoding}.json", {"baselines": baselines, "ceiling": ceiling})


def write_recipe(
    folders: ResultFolders,
    name: str,
    confusion: np.ndarray,
    classes: Sequence[str],
    errors: Sequence[Mapping[str, Any]],
    scores: Mapping[str, float],
    segmenter: str = "chars",
) -> None:
    """Write all files of a recipe except its encoding's baselines, with these confusion counts (C, C) and metrics."""
    metrics, model, analyzed = folders.metrics / name, folders.models / name, folders.analyzed / name
    split = {"rows": 2700, "truncated_share": 0.125, "padding_share": 0.25}
    padding = {"widths": [7, 16], "train": split, "dev": {"rows": 300}, "test": {"rows": 600}}
    write_json(analyzed / "padding.json", padding)
    write_json(model / "training.json", TRAINING)
    values = {"loss": 0.9, "accuracy": 0.75, "macro_f1": 0.25, **scores}
    intervals = {metric: [0.95 * value, 1.04 * value] for metric, value in values.items() if metric != "loss"}
    evaluated = {"dev": values, "test": values, "intervals": {"dev": intervals, "test": intervals}}
    write_json(folders.evaluated / name / "metrics.json", evaluated)
    write_csv(metrics / "curves.csv", [("step", "split", "loss", "accuracy"), *_curves()])
    write_csv(analyzed / "lengths.csv", [("length", "rows"), (3, 74), (8, 430), (26, 1)])
    counts = zip(classes, *confusion.T.tolist(), strict=True)
    write_csv(analyzed / "confusion_counts.csv", [("actual", *classes), *counts])
    rows = [("class", label, 0.5, 0.25, 0.3333, 12) for label in classes]
    rows += [("entity", label, 0.5, 0.25, 0.3333, 12) for label in classes if "entity_f1" in scores]
    write_csv(analyzed / "classes.csv", [("kind", "name", "precision", "recall", "f1", "support"), *rows])
    bins = [(0.4, 0.466667, 30, 0.45, 0.5), (0.933333, 1.0, 90, 0.97, 0.9)]
    write_csv(analyzed / "reliability.csv", [("lower", "upper", "count", "confidence", "accuracy"), *bins])
    write_json(analyzed / "analysis.json", _analysis(confusion, classes, "entity_f1" in scores))
    lines = (json.dumps(error, ensure_ascii=False) + "\n" for error in errors)
    (analyzed / "errors.jsonl").write_text("".join(lines), encoding="utf-8")
    write_json(model / "config.json", {"model": MODEL})
    write_json(model / "segmentation.json", {"segmenter": segmenter})
    weights = {"embedding": np.zeros((10, 7), np.float32), "pairs": np.zeros(5, np.int64)}
    save_file(weights, str(model / "model.safetensors"))


def write_class_rows(
    folders: ResultFolders, recipe: str, classes: Sequence[str], count: int, own: int, **baselines: int
) -> None:
    """Write predictions of `count` rows: the recipe is right in the first `own`, each baseline in the last so many."""
    gold = np.arange(count) % len(classes)
    wrong = (gold + 1) % len(classes)
    first, last = np.arange(count), np.arange(count)[::-1]
    predicted = {PREDICTED: np.where(first < own, gold, wrong)}
    of_baselines = {name: np.where(last < right, gold, wrong) for name, right in baselines.items()}
    for path, columns in _row_files(folders, recipe, predicted, of_baselines):
        PredictedRows.of_classes(first, gold, columns, classes).write(path)


def write_entity_rows(folders: ResultFolders, recipe: str, count: int, own: int, **baselines: int) -> None:
    """The same of sentences with an entity each, which a model finds or misses."""
    gold = [{(row % 5, row % 5 + 2, "LOC")} for row in range(count)]
    nothing: list[set[Span]] = [set()] * count
    predicted = {PREDICTED: gold[:own] + nothing[own:]}
    of_baselines = {name: nothing[right:] + gold[count - right :] for name, right in baselines.items()}
    for path, columns in _row_files(folders, recipe, predicted, of_baselines):
        PredictedRows.of_entities(np.arange(count), gold, columns).write(path)


def _row_files(folders: ResultFolders, recipe: str, *columns: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    paths = (folders.evaluated / recipe / "predicted.arrow", folders.baselines / f"{recipe}_chars.arrow")
    return zip(paths, columns, strict=True)


def _curves() -> list[tuple[int, str, float, float]]:
    values = [(14, 2.3, 0.3), (28, 1.5, 0.5), (42, 1.2, 0.625)]
    return [(step, split, loss, accuracy) for step, loss, accuracy in values for split in ("train", "dev")]


def _analysis(confusion: np.ndarray, classes: Sequence[str], tags: bool) -> dict[str, Any]:
    scores = {"rows": 120, "entities": 40, "entity_f1": 0.3} if tags else {"rows": 120, "accuracy": 0.7}
    wrong = [(a, b) for a in range(len(classes)) for b in range(len(classes)) if a != b and confusion[a, b]]
    pairs = [
        {"gold": classes[a], "predicted": classes[b], "count": int(confusion[a, b]), "share": 0.25} for a, b in wrong
    ]
    groups = {
        "by_length": {"2-5": scores},
        "by_rarest": {"0": scores, "1-9": scores},
        "by_text": {"known": scores},
        **({"by_row": {"fullest": scores}, "entities": {"rest": scores}} if tags else {}),
    }
    return {"calibration": {"ece": 0.0625}, **groups, "confused": pairs[:10]}
