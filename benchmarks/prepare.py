"""Compare data preparation with its yardsticks; prints JSON lines.

    python benchmarks/prepare.py --source <source> --yardstick <yardstick>
    python benchmarks/prepare.py --source <source> --yardstick <yardstick> --only memory
    python benchmarks/prepare.py --source <source> --yardstick <yardstick> --keep

`--keep` saves the results for docs/performance.md. Each side runs in its own processes on one core, with empty caches;
the sides take turns, five times. `memory` prepares 10,000 to 4,000,000 reviews, takes about 40 minutes and 60 GB of
disk space, and runs only with `--only memory`.
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
from performance import LATEST, compare, device, parse_arguments, save
from prepare_memory import PLOT, measure_memory, plot
from prepare_sides import REVIEWS
from textrnn.errors import UserError
from textrnn.stage import run_command

REPEATS = 5
SIZES = [10_000, 100_000, 1_000_000, 4_000_000]
ROWS = {"reviews": 25_000, "titles": 180_000}
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "ARROW_NUM_THREADS", "POLARS_MAX_THREADS", "TEXTRNN_WORKERS"), "1")

PROFILE_TEXT = """\
Seconds of one pass over {rows:,} reviews under cProfile, which slows it slightly. A chunk is the text between two
spaces: there are {chunks:,} chunks, {distinct:,} of them distinct. Each distinct chunk is encoded and split by rules
once, with a few regular expressions and dictionary lookups. The larger the corpus, the smaller this part, because new
chunks become rare. All chunks are then processed by Arrow and NumPy, without Python code per chunk. A much faster
version would have to compile the rules."""


def run_json(command: list[str], **environment: str) -> dict[str, Any]:
    """Run a command on one core and return the last line that it prints, parsed as JSON."""
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
    options = ["--source", str(args.source), "--rows", str(rows), "--work", str(work)]
    return run_json([sys.executable, str(script), name, *options])


def rate(name: str, args: argparse.Namespace, rows: int, work: Path) -> float:
    shutil.rmtree(work, ignore_errors=True)
    result = side(name, args, rows, work)
    return float(result["rows"] / result["seconds"])


def reviews(args: argparse.Namespace, work: Path) -> None:
    """Run `review_segmentation` and `review_preparation`; the yardstick times both in one process."""
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
        result = compare(
            f"review_{name}",
            ours[name],
            [run[key] for run in theirs],
            unit="reviews/s per core",
            differences=differences[name],
        )
        save(result, rows=rows, repeats=args.repeats, keep=args.keep, command=args.command)
    profile(args, work)


def profile(args: argparse.Namespace, work: Path) -> None:
    rows = args.rows or ROWS["reviews"]
    measured = side("profile", args, rows, work)
    parts = [
        {"part": part, "seconds": round(seconds, 3), "share": round(seconds / measured["seconds"], 3)}
        for part, seconds in measured["parts"].items()
    ]
    result = {"benchmark": "review_segmentation_profile", "of": "review_segmentation", "device": device()}
    save(
        {**result, "text": PROFILE_TEXT.format(**measured), "parts": parts},
        rows=rows,
        keep=args.keep,
        command=args.command,
    )


def words(args: argparse.Namespace, work: Path) -> None:
    """Run `word_segmentation`: split THUCNews titles into jieba's words."""
    rows = args.rows or ROWS["titles"]
    rates: dict[str, list[float]] = {"words": [], "jieba": []}
    for _ in range(args.repeats):
        for name, side_rates in rates.items():
            side_rates.append(rate(name, args, rows, work))
    differences = side("word_differences", args, rows, work)["words"]
    result = compare(
        "word_segmentation", rates["words"], rates["jieba"], unit="titles/s per core", differences=differences
    )
    save(result, rows=rows, repeats=args.repeats, keep=args.keep, command=args.command)


def memory(args: argparse.Namespace, work: Path) -> None:
    """Run `memory`: peak memory and time of every data stage."""
    result = {**measure_memory(args.source, work, args.sizes), "device": device()}
    save(result, keep=args.keep, command=args.command)
    plot(result["stages"], PLOT if args.keep else LATEST / PLOT.name)


GROUPS: dict[str, Callable[[argparse.Namespace, Path], None]] = {
    "review_segmentation": reviews,
    "review_preparation": reviews,
    "word_segmentation": words,
    "memory": memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="the folder of real corpora")
    parser.add_argument("--yardstick", type=Path, required=True, help="the folder of the tutorials' loops")
    parser.add_argument("--only", choices=GROUPS, help="run only this benchmark; `memory` runs only with this option")
    parser.add_argument("--rows", type=int, help="a smaller number of rows, for a trial without --keep")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="results are kept only with the default")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=SIZES, help="reviews for `memory`; kept only with the default"
    )
    parser.add_argument("--work", type=Path, help="a folder for temporary files, on a large disk")
    args = parse_arguments(parser, sizes=["rows", "repeats", "sizes"])
    chosen = [args.only] if args.only else ["review_segmentation", "word_segmentation"]
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        for name in chosen:
            GROUPS[name](args, Path(folder) / name)


if __name__ == "__main__":
    run_command(main)
