"""Export models and hold the files against them, print it as a JSON line, and keep it for docs/performance.md.

    python benchmarks/export.py models/news_rnn models/ner_gru

A model lies where its stage put it, and so do its padded shards: beside the folder of models, in data/padded.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from performance import PAGE, device, keep, read, render
from textrnn.common.storage.shards import ShardReader
from textrnn.inference.onnx.comparison import PYTHON, RuntimeMeasurement, measure
from textrnn.inference.onnx.export import export_model
from textrnn.stage import run_command

REPEATS = 5
NAMES = {PYTHON: "Python", "float32": "onnxruntime", "int8": "onnxruntime, 8 bits"}
TEXT = """\
Whole test splits in batches of 256 rows on one thread, the network alone: no segmentation, no decoding of a CRF. The
median of {repeats} runs of each side in turn. Scores are those of `evaluate`, accuracy of a tagger that of its tokens;
how far logits differ is the largest distance of any of them from the Python model's. Recipes are as they were trained
there: few rows of train are the sample corpora, under `limits`. 8 bits change embeddings, matrix products and LSTM
layers, not RNN and GRU layers."""


def measure_model(folder: Path, repeats: int) -> dict[str, Any]:
    """A model and its exported files, made in a folder that is gone afterwards."""
    padded = ShardReader(folder.parent.parent / "data" / "padded" / folder.name, "padded")
    with tempfile.TemporaryDirectory() as made:
        files = {
            name: export_model(folder, Path(made) / f"{name}.onnx", int8=name == "int8") for name in list(NAMES)[1:]
        }
        sides = measure(folder, files, padded, repeats=repeats)
    rows = {f"{split}_rows": padded.rows(split) for split in ("train", "test")}
    return {"recipe": folder.name, **rows, "sides": {NAMES[name]: side_of(side) for name, side in sides.items()}}


def side_of(side: RuntimeMeasurement) -> dict[str, Any]:
    """The figures that are kept of one way to run a model."""
    return {
        "bytes": side.size,
        "rows_per_second": side.rows_per_second,
        "accuracy": side.scores["accuracy"],
        "entity_f1": side.scores.get("entity_f1"),
        "distance": f"{side.distance:.1e}",  # text, as files of figures keep six digits behind the point
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help="a model directory")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--print", action="store_true", help="print only, keep nothing")
    args = parser.parse_args()
    figure = {
        "benchmark": "export",
        "device": device(),
        "text": TEXT.format(repeats=args.repeats),
        "models": [measure_model(folder, args.repeats) for folder in args.models],
        "command": f"python benchmarks/export.py {' '.join(str(folder) for folder in args.models)}",
    }
    keep(figure, only_print=args.print)
    if not args.print:
        PAGE.write_text(render(read()), encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
