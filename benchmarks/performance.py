"""Keep measured speed and memory in docs/performance.json and render docs/performance.md from it.

    python benchmarks/performance.py    # renders docs/performance.md

The other benchmarks read their arguments and save their results with the functions of this module. A benchmark prints
its results and writes them to build/benchmarks; only with `--keep` does it change committed files.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.errors import UserError
from textrnn.stage import run_command, write_json

LATEST = Path("build/benchmarks")  # not committed
RESULTS = Path("docs/performance.json")
PAGE = Path("docs/performance.md")
BASE = 100_000  # reviews; peak memory is compared with that at this number

HEAD = """# Speed and memory

After this page you know how fast textrnn is, how much memory it needs, and how to measure both on your machine.

Each result has its command under [Commands](#commands). A command prints its result; with `--keep` it also replaces
the result in `performance.json` and renders this page. Do not edit the page: `python benchmarks/performance.py`
renders it. In the commands, `<source>` is the folder of the real corpora ([fetching.md](fetching.md)), and
`<yardstick>` that of the reference implementation.

The first table compares textrnn (`ours`) with a reference implementation (`yardstick`) that works as the tutorials
do. Both were measured in the same run, in alternation.

* `ours` and `yardstick` are medians. A ratio above 1 means that textrnn is faster.
* `differences` is the number of rows with different results, where there are rows to compare.
* In data preparation, textrnn's tokens are Arrow lists, as the stages write them; the yardstick's are Python lists.
* Models measured on 2026-11-21 have no linear part, and fewer parameters than the recipes have now.
* Imports and the loading of models and dictionaries are not timed on either side.
"""


def add_keep(parser: argparse.ArgumentParser) -> None:
    """Add `--keep`, without which a benchmark changes no committed file."""
    parser.add_argument(
        "--keep", action="store_true", help=f"save the results in docs/ and render its pages (default: in {LATEST}/)"
    )


def parse_arguments(parser: argparse.ArgumentParser, *, sizes: Iterable[str] = ()) -> argparse.Namespace:
    """Parse the arguments of a benchmark and `--keep`; `command` is the command that its results name.

    sizes: the options that change how much is measured. Kept results are compared with each other, so a UserError
    refuses `--keep` with another size than the default before anything is measured.
    """
    add_keep(parser)
    args = parser.parse_args()
    altered = [f"--{name}" for name in sizes if getattr(args, name) != parser.get_default(name)]
    if args.keep and altered:
        what = "only results of the default sizes are kept"
        raise UserError("--keep", what, got=" ".join(altered), do="leave out one or the other")
    args.command = _recorded_command(sys.argv[1:])
    return args


def _recorded_command(words: Sequence[str]) -> str:
    """The command of these arguments without `--keep`; a path outside the checkout is the name of its option."""
    recorded, option = ["python", f"benchmarks/{Path(sys.argv[0]).name}"], "folder"
    for word in words:
        if word == "--keep":
            continue
        named, equals, value = word.rpartition("=") if word.startswith("--") else ("", "", word)
        if word.startswith("--"):
            option = (named or word).removeprefix("--")
        recorded.append(f"{named}{equals}<{option}>" if _is_outside(value) else shlex.quote(word))
    return " ".join(recorded)


def _is_outside(value: str) -> bool:
    return Path(value).is_absolute() and not Path(value).resolve().is_relative_to(Path.cwd())


def device() -> str:
    """A short description of this machine."""
    return f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}, Python {platform.python_version()}"


def compare(
    name: str, ours: list[float], yardstick: list[float], *, unit: str, differences: int | None = None
) -> dict[str, Any]:
    """The result of a comparison of two lists of rates, by their medians.

    differences: the number of rows whose result differs from the yardstick's; None if there are no rows to compare.
    """
    both = {"ours": round(median(ours), 1), "yardstick": round(median(yardstick), 1)}
    ratio = round(median(ours) / median(yardstick), 2)
    return {"benchmark": name, **both, "ratio": ratio, "unit": unit, "differences": differences, "device": device()}


def save(result: dict[str, Any], *, keep: bool, **more: Any) -> None:
    """Print a result as a JSON line and write it to a file of LATEST; its date is today's unless it has one.

    keep: also save it in RESULTS, in place of the benchmark's previous one, and render the page.
    """
    result = {**result, **more}
    result.setdefault("date", datetime.datetime.now(datetime.UTC).date().isoformat())
    print(json.dumps(result, ensure_ascii=False), flush=True)
    write_json(LATEST / f"{result['benchmark']}.json", result)
    if not keep:
        return
    others = [other for other in read() if other["benchmark"] != result["benchmark"]]
    write_json(RESULTS, sorted([*others, result], key=lambda row: str(row["benchmark"])))
    render_page()


def read() -> list[dict[str, Any]]:
    """The kept results, sorted by name."""
    results: list[dict[str, Any]] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else []
    return results


def render_page() -> None:
    """Render the page from the kept results."""
    PAGE.write_text(render(read()), encoding="utf-8")


def render(results: list[dict[str, Any]]) -> str:
    """The page: a table of the results with a yardstick, sections of the other results, and the commands."""
    lines = ["| benchmark | ours | yardstick | ratio | unit | differences | device |", "|---|---|---|---|---|---|---|"]
    for row in (result for result in results if "ratio" in result):
        differences = "" if row["differences"] is None else row["differences"]
        cells = (row["ours"], row["yardstick"], row["ratio"], row["unit"], differences, row["device"])
        lines.append(f"| {row['benchmark']} | {' | '.join(str(cell) for cell in cells)} |")
    sections = [section(result) for key, section in SECTIONS.items() for result in results if key in result]
    commands = [f"* `{row['benchmark']}` ({row['date']}): `{row['command']}`\n" for row in results]
    sections.append("## Commands\n\n" + "".join(commands))
    return "\n".join([HEAD, _contents(sections), "\n".join(lines) + "\n", *sections])


def _contents(sections: Iterable[str]) -> str:
    """A list of links to the sections, each of which begins with its heading."""
    titles = [section.partition("\n")[0].removeprefix("## ") for section in sections]
    anchors = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
    return "".join(f"* [{title}](#{anchor})\n" for title, anchor in zip(titles, anchors, strict=True))


def render_profile(result: dict[str, Any]) -> str:
    """The seconds of each part of a benchmark."""
    lines = [f"| {part['part']} | {part['seconds']:.2f} | {part['share']:.0%} |" for part in result["parts"]]
    table = "\n".join(["| part | seconds | fraction |", "|---|---|---|", *lines])
    return f"## Profile of `{result['of']}`\n\n{result['text']}\n\n{table}\n"


def render_run(result: dict[str, Any]) -> str:
    """The test accuracy of both sides after complete training runs."""
    ours, theirs = result["test_accuracy"]["ours"], result["test_accuracy"]["yardstick"]
    text = f"Final test accuracy: ours {ours:.2%} after {result['ours']} s, the yardstick's {theirs:.2%} after"
    return f"## `{result['benchmark']}`\n\n{text} {result['yardstick']} s. {result['text']}\n"


def render_memory(result: dict[str, Any]) -> str:
    """Peak memory and seconds by stage and number of reviews."""
    sizes = result["rows"]
    base = sizes.index(BASE) if BASE in sizes else 0
    head = "| stage | " + " | ".join(f"{rows:,}" for rows in sizes) + f" | {sizes[-1]:,} to {sizes[base]:,} |"
    lines = [head, "|---" * (len(sizes) + 2) + "|"]
    for stage, points in result["stages"].items():
        cells = " | ".join(f"{point['peak_mib']:.0f} MiB, {point['seconds']:.0f} s" for point in points)
        growth = points[-1]["peak_mib"] / points[base]["peak_mib"]
        lines.append(f"| {stage} | {cells} | {growth:.2f} |")
    return f"## Memory\n\n{result['text']}\n\n" + "\n".join(lines) + "\n\n![memory and time](memory.svg)\n"


def render_predictions(result: dict[str, Any]) -> str:
    """The latency and throughput of each loaded model."""
    lines = ["| model | cell | hidden | p50 | p95 | p99 | texts/s |", "|---|---|---|---|---|---|---|"]
    for row in result["answers"]:
        times = " | ".join(f"{row[name]:.2f} ms" for name in ("p50", "p95", "p99"))
        model = f"`{row['model']}` | {row['cell']} | {row['hidden_size']}"
        lines.append(f"| {model} | {times} | {row['texts_per_second']:,.0f} |")
    table = "\n".join(lines)
    return f"## Prediction\n\n{result['text']}\nDevice: {result['device']}.\n\n{table}\n"


def render_export(result: dict[str, Any]) -> str:
    """File size, speed and scores of models and their exported files."""
    head = "| recipe | training rows | runtime | file, KiB | rows/s | accuracy | entity F1 | logit difference |"
    lines = [head, "|---" * 8 + "|"]
    for model in result["models"]:
        for name, side in model["sides"].items():
            difference = side["distance"] if float(side["distance"]) else ""
            entities = "" if side["entity_f1"] is None else f"{side['entity_f1']:.2%}"
            numbers = (f"{side['bytes'] / 1024:,.0f}", f"{side['rows_per_second']:,.0f}", f"{side['accuracy']:.2%}")
            cells = (*numbers, entities, difference)
            lines.append(f"| `{model['recipe']}` | {model['train_rows']:,} | {name} | {' | '.join(cells)} |")
    return f"## Exported models\n\n{result['text']}\n\n" + "\n".join(lines) + "\n"


def render_loads(result: dict[str, Any]) -> str:
    """The latency and throughput of a server under load, by the number of clients and texts per request."""
    names = ("p50", "p95", "p99")
    head = "| clients | texts per request | p50 | p95 | p99 | requests/s | texts/s | errors | wrong |"
    lines = [head, "|---" * 9 + "|"]
    for row in result["loads"]:
        times = " | ".join(f"{row[name]:.1f} ms" for name in names)
        rates = f"{row['requests_per_second']:,.0f} | {row['texts_per_second']:,.0f}"
        lines.append(f"| {row['clients']} | {row['texts']} | {times} | {rates} | {row['errors']} | {row['wrong']} |")
    text = f"{result['text']}\nModel: `{result['model']}`. Device: {result['device']}."
    return f"## Serving\n\n{text}\n\n" + "\n".join(lines) + "\n"


def render_beside(result: dict[str, Any]) -> str:
    """The latency of short requests to a server, by the load of other clients."""
    head = "| other load | requests | p50 | p95 | p99 | slowest | errors | wrong |"
    lines = [head, "|---" * 8 + "|"]
    for row in result["beside"]:
        times = " | ".join(f"{row[name]:.1f} ms" for name in ("p50", "p95", "p99", "slowest"))
        lines.append(f"| {row['name']} | {row['requests']:,} | {times} | {row['errors']} | {row['wrong']} |")
    text = f"{result['text']}\nModel: `{result['model']}`. Device: {result['device']}."
    return f"## Short requests during other load\n\n{text}\n\n" + "\n".join(lines) + "\n"


def render_gpu(result: dict[str, Any]) -> str:
    """The goals on a GPU, and the measured times."""
    text = f"All results on a GPU are in [gpu.md](gpu.md). Device: {result['device']}."
    return f"## On a GPU\n\n{text}\n\n{render_goals(result['goals'])}"


def render_goals(goals: list[dict[str, Any]]) -> str:
    """A table of goals in seconds, with the measured times."""
    lines = ["| goal | at most | measured | |", "|---|---|---|---|"]
    for goal in goals:
        seconds, limit = goal["measured"], goal["limit"]
        cells = ("", "") if seconds is None else (f"{seconds:.1f} s", "met" if seconds <= limit else "missed")
        lines.append(f"| {goal['goal']} | {limit:g} s | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


# the section for each key of a result that has one
SECTIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "test_accuracy": render_run,
    "parts": render_profile,
    "stages": render_memory,
    "answers": render_predictions,
    "models": render_export,
    "loads": render_loads,
    "beside": render_beside,
    "goals": render_gpu,
}


if __name__ == "__main__":
    run_command(render_page)
