"""Takes the results file of benchmarks/gpu.py into docs/performance.json, and renders the pages."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
import gpu_page
from gpu_ladder import GRU, GRU_SIDES, YARDSTICK
from gpu_plan import GOALS, Goal
from gpu_record import Line, read_lines
from gpu_sides import CASES, RUNGS
from performance import compare, save
from textrnn.errors import UserError

PREFIX = "gpu_"
MODES = {"eager": GRU_SIDES[:2], "graphs": GRU_SIDES[2:]}
COMMAND = "python benchmarks/gpu.py build/gpu"

PROFILE_TEXT = """Seconds of the kernels of ten steps, in float32, under torch's profiler. Without the profiler a step
takes {step_milliseconds:.3g} ms by the clock; its {kernels:.0f} kernels, copies included, take
{kernel_milliseconds:.3g} ms."""


def keep_results(path: Path) -> None:
    """Save a file of results in docs/performance.json, and render the pages.

    Of each part the latest run counts. Raises UserError for results of a CPU or of a rehearsal.
    """
    lines = read_lines(path)
    if not lines:
        raise UserError(path, "has no results")
    if any(line["small"] for line in lines):
        raise UserError(path, "has results of --small", do="only those of whole runs are kept")
    if any(line["device"] == "CPU" for line in lines):
        raise UserError(path, "has results of a CPU", do="only those of a GPU are kept")
    latest = {line["part"]: line["run"] for line in lines}
    lines = [line for line in lines if line["run"] == latest[line["part"]]]
    for result in summarize(lines):
        save(result, keep=True, command=COMMAND)
    gpu_page.main()


def summarize(lines: list[Line]) -> list[dict[str, Any]]:
    """The results for docs/performance.json: all lines and the goals, each case of the ladder, each profile."""
    device, date = lines[-1]["device"], max(line["run"] for line in lines)[:10]
    common = {"device": device, "date": date}
    dropped = {"run", "device", "small"}
    kept = [{key: _readable(value) for key, value in line.items() if key not in dropped} for line in lines]
    goals = [{"goal": goal.what, "limit": goal.limit, "measured": _measured(goal, lines)} for goal in GOALS]
    results: list[dict[str, Any]] = [{"benchmark": "gpu", "goals": goals, "lines": kept, **common}]
    for name in (*CASES, GRU):
        rounds = [line for line in _of(lines, "ladder", "ladder", case=name) if _is_whole(line)]
        if rounds:
            result = _grus(rounds) if name == GRU else _rungs(name, rounds)
            results.append({**result, "differences": "none counted", "repeats": len(rounds), **common})
    for line in _of(lines, "profile", "profile"):
        if line.get("parts"):
            name, text = PREFIX + line["case"], PROFILE_TEXT.format(**line)
            results.append({"benchmark": f"{name}_profile", "of": name, "text": text, "parts": line["parts"], **common})
    return results


def _readable(value: Any) -> Any:
    """The value; a number that would be rounded to 0 in the file becomes text."""
    if isinstance(value, float) and 0 < abs(value) < 1e-3:
        return f"{value:.1e}"
    return value


def _is_whole(line: Line) -> bool:
    """Whether a round has the yardstick's rate and one of ours, or those of all GRUs."""
    rates = line.get("rates", line)
    sides = GRU_SIDES if line["case"] == GRU else (YARDSTICK,)
    return all(side in rates for side in sides) and (line["case"] == GRU or len(rates) > 1)


def _rungs(name: str, rounds: list[Line]) -> dict[str, Any]:
    """A case of the ladder; `ours` is its fastest rung."""
    rates = [line["rates"] for line in rounds]
    theirs = [sides[YARDSTICK] for sides in rates]
    ours = {rung: [sides[rung] for sides in rates if rung in sides] for rung in RUNGS}
    steps = {
        rung: compare(PREFIX + name, of_rung, theirs, unit="samples/s") for rung, of_rung in ours.items() if of_rung
    }
    rungs = {rung: {"ours": step["ours"], "ratio": step["ratio"]} for rung, step in steps.items()}
    fastest = max(steps, key=lambda rung: float(steps[rung]["ours"]))
    return {**steps[fastest], "rung": fastest, "rungs": rungs, "batches": rounds[-1]["batches"]}


def _grus(rounds: list[Line]) -> dict[str, Any]:
    modes = {
        mode: compare(PREFIX + GRU, [line[ours] for line in rounds], [line[theirs] for line in rounds], unit="steps/s")
        for mode, (ours, theirs) in MODES.items()
    }
    rungs = {mode: {key: side[key] for key in ("ours", "yardstick", "ratio")} for mode, side in modes.items()}
    return {**modes["graphs"], "rungs": rungs}


def _of(lines: Iterable[Line], part: str, result: str, **values: Any) -> list[Line]:
    """The lines of a part and a result that have these values."""
    wanted = {"part": part, "result": result, **values}
    return [line for line in lines if all(line.get(key) == value for key, value in wanted.items())]


def _measured(goal: Goal, lines: list[Line]) -> float | None:
    """The seconds of a goal, None where they were not measured or not reached."""
    wanted = {"part": goal.part, **goal.values}
    for line in lines:
        if all(line.get(key) == value for key, value in wanted.items()) and goal.key in line:
            return line[goal.key] if line.get("stopped_by") != "time_limit" else None
    return None
