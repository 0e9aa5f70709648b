"""Reads the runs of the study that there are, and what study_cells has written."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from textrnn.study.plan.json_files import (
    CELLS,
    CELLS_FOLDER,
    CELLS_TIMINGS,
    FACTS,
    TIMINGS,
    read_results,
    read_run,
    run_file,
    run_name,
)
from textrnn.study.plan.result_forms import CellFacts, CellTimings
from textrnn.study.verdicts.measures import Runs


def read_runs(planned: Mapping[str, int], left_out: Collection[str] = ()) -> Runs:
    """The runs that there are of those planned, so many seeds of each variant.

    left_out: names of runs that do not count. Raises UserError for a run whose files are damaged, or that has one file
    of the two.
    """
    runs = [(name, seed) for name, seeds in planned.items() for seed in range(1, seeds + 1)]
    made = [run for run in runs if run_name(*run) not in left_out and run_file(FACTS, *run).is_file()]
    return {run: read_run(run_file(FACTS, *run), run_file(TIMINGS, *run)) for run in made}


def read_cells() -> tuple[CellFacts, CellTimings] | None:
    """The facts and timings of study_cells, None if it was not run. Raises UserError for damaged files."""
    if not (CELLS_FOLDER / CELLS).is_file():
        return None
    return read_results(CELLS_FOLDER / CELLS, CellFacts), read_results(CELLS_TIMINGS / CELLS, CellTimings)
