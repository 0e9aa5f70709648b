"""All that the stage `analyze` reads of a tiny classifier, for tests of the analysis and of the card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factories.saved_models import LABELS, options, save
from factories.shards import write_padded, write_segmented
from textrnn.common.config.model import BigramOptions
from textrnn.evaluation.scoring.evaluate import evaluate, metrics
from textrnn.modeling.models.model_directory import load_model
from textrnn.preparation.artifacts.result_files import RecipeFiles

RECIPE, ENCODING = "tiny", "letters"
IDS = [([2 + (3 * row) % 7, 2 + row % 5], row % 3) for row in range(12)]
TEXTS = [(["abcdefg"[token - 2] for token in ids], label) for ids, label in IDS]
SEEN = TEXTS[:6]  # the texts of train
PARAMS = {
    "data": {"source": "data/sample"},
    "encodings": {ENCODING: {"corpus": "alphabet"}},
    "recipes": {RECIPE: {"encoding": ENCODING}},
}
SEGMENTATION = {"clean": [], "segmenter": "chars", "punkt": None}
PADDED = {"rows": 2700, "longest": 468, "truncated_rows": 12}
ENCODED = {"unknown_share": {"train": 0.0, "dev": 0.01706, "test": 1}, "min_count": 2, "max_tokens": None}
EMBEDDED: dict[str, Any] = {
    **{"width": 4, "vectors": None, "lexicon": None, "bigrams": None, "vectorized_texts": None},
}
TRAINED = {"steps": 60, "stopped_by": None, "params": {"seed": 1, "clip_norm": 5.0}, "capped": []}


def write_json(path: Path, values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


def write_inputs(folder: Path, params: Mapping[str, Any] = PARAMS) -> Any:
    """Write the files of all earlier stages into a project's folder; return the saved network."""
    data, models = folder / "data", folder / "models"
    for path in (data / "padded", data / "segmented", data / "evaluated" / RECIPE, models, folder / "work"):
        path.mkdir(parents=True)
    write_json(folder / "params.yaml", params)
    padded = write_padded(folder / "work", "classify", {"train": IDS, "dev": IDS[:6], "test": IDS}, 4)
    write_segmented(data / "segmented" / ENCODING, "classify", {"train": SEEN, "test": TEXTS})
    model, _, network = save(models, options(bigrams=BigramOptions(3, 1)), labels=LABELS, facts=padded.facts)
    write_json(model / "segmentation.json", SEGMENTATION)
    write_json(model / "training.json", TRAINED)
    evaluations = {split: evaluate(load_model(model), padded, split) for split in ("dev", "test")}
    evaluations["test"].predictions.write(RecipeFiles(RECIPE, folder).evaluated.predictions)
    values = {split: metrics(evaluation) for split, evaluation in evaluations.items()}
    write_json(RecipeFiles(RECIPE, folder).evaluated.metrics, values)
    padded.folder.rename(data / "padded" / RECIPE)
    write_json(data / "padded" / RECIPE / "statistics.json", dict.fromkeys(("train", "dev", "test"), PADDED))
    (data / "padded" / RECIPE / "lengths.csv").write_text("length,rows\n2,12\n", encoding="utf-8")
    write_json(data / "encoded" / ENCODING / "ids" / "statistics.json", ENCODED)
    write_json(data / "embedded" / RECIPE / "statistics.json", EMBEDDED)
    return network
