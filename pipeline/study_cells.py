"""Compare the GRU from scratch with torch's cells: outputs, gradients, gates, parameters and time."""

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.stage import run_command
from textrnn.study.cells.cell_comparison import differences, timings
from textrnn.study.cells.gates import extreme_gates, layer_parameters
from textrnn.study.plan.graph_items import read_project_study
from textrnn.study.plan.json_files import CELLS, CELLS_FOLDER, CELLS_TIMINGS, write_results


def main() -> None:
    study, _ = read_project_study()
    sizes = study.cells
    seeds = range(1, sizes.seeds + 1)
    measured = {seed: differences(sizes, seed) | extreme_gates(sizes, seed) for seed in seeds}
    write_results(CELLS_FOLDER / CELLS, {"differences": measured, "parameters": layer_parameters(sizes)})
    write_results(CELLS_TIMINGS / CELLS, timings(sizes, 1))


if __name__ == "__main__":
    run_command(main)
