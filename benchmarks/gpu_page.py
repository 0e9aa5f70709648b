"""The page docs/gpu.md: what benchmarks/gpu.py measures, and what it has measured.

python benchmarks/gpu_page.py    # renders it
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from gpu_plan import GOALS, PARTS
from gpu_record import END, Line
from gpu_sides import RUNGS
from performance import read, render_goals
from textrnn.stage import run_command

PAGE = Path("docs/gpu.md")

HEAD = """# On a GPU

After this page you can measure textrnn on a GPU with one script, in at most eight minutes, and keep the results.

    python benchmarks/gpu.py pack build/gpu --source <source> --yardstick <yardstick>
    python benchmarks/gpu.py build/gpu                          # on the GPU machine, with the packed folder
    python benchmarks/gpu.py keep build/benchmarks/gpu.jsonl    # saves the results and renders this page

The GPU machine needs this checkout, the packed folder (at most 60 MB), and torch, numpy, pyarrow and safetensors.
`--device cpu --small` is a trial run on any machine; its results cannot be kept. To train on a GPU, see
[training.md](training.md#on-a-gpu).

The script runs these parts, each in a process of its own:
"""
NOT_RUN = "The script has not been run on a GPU yet, so there are no results.\n"
NOTES = """The seconds of a training include the evaluations on dev, but not the loading of the rows. The first training
of a process includes the start of CUDA; the same training is measured again at the end. BiLSTM is `news_bilstm` without
its wide part; its accuracy on test is that of the weights chosen on dev. The epochs of 800,000 reviews are extrapolated
from steps over one batch of 400 generated reviews, without evaluations on dev.
"""

LADDER = """Median samples per second. Each column adds one optimization to those on its left; `tf32` and `float16` are
precisions. From `buckets` on, the model reads the last valid step of rows padded to six widths; before, the last step
of rows of one width.
"""
GRU = "Forward and backward passes per second of the GRU from scratch and of nn.GRU (cuDNN): B = T = 64, F = H = 256.\n"
CELLS = """Two bidirectional layers of a cell, 64 rows of 16 tokens, without dropout. `same again`: two runs with a
graph give bitwise the same losses. A difference is the largest of 20 losses, compared with plain steps in the same
precision and with float32 on a CPU.
"""
GRADIENTS = """The largest error of the gradient of an embedding, as a fraction of its largest value, and how many of
20 repetitions differ from the first one in any byte.
"""

Columns = dict[str, Callable[[Line], object]]


def render(results: list[dict[str, Any]]) -> str:
    """The page, from the results in docs/performance.json."""
    parts = [HEAD, "| part | seconds | what it shows |\n|---|---|---|"]
    parts[-1] += "".join(f"\n| `{part.name}` | {part.limit} | {part.shows} |" for part in PARTS) + "\n"
    found = next((result for result in results if result["benchmark"] == "gpu"), None)
    if found is None:
        goals = "".join(f"* {goal.what}: at most {goal.limit:g} s\n" for goal in GOALS)
        return "\n".join([*parts, "## Goals\n", NOT_RUN, goals])
    lines = found["lines"]
    parts += ["## Goals\n", f"{found['device']}, {found['date']}.\n", render_goals(found["goals"]), NOTES]
    for title, result, text, columns in SECTIONS:
        of_result = [line for line in lines if line["result"] == result]
        if of_result:
            parts += [f"## {title}\n", *([text] if text else []), _table(of_result, columns)]
    return "\n".join([*parts, *_ladder(results)])


def _table(lines: Iterable[Line], columns: Columns) -> str:
    """A row for each line; a line that has failed or was refused has its reason in the last column."""
    rows = [f"| {' | '.join(columns)} | |", "|---" * (len(columns) + 1) + "|"]
    for line in lines:
        cells = [_cell(value(line)) for value in columns.values()]
        rows.append(f"| {' | '.join(cells)} | {_reason(line)} |")
    return "\n".join(rows) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return "" if value is None else str(value)


def _reason(line: Line) -> str:
    """Why a line has no values, on one line of a table."""
    for key in ("refused", "exception", "not_run", "text"):
        if line.get(key):
            return f"{key.replace('_', ' ')}: {' '.join(str(line[key]).split())[-200:]}".replace("|", "\\|")
    return ""


def _get(*keys: str) -> Columns:
    """Columns of these values, named as they are."""
    return {key.replace("_", " "): lambda line, key=key: line.get(key) for key in keys}  # type: ignore[misc]


def _percent(key: str) -> Callable[[Line], object]:
    return lambda line: f"{line[key]:.2%}" if key in line else None


# title, result, text, columns
SECTIONS: tuple[tuple[str, str, str, Columns], ...] = (
    ("How the parts ended", END, "", {"part": lambda line: f"`{line['part']}`", **_get("outcome", "seconds")}),
    ("Versions", "versions", "", _get("torch", "cuda", "cudnn", "capability", "python", "numpy", "pyarrow")),
    ("Inside autocast", "autocast", "", _get("cell", "asked", "returns", "wide_range")),
    ("Gradients of embeddings", "embedding_gradient", GRADIENTS, _get("table", "reads", "error", "other_bytes")),
    (
        "Cells as graphs",
        "cell",
        CELLS,
        _get("cell", "precision", "graphed", "graph_steps_per_second", "plain_steps_per_second")
        | _get("difference_from_plain", "difference_from_float32", "same_again"),
    ),
    (
        "Tests",
        "tests",
        "",
        _get("passed", "failed", "error", "skipped", "ended")
        | {"wrong": lambda line: ", ".join(f"`{name}`" for name in line.get("wrong", []))},
    ),
    (
        "Trainings",
        "training",
        "",
        _get("recipe", "batch_size", "again", "graphed", "epochs", "seconds", "setup_seconds", "rows_per_second")
        | {"dev": _percent("dev_accuracy"), "test": _percent("test_accuracy")}
        | _get("seconds_to_target", "stopped_by"),
    ),
    (
        "Steps over reviews",
        "steps",
        "",
        _get("precision", "graphed", "step_milliseconds", "rows_per_second", "two_epochs_seconds", "peak_gib"),
    ),
    (
        "Kernels",
        "profile",
        "Kernels by name are in [performance.md](performance.md).\n",
        _get("case", "step_milliseconds", "kernel_milliseconds", "kernels"),
    ),
)


def _ladder(results: list[dict[str, Any]]) -> list[str]:
    """The tables of the ladder and of the GRU, for those that were measured."""
    cases = [result for result in results if "rungs" in result and result["unit"] == "samples/s"]
    parts = []
    if cases:
        rows = [f"| case | yardstick | {' | '.join(RUNGS)} | rounds |", "|---" * (len(RUNGS) + 3) + "|"]
        for result in cases:
            rungs = [result["rungs"].get(rung) for rung in RUNGS]
            cells = [f"{rung['ours']:,.0f} ({rung['ratio']:.2f}×)" if rung else "" for rung in rungs]
            name = result["benchmark"].removeprefix("gpu_")
            rows.append(f"| {name} | {result['yardstick']:,.0f} | {' | '.join(cells)} | {result['repeats']} |")
        parts += ["## Step by step\n", LADDER, "\n".join(rows) + "\n"]
    for result in results:
        if "rungs" in result and result["unit"] == "steps/s":
            rows = [
                f"| {mode} | {side['ours']} | {side['yardstick']} | {side['ratio']} |"
                for mode, side in result["rungs"].items()
            ]
            table = "\n".join(["| | scratch | nn.GRU | ratio |", "|---|---|---|---|", *rows]) + "\n"
            parts += ["## The GRU from scratch\n", GRU, table]
    return parts


def main() -> None:
    """Render the page."""
    PAGE.write_text(render(read()), encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
