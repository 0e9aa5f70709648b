"""Speed and memory as measured: docs/performance.json, and docs/performance.md made from it.

    python benchmarks/performance.py    # writes docs/performance.md anew

benchmarks/prepare.py, train.py, predict.py and serve.py keep their figures here.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.stage import run_command, write_json

FIGURES = Path("docs/performance.json")
PAGE = Path("docs/performance.md")
BASE = 100_000  # the number of reviews that peak memory is compared with

HEAD = """# Speed and memory

Made by `python benchmarks/performance.py` from `performance.json`. Each line there was printed by the command beside
it, with both sides measured in turn in one run. `ours` and `yardstick` are medians; a ratio above 1 means that ours is
faster. `differences` counts the rows whose result is not the very same, where there are rows to compare. In
preparation our tokens come as Arrow lists, as the stages write them, the yardstick's as Python lists; imports and
loading of models and dictionaries are outside both clocks.
"""


def device() -> str:
    """The machine in a few words."""
    return f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}, Python {platform.python_version()}"


def compare(
    name: str, ours: list[float], yardstick: list[float], *, unit: str, differences: int | None = None
) -> dict[str, Any]:
    """A figure of two sides, each a list of rates of which the median counts.

    differences: rows whose result is not the yardstick's; None where the two sides have no rows to compare.
    """
    both = {"ours": round(median(ours), 1), "yardstick": round(median(yardstick), 1)}
    ratio = round(median(ours) / median(yardstick), 2)
    return {"benchmark": name, **both, "ratio": ratio, "unit": unit, "differences": differences, "device": device()}


def keep(figure: dict[str, Any], *, only_print: bool = False, **more: Any) -> None:
    """Print a figure as a JSON line, and keep it in place of the last of that benchmark."""
    figure = {**figure, **more, "date": datetime.datetime.now(datetime.UTC).date().isoformat()}
    print(json.dumps(figure, ensure_ascii=False), flush=True)
    if only_print:
        return
    others = [each for each in read() if each["benchmark"] != figure["benchmark"]]
    write_json(FIGURES, sorted([*others, figure], key=lambda each: str(each["benchmark"])))


def read() -> list[dict[str, Any]]:
    """The kept figures, by name."""
    figures: list[dict[str, Any]] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else []
    return figures


def render(figures: list[dict[str, Any]]) -> str:
    """The page: a table of what has a yardstick, then a section for each benchmark that has more to say."""
    lines = ["| benchmark | ours | yardstick | ratio | unit | differences | device |", "|---|---|---|---|---|---|---|"]
    compared = [each for each in figures if "ratio" in each]
    for each in compared:
        differences = "" if each["differences"] is None else each["differences"]
        cells = (each["ours"], each["yardstick"], each["ratio"], each["unit"], differences, each["device"])
        lines.append(f"| {each['benchmark']} | {' | '.join(str(cell) for cell in cells)} |")
    parts = [HEAD, "\n".join(lines) + "\n"]
    parts += [draw(each) for key, draw in SECTIONS.items() for each in figures if key in each]
    commands = [f"* `{each['benchmark']}` ({each['date']}): `{each['command']}`\n" for each in figures]
    return "\n".join([*parts, "## Commands\n", "".join(commands)])


def render_profile(figure: dict[str, Any]) -> str:
    """Where the time of a benchmark goes, part by part."""
    lines = [f"| {part['part']} | {part['seconds']:.2f} | {part['share']:.0%} |" for part in figure["parts"]]
    table = "\n".join(["| part | seconds | share |", "|---|---|---|", *lines])
    return f"## What is left of `{figure['of']}`\n\n{figure['text']}\n\n{table}\n"


def render_run(figure: dict[str, Any]) -> str:
    """The accuracy that both sides of a whole run came to."""
    ours, theirs = figure["test_accuracy"]["ours"], figure["test_accuracy"]["yardstick"]
    text = f"Test accuracy at the end: ours {ours:.2%} after {figure['ours']} s, the yardstick's {theirs:.2%} after"
    return f"## `{figure['benchmark']}`\n\n{text} {figure['yardstick']} s. {figure['text']}\n"


def render_memory(figure: dict[str, Any]) -> str:
    """Peak memory and seconds by stage and number of reviews."""
    sizes = figure["rows"]
    base = sizes.index(BASE) if BASE in sizes else 0
    head = "| stage | " + " | ".join(f"{rows:,}" for rows in sizes) + f" | {sizes[-1]:,} to {sizes[base]:,} |"
    lines = [head, "|---" * (len(sizes) + 2) + "|"]
    for stage, points in figure["stages"].items():
        cells = " | ".join(f"{point['peak_mib']:.0f} MiB, {point['seconds']:.0f} s" for point in points)
        growth = points[-1]["peak_mib"] / points[base]["peak_mib"]
        lines.append(f"| {stage} | {cells} | {growth:.2f} |")
    return f"## Memory\n\n{figure['text']}\n\n" + "\n".join(lines) + "\n\n![memory and time](memory.svg)\n"


def render_answers(figure: dict[str, Any]) -> str:
    """How long a loaded model takes to answer, model by model."""
    lines = ["| model | cell | hidden | p50 | p95 | p99 | texts/s |", "|---|---|---|---|---|---|---|"]
    for each in figure["answers"]:
        times = " | ".join(f"{each[name]:.2f} ms" for name in ("p50", "p95", "p99"))
        told = f"`{each['model']}` | {each['cell']} | {each['hidden_size']}"
        lines.append(f"| {told} | {times} | {each['texts_per_second']:,.0f} |")
    table = "\n".join(lines)
    return f"## Prediction\n\n{figure['text']}\nDevice: {figure['device']}.\n\n{table}\n"


def render_export(figure: dict[str, Any]) -> str:
    """Models as they are trained and as exported files: size, speed, scores."""
    head = "| recipe | rows of train | run by | file, KiB | rows/s | accuracy | entity F1 | logits differ by |"
    lines = [head, "|---" * 8 + "|"]
    for model in figure["models"]:
        for name, side in model["sides"].items():
            apart = side["distance"] if float(side["distance"]) else ""
            entities = "" if side["entity_f1"] is None else f"{side['entity_f1']:.2%}"
            numbers = (f"{side['bytes'] / 1024:,.0f}", f"{side['rows_per_second']:,.0f}", f"{side['accuracy']:.2%}")
            cells = (*numbers, entities, apart)
            lines.append(f"| `{model['recipe']}` | {model['train_rows']:,} | {name} | {' | '.join(cells)} |")
    return f"## Exported models\n\n{figure['text']}\n\n" + "\n".join(lines) + "\n"


def render_loads(figure: dict[str, Any]) -> str:
    """How a server answers under load, by clients and texts of a request."""
    names = ("p50", "p95", "p99")
    head = "| clients | texts a request | p50 | p95 | p99 | requests/s | texts/s | errors | wrong |"
    lines = [head, "|---" * 9 + "|"]
    for each in figure["loads"]:
        times = " | ".join(f"{each[name]:.1f} ms" for name in names)
        rates = f"{each['requests_per_second']:,.0f} | {each['texts_per_second']:,.0f}"
        lines.append(
            f"| {each['clients']} | {each['texts']} | {times} | {rates} | {each['errors']} | {each['wrong']} |"
        )
    told = f"{figure['text']}\nModel: `{figure['model']}`. Device: {figure['device']}."
    return f"## Serving\n\n{told}\n\n" + "\n".join(lines) + "\n"


# what a figure has that says more than a row of the table
SECTIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "test_accuracy": render_run,
    "parts": render_profile,
    "stages": render_memory,
    "answers": render_answers,
    "models": render_export,
    "loads": render_loads,
}


def main() -> None:
    PAGE.write_text(render(read()), encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
