"""Judge the tutorials' claims by the study's runs, and draw the measures."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.params_file import read_values
from textrnn.stage import output_folder, run_command
from textrnn.study.plan.json_files import read_results, read_runs, write_results
from textrnn.study.plan.result_forms import CellDifferences, CellTimings
from textrnn.study.plan.variants import read_study
from textrnn.study.verdicts.curves import draw_all
from textrnn.study.verdicts.judging import judge_all
from textrnn.study.verdicts.measure_plots import draw_measures


def main() -> None:
    study = read_study(read_values(Path("study/params.yaml")))
    facts_folder, timings_folder = Path("data/study"), Path("logs/study")
    runs = read_runs(facts_folder / "runs", timings_folder, study.runs, study.seeds)
    cell_differences = read_results(facts_folder / "cells.json", CellDifferences)
    cell_timings = read_results(timings_folder / "cells.json", CellTimings)
    verdicts = judge_all(runs, cell_differences, cell_timings)
    plots = draw_all(runs)
    measured = {row["claim"]: row["measured"] for row in verdicts["claims"] if any(row["measured"].values())}
    plots |= {f"{claim}.svg": draw_measures(measures) for claim, measures in measured.items()}
    with output_folder(Path("study/plots")) as out:
        for name, plot in plots.items():
            (out / name).write_text(plot, encoding="utf-8")
    write_results(Path("study/verdicts.json"), verdicts)


if __name__ == "__main__":
    run_command(main)
