"""Prepare inputs of the study: pad the rows of an encoding, and make the embedding that runs on them start from."""

import argparse
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.data import Data
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import load_section
from textrnn.stage import run_command
from textrnn.study.inputs.prepare_inputs import prepare_inputs
from textrnn.study.plan.settings import read_input_settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="the name of an entry of inputs in study/runs.yaml")
    name = parser.parse_args().name
    vectors = Path(load_section(Data, read_params(), "data").vectors)
    prepare_inputs(name, read_input_settings(name), vectors)


if __name__ == "__main__":
    run_command(main)
