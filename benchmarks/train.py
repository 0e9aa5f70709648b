"""Compare training with the tutorials' loops; prints JSON lines.

    python benchmarks/train.py --source <source> --yardstick <yardstick>
    python benchmarks/train.py --source <source> --yardstick <yardstick> --only rnn_b64
    python benchmarks/train.py --source <source> --yardstick <yardstick> --keep

`--keep` saves the results for docs/performance.md. The two sides run in their own processes with all cores and take
turns, five times; `news_rnn_run`, a complete training run of each, runs once. The recipes are those of params.yaml, on
all of THUCNews: `rnn_*` is news_rnn unchanged, `bilstm_b256` is news_lstm with rows padded to up to six widths and read
at the last valid step.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from performance import compare, device, parse_arguments, save
from textrnn.errors import UserError
from textrnn.stage import run_command

REPEATS = 5
SAMPLES = 25_600  # per repeat of a loop
BILSTM_SAMPLES = 7_680
YARDSTICK_BATCH = 256


@dataclass(frozen=True)
class Loop:
    """A benchmark of training steps; options: the yardstick's options for the network of our recipe."""

    recipe: str
    batch_size: int
    samples: int
    buckets: bool
    options: tuple[str, ...]

    @property
    def batches(self) -> int:
        return self.samples // self.batch_size


RNN, BILSTM = ("--cell", "rnn", "--pad-size", "16"), ("--cell", "lstm", "--bidirectional", "--pad-size", "32")
LOOPS = {
    "rnn_b64": Loop("news_rnn", 64, SAMPLES, False, RNN),
    "rnn_b256": Loop("news_rnn", 256, SAMPLES, False, RNN),
    "rnn_b1024": Loop("news_rnn", 1024, SAMPLES, False, RNN),
    "bilstm_b256": Loop("news_lstm", 256, BILSTM_SAMPLES, True, BILSTM),
}

PROFILE_TEXT = """\
Seconds of {batches} steps of {rows} rows under torch's profiler, which slows them slightly. The table has the
operations that take the most time. `mm` and `addmm` are matrix products."""

RUN_TEXT = """\
The model is that of `news_rnn`. Ours trains 4 epochs of batches of 512 rows on two cores, with settings chosen on
dev. It is therefore much faster than the recipe, which keeps the tutorial's 7 epochs
([results.md](results.md#all-runs-of-thucnews)). Our time includes the loading of the padded shards and the evaluation
on test. The yardstick's time starts when its rows are in memory and ends before the evaluation on test."""


def run_json(command: list[str]) -> dict[str, Any]:
    """Run a command and return the last line that it prints, parsed as JSON."""
    done = subprocess.run(command, stdout=subprocess.PIPE)
    if done.returncode:
        raise UserError(" ".join(command), "failed", do="see its message above")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def side(command: str, work: Path, *options: str) -> dict[str, Any]:
    script = Path(__file__).with_name("train_sides.py")
    return run_json([sys.executable, str(script), command, "--work", str(work), *options])


def yardstick(args: argparse.Namespace, script: str, *options: str) -> dict[str, Any]:
    data = str(args.source / "thucnews")
    return run_json([sys.executable, str(args.yardstick / script), "--data", data, "--device", "cpu", *options])


def steps(args: argparse.Namespace, name: str, work: Path) -> None:
    """Samples per second of training steps, without evaluation on either side."""
    loop = LOOPS[name]
    shared = ("--batch-size", str(loop.batch_size), "--batches", str(loop.batches))
    our_options = ("--recipe", loop.recipe, *shared, *(["--buckets"] if loop.buckets else []))
    ours, theirs = [], []
    for _ in range(args.repeats):
        theirs.append(yardstick(args, "headlines_loop.py", *loop.options, *shared)["samples_per_second"])
        ours.append(side("loop", work, *our_options)["samples_per_second"])
    save(compare(name, ours, theirs, unit="samples/s"), **common(args, repeats=args.repeats))
    profiled = side("loop", work, *our_options, "--profile")
    parts = [
        {"part": part, "seconds": round(seconds, 3), "share": round(seconds / profiled["seconds"], 3)}
        for part, seconds in profiled["parts"].items()
    ]
    text = PROFILE_TEXT.format(batches=loop.batches, rows=loop.batch_size)
    result = {"benchmark": f"{name}_profile", "of": name, "device": device(), "text": text, "parts": parts}
    save(result, **common(args))


def scratch_gru(args: argparse.Namespace, _: str, work: Path) -> None:
    """Compare the GRU from scratch with nn.GRU: B = T = 64, F = H = 256."""
    options = ("--yardstick", str(args.yardstick), "--repeats", str(args.repeats))
    seconds = side("gru", work, *options)
    ours, theirs = ([1 / step for step in seconds[name]] for name in ("scratch", "nn_gru"))
    save(compare("scratch_gru", ours, theirs, unit="steps/s"), **common(args, repeats=args.repeats))


def news_rnn_run(args: argparse.Namespace, benchmark: str, work: Path) -> None:
    """Compare complete training runs of one network; ours has fewer epochs, larger batches and a schedule."""
    theirs = yardstick(args, "headlines_run.py", "--batch-size", str(YARDSTICK_BATCH), "--pad-size", "16")
    ours = side("news_rnn_run", work)
    sides = {"ours": ours, "yardstick": theirs}
    accuracy = {name: round(run["test_accuracy"], 4) for name, run in sides.items()}
    seconds = {name: round(run["seconds"], 1) for name, run in sides.items()}
    ratio = round(theirs["seconds"] / ours["seconds"], 2)
    result = {"benchmark": benchmark, **seconds, "ratio": ratio, "unit": "s", "differences": None, "device": device()}
    save(result, **common(args, repeats=1, test_accuracy=accuracy, text=RUN_TEXT))


def common(args: argparse.Namespace, **more: Any) -> dict[str, Any]:
    return {**more, "keep": args.keep, "command": args.command}


BENCHMARKS: dict[str, Callable[[argparse.Namespace, str, Path], None]] = {
    **dict.fromkeys(LOOPS, steps),
    "scratch_gru": scratch_gru,
    "news_rnn_run": news_rnn_run,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="the folder of real corpora")
    parser.add_argument("--yardstick", type=Path, required=True, help="the folder of the tutorials' loops")
    parser.add_argument("--only", choices=BENCHMARKS, help="run only this benchmark")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="results are kept only with the default")
    args = parse_arguments(parser, sizes=["repeats"])
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        if args.only != "scratch_gru":
            side("prepare", work, "--source", str(args.source))
        for name in [args.only] if args.only else BENCHMARKS:
            BENCHMARKS[name](args, name, work)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run_command(main)
