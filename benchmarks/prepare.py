"""Time preparation against its yardsticks, print a JSON line a benchmark, and keep them for docs/performance.md.

    python benchmarks/prepare.py --source ../shared/data --yardstick ../shared/yardstick
    python benchmarks/prepare.py --source ../shared/data --yardstick ../shared/yardstick --only memory

Each side runs in processes of its own on one core, both in turn, five times; nothing is memoised at their start.
`memory` prepares 10,000 to 4,000,000 reviews, takes some forty minutes and 60 GB of disk, and runs only when asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from performance import PAGE, compare, device, keep, read, render
from prepare_memory import draw, measure_memory
from prepare_sides import REVIEWS
from textrnn.errors import UserError
from textrnn.stage import run_command

REPEATS = 5
SIZES = [10_000, 100_000, 1_000_000, 4_000_000]
ROWS = {"reviews": 25_000, "titles": 180_000}
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "ARROW_NUM_THREADS", "POLARS_MAX_THREADS", "TEXTRNN_WORKERS"), "1")

PROFILE_TEXT = """\
Seconds of one pass over {rows:,} reviews under cProfile, which slows it a little. A chunk is what stands between two
blanks: there are {chunks:,}, {distinct:,} of them distinct. What comes once for each distinct chunk (numbering and
rules) is a handful of regular expressions and dictionary lookups; it shrinks as a corpus grows, since new chunks become
rare. What comes for all of them is passes of Arrow and NumPy without any Python in between. To be much faster, the
rules themselves would have to be compiled."""


def run_json(command: list[str], **environment: str) -> dict[str, Any]:
    """The last line a command prints, as JSON; the command runs on one core."""
    core = min(os.sched_getaffinity(0))
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        env={**os.environ, **ONE_THREAD, **environment},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    if done.returncode:
        raise UserError(" ".join(command), "failed", do="see its message above")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def side(name: str, args: argparse.Namespace, rows: int, work: Path) -> dict[str, Any]:
    script = Path(__file__).with_name("prepare_sides.py")
    given = ["--source", str(args.source), "--rows", str(rows), "--work", str(work)]
    return run_json([sys.executable, str(script), name, *given])


def rate(name: str, args: argparse.Namespace, rows: int, work: Path) -> float:
    shutil.rmtree(work, ignore_errors=True)
    result = side(name, args, rows, work)
    return float(result["rows"] / result["seconds"])


def reviews(args: argparse.Namespace, work: Path) -> None:
    """`review_segmentation` and `review_preparation`: the yardstick times both in one process."""
    rows = args.rows or ROWS["reviews"]
    yardstick = [sys.executable, str(args.yardstick / "reviews_prepare.py"), "--reviews", str(args.source / REVIEWS)]
    ours: dict[str, list[float]] = {"segmentation": [], "preparation": []}
    theirs: list[dict[str, Any]] = []
    for _ in range(args.repeats):
        theirs.append(run_json([*yardstick, "--rows", str(rows)], NLTK_DATA=str(args.source / "nltk_data")))
        for name, rates in ours.items():
            rates.append(rate(name, args, rows, work))
    differences = side("review_differences", args, rows, work)
    keys = {"segmentation": "tokenize_reviews_per_second", "preparation": "reviews_per_second"}
    for name, key in keys.items():
        figure = compare(
            f"review_{name}",
            ours[name],
            [each[key] for each in theirs],
            unit="reviews/s per core",
            differences=differences[name],
        )
        keep(figure, rows=rows, repeats=args.repeats, only_print=args.trial, command=args.command)
    profile(args, work)


def profile(args: argparse.Namespace, work: Path) -> None:
    rows = args.rows or ROWS["reviews"]
    measured = side("profile", args, rows, work)
    parts = [
        {"part": part, "seconds": round(seconds, 3), "share": round(seconds / measured["seconds"], 3)}
        for part, seconds in measured["parts"].items()
    ]
    figure = {"benchmark": "review_segmentation_profile", "of": "review_segmentation", "device": device()}
    keep(
        {**figure, "text": PROFILE_TEXT.format(**measured), "parts": parts},
        rows=rows,
        only_print=args.trial,
        command=args.command,
    )


def words(args: argparse.Namespace, work: Path) -> None:
    """`word_segmentation`: THUCNews titles into jieba's words."""
    rows = args.rows or ROWS["titles"]
    rates: dict[str, list[float]] = {"words": [], "jieba": []}
    for _ in range(args.repeats):
        for name, each in rates.items():
            each.append(rate(name, args, rows, work))
    differences = side("word_differences", args, rows, work)["words"]
    figure = compare(
        "word_segmentation", rates["words"], rates["jieba"], unit="titles/s per core", differences=differences
    )
    keep(figure, rows=rows, repeats=args.repeats, only_print=args.trial, command=args.command)


def memory(args: argparse.Namespace, work: Path) -> None:
    """`memory`: peak memory and time of every data stage."""
    figure = {**measure_memory(args.source, work, args.sizes), "device": device()}
    keep(figure, only_print=args.trial, command=args.command)
    if not args.trial:
        draw(figure["stages"])


GROUPS: dict[str, Callable[[argparse.Namespace, Path], None]] = {
    "review_segmentation": reviews,
    "review_preparation": reviews,
    "word_segmentation": words,
    "memory": memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="the folder of real corpora")
    parser.add_argument("--yardstick", type=Path, required=True, help="the folder of the tutorials' own loops")
    parser.add_argument("--only", choices=GROUPS, help="one benchmark; memory runs only so")
    parser.add_argument("--rows", type=int, help="fewer rows, to try it out: nothing is kept")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--work", type=Path, help="a folder on a large disk to work in")
    args = parser.parse_args()
    args.command = " ".join(["python", "benchmarks/prepare.py", *sys.argv[1:]])
    args.trial = args.rows is not None or args.repeats != REPEATS or args.sizes != SIZES
    chosen = [args.only] if args.only else ["review_segmentation", "word_segmentation"]
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        for name in chosen:
            GROUPS[name](args, Path(folder) / name)
    if not args.trial:
        PAGE.write_text(render(read()), encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
