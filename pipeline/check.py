"""Check params.yaml as a whole, and that the files which it names are there, before any other stage runs."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.project_check import check_project_file
from textrnn.stage import run_command, write_json


def main() -> None:
    check_project_file()
    # the same bytes for all valid params: the stages depend on this file, and no valid change of params re-runs them
    write_json(Path("data/checked.json"), {"params": "valid"})


if __name__ == "__main__":
    run_command(main)
