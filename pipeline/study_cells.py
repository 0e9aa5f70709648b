"""Compare the GRU from scratch with nn.GRU: outputs, gradients and time."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.params_file import read_values
from textrnn.stage import run_command
from textrnn.study.plan.json_files import write_results
from textrnn.study.plan.variants import read_study
from textrnn.study.runs.cell_comparison import differences, timings


def main() -> None:
    study = read_study(read_values(Path("study/params.yaml")))
    write_results(Path("data/study/cells.json"), {seed: differences(study.cells, seed) for seed in study.seeds})
    write_results(Path("logs/study/cells.json"), timings(study.cells, study.seeds[0]))


if __name__ == "__main__":
    run_command(main)
