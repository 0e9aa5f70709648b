"""Export models, compare the files with them and print the result as a JSON line.

    python benchmarks/export.py models/news_rnn models/ner_gru
    python benchmarks/export.py models/news_rnn models/ner_gru --keep    # for docs/performance.md

The models and their padded shards are where the pipeline wrote them: models/<recipe> and data/padded/<recipe>.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from performance import device, parse_arguments, save
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.inference.onnx.comparison import PYTHON, RuntimeMeasurement, measure
from textrnn.inference.onnx.export import export_model
from textrnn.stage import run_command

REPEATS = 5
NAMES = {PYTHON: "Python", "float32": "onnxruntime", "int8": "onnxruntime, 8 bits"}
TEXT = """\
The whole test split in batches of 256 rows on one thread; only the network is timed, without segmentation and CRF
decoding. The speed is the median of {repeats} runs, in which the runtimes alternate. Scores are those of `evaluate`;
the accuracy of a tagger counts tokens. The difference of the logits is the largest absolute difference from the Python
model. The models are those of that machine; few training rows mean the sample corpora with `limits`. 8-bit
weights apply to embeddings, matrix products and LSTM layers, not to RNN and GRU layers."""


def measure_model(folder: Path, repeats: int) -> dict[str, Any]:
    """Measure a model and its exported files, which are written to a temporary folder."""
    padded = PaddedRows.read(folder.parent.parent / "data" / "padded" / folder.name)
    with tempfile.TemporaryDirectory() as temporary:
        files = {
            name: export_model(folder, Path(temporary) / f"{name}.onnx", int8=name == "int8")
            for name in list(NAMES)[1:]
        }
        measurements = measure(folder, files, padded, repeats=repeats)
    rows = {f"{split}_rows": padded.rows(split) for split in ("train", "test")}
    sides = {NAMES[name]: saved_values(measurement) for name, measurement in measurements.items()}
    return {"recipe": folder.name, **rows, "sides": sides}


def saved_values(measurement: RuntimeMeasurement) -> dict[str, Any]:
    """The values of a measurement that are saved."""
    return {
        "bytes": measurement.size,
        "rows_per_second": measurement.rows_per_second,
        "accuracy": measurement.scores["accuracy"],
        "entity_f1": measurement.scores.get("entity_f1"),
        "distance": f"{measurement.max_difference:.1e}",  # as text: write_json rounds numbers to six decimals
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help="a model directory")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="results are kept only with the default")
    args = parse_arguments(parser, sizes=["repeats"])
    result = {
        "benchmark": "export",
        "device": device(),
        "text": TEXT.format(repeats=args.repeats),
        "models": [measure_model(folder, args.repeats) for folder in args.models],
    }
    save(result, keep=args.keep, command=args.command)


if __name__ == "__main__":
    run_command(main)
