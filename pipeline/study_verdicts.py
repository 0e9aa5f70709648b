"""Judge the tutorials' claims by the runs that there are, and draw a figure of each."""

import argparse
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.params_file import read_values
from textrnn.stage import output_folder, run_command
from textrnn.study.claims.claim import LANGUAGES
from textrnn.study.plan.graph_items import STUDY_PARAMS
from textrnn.study.plan.json_files import write_results
from textrnn.study.plan.variants import read_study
from textrnn.study.records.kept_records import made_otherwise
from textrnn.study.verdicts.as_values import verdict_values
from textrnn.study.verdicts.figures import draw_figures
from textrnn.study.verdicts.judging import Measurements, judge_all
from textrnn.study.verdicts.reading import read_cells, read_runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="judge by as many seeds as the small study has")
    small = parser.parse_args().small
    study = read_study(read_values(STUDY_PARAMS))
    planned = {name: study.small.seeds if small else variant.seeds for name, variant in study.variants.items()}
    left_out = made_otherwise()
    if left_out:
        print(f"left out, as they were made with other settings: {', '.join(sorted(left_out))}", flush=True)
    measurements = Measurements.of_runs(read_runs(planned, left_out), planned, read_cells())
    judged = judge_all(measurements)
    verdicts = verdict_values(judged, measurements)
    measured = {claim["claim"]: claim["measured"] for claim in verdicts["claims"]}
    with output_folder(Path("study/plots")) as out:
        for language in LANGUAGES:
            (out / language).mkdir()
            for name, plot in draw_figures(judged, measured, measurements, language).items():
                (out / language / name).write_text(plot, encoding="utf-8")
    write_results(Path("study/verdicts.json"), verdicts)


if __name__ == "__main__":
    run_command(main)
