"""Train the baselines of an encoding, to compare its recipes with; keep the best linear model on n-grams."""

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.baseline import Baseline
from textrnn.common.config.data import Limits
from textrnn.common.integrity.checksums import checked_folder, write_sibling_checksums
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import load_section
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.evaluation.baselines import window_crf
from textrnn.evaluation.baselines.fit import cap_epochs, noise_ceiling, train_baselines
from textrnn.evaluation.baselines.results import best_linear_model
from textrnn.evaluation.metrics.comparison import best_test_score
from textrnn.evaluation.metrics.predicted_rows import PredictedRows
from textrnn.preparation.artifacts.linear_model import LinearModel
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.result_files import BaselineFiles
from textrnn.stage import output_file, run_stage, write_json


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
    results = []
    for result in train_baselines(ids, texts, labels, vocabulary_size, capped):
        print(f"{encoding}: {result.line()}", flush=True)
        results.append(result)
    if labels.task == "tag" and not window_crf.is_installed():
        print(f"{encoding}: {window_crf.left_out()}", flush=True)
    baselines = {result.name: result.metrics() for result in results}
    ceiling = noise_ceiling(ids) if labels.task == "classify" else None
    with checked_folder(LinearModel.default_folder(encoding)) as folder:
        best_linear_model(results, LinearModel.empty(vocabulary_size, len(labels.names))).write(folder)
    files = BaselineFiles(encoding)
    write_json(files.baselines, {"baselines": baselines, "ceiling": ceiling})
    with output_file(files.predicted_rows) as temporary:
        PredictedRows.joined([result.rows for result in results]).write(temporary)
    write_sibling_checksums(files.stored)
    write_json(files.best_score, {encoding: {"baseline": best_test_score(baselines)}})
    # the time is not a metric: it differs from run to run, as that of training does
    timings = {result.name: {"seconds": result.seconds} for result in results}
    write_json(files.timings, timings)


if __name__ == "__main__":
    run_stage(main, "encoding")
