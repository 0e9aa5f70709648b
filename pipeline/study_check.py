"""Check study/params.yaml with study/runs.yaml, and write the settings of each variant and of its inputs."""

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.errors import ErrorCollector
from textrnn.stage import output_folder, run_command
from textrnn.study.plan.graph_items import check_items, graph_items, read_project_study
from textrnn.study.plan.settings import SETTINGS, input_settings, run_settings, write_settings


def main() -> None:
    study, params = read_project_study()
    check_items(study, params)
    with output_folder(SETTINGS) as folder, ErrorCollector() as errors:
        for name in study.variants:
            with errors.collect():
                write_settings(folder, name, run_settings(study, params, name))
        for name, item in graph_items(study, params)["inputs"].items():
            with errors.collect():
                write_settings(folder, name, input_settings(study, params, item["variant"]))


if __name__ == "__main__":
    run_command(main)
