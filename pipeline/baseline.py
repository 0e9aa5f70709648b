"""Train the baselines of an encoding, to compare its recipes with: linear models on n-grams, and the majority."""

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.baseline import Baseline
from textrnn.common.config.data import Limits
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import load_section
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.evaluation.baselines.fit import cap_epochs, noise_ceiling, train_baselines
from textrnn.evaluation.metrics.comparison import best_test_score
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.result_files import BaselineFiles
from textrnn.stage import run_stage, write_json


def main(encoding: str) -> None:
    params = read_params()
    settings, limits = load_section(Baseline, params, "baseline"), load_section(Limits, params, "limits")
    preparation = Preparation(Preparation.default_folder(encoding))
    labels, vocabulary_size = preparation.read_labels(), len(preparation.read_vocabulary())
    ids = EncodedRows.read(EncodedRows.default_folder(encoding))
    texts = SegmentedRows.read(SegmentedRows.default_folder(encoding))
    capped = cap_epochs(settings, limits.epochs)
    if capped != settings:
        print(f"{encoding}: limits cap baseline.epochs {settings.epochs} to {capped.epochs}", flush=True)
    results = list(train_baselines(ids, texts, labels, vocabulary_size, capped))
    baselines = {result.name: result.metrics() for result in results}
    ceiling = noise_ceiling(ids) if labels.task == "classify" else None
    files = BaselineFiles(encoding)
    write_json(files.baselines, {"baselines": baselines, "ceiling": ceiling})
    write_json(files.best_score, {encoding: {"baseline": best_test_score(baselines)}})
    # the time is not a metric: it differs from run to run, as that of training does
    timings = {result.name: {"seconds": result.seconds} for result in results}
    write_json(files.timings, timings)


if __name__ == "__main__":
    run_stage(main, "encoding")
