"""Time training on a GPU, one means after the other, beside the tutorials' own loop; a JSON line a benchmark.

    python benchmarks/gpu.py --source ../shared/data --yardstick ../shared/yardstick
    python benchmarks/gpu.py --source ../shared/data --yardstick ../shared/yardstick --only rnn_b64

Each case is the yardstick's: its titles, its vocabulary, its sizes. It starts from a plain step and adds one means at
a time. All are measured in turn, five times; ours over a second epoch, so that graphs are recorded and memory is taken
before the clock starts. The yardstick runs as it is, in a process of its own, TensorFloat-32 in cuDNN included; ours
goes without it. The figures are kept for docs/performance.md, and docs/gpu.md shows the steps between.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from gpu_sides import CASES, RUNGS, Case, read_rows, time_gru, time_rung
from performance import PAGE, compare, keep, read, render
from textrnn.errors import UserError
from textrnn.modeling.nn.precision import make_deterministic
from textrnn.stage import run_command

REPEATS, BATCHES, WARM_UP = 5, 160, 10
LADDER = Path("docs/gpu.md")
GRU = "scratch_gru"
GRU_SIDES = ("scratch", "cudnn", "scratch_graph", "cudnn_graph")
PREFIX = "gpu_"

HEAD = """# On a GPU, step by step

Made by `python benchmarks/gpu.py`. Samples a second, medians; each column has all that stands to the left of it.
`buckets` reads the last valid step of rows padded to six widths, the others the last step of rows of one width.
"""
GRU_HEAD = (
    "Forward and backward of the GRU from scratch and of nn.GRU (cuDNN), steps a second; B = T = 64, F = H = 256:"
)


def load(yardstick: Path, name: str) -> ModuleType:
    """A script of the yardstick's folder as a module; it does nothing when imported."""
    path = yardstick / f"{name}.py"
    if not path.is_file():
        raise UserError(path, "no such file", do="give --yardstick the folder of the tutorials' loops")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def yardstick_rate(args: argparse.Namespace, case: Case) -> float:
    """Samples a second of the tutorials' own loop."""
    given = {"--data": args.source / "thucnews", "--cell": case.cell, "--batch-size": case.batch_size}
    given |= {"--pad-size": case.pad_size, "--batches": args.batches, "--warmup": WARM_UP, "--device": args.device}
    command = [sys.executable, str(args.yardstick / "headlines_loop.py")]
    command += [str(word) for pair in given.items() for word in pair]
    command += ["--bidirectional"] if case.bidirectional else []
    done = subprocess.run(command, stdout=subprocess.PIPE)
    if done.returncode:
        raise UserError(" ".join(command), "failed", do="see its message above")
    return float(json.loads(done.stdout.splitlines()[-1])["samples_per_second"])


def ladder(args: argparse.Namespace, name: str) -> None:
    """One case: the yardstick and every rung, in turn."""
    case, device = CASES[name], torch.device(args.device)
    rows = read_rows(load(args.yardstick, "headlines_loop"), args.source, case, args.batches)
    theirs: list[float] = []
    ours: dict[str, list[float]] = {rung: [] for rung in RUNGS}
    for _ in range(args.repeats):
        theirs.append(yardstick_rate(args, case))
        for rung, rates in ours.items():
            rates.append(time_rung(rung, case, rows, device))
    steps = [compare(f"{PREFIX}{name}", rates, theirs, unit="samples/s", differences=0) for rates in ours.values()]
    rungs = {rung: {"ours": step["ours"], "ratio": step["ratio"]} for rung, step in zip(RUNGS, steps, strict=True)}
    _keep(args, steps[-1], rungs=rungs, batches=args.batches)


def gru(args: argparse.Namespace) -> None:
    """The GRU from scratch beside cuDNN's, both in graphs and without."""
    rates: dict[str, list[float]] = {side: [] for side in GRU_SIDES}
    for _ in range(args.repeats):
        for side, each in rates.items():
            each.append(time_gru(side.startswith("scratch"), side.endswith("graph"), torch.device(args.device)))
    pairs = {"eager": ("scratch", "cudnn"), "graphs": ("scratch_graph", "cudnn_graph")}
    sides = {
        way: compare(PREFIX + GRU, rates[ours], rates[theirs], unit="steps/s", differences=0)
        for way, (ours, theirs) in pairs.items()
    }
    rungs = {way: {key: side[key] for key in ("ours", "yardstick", "ratio")} for way, side in sides.items()}
    _keep(args, sides["graphs"], rungs=rungs)


def _keep(args: argparse.Namespace, figure: dict[str, Any], **more: Any) -> None:
    # the two sides train different networks from different seeds: no row has a result to compare
    more |= {"device": args.name, "differences": "none counted", "repeats": args.repeats, "command": args.command}
    keep(figure, only_print=args.trial, **more)


def render_ladder(figures: list[dict[str, Any]]) -> str:
    """The page of the steps between, from kept figures."""
    lines = [f"| case | yardstick | {' | '.join(RUNGS)} |", "|---" * (len(RUNGS) + 2) + "|"]
    parts = [HEAD]
    for figure in figures:
        name = figure["benchmark"].removeprefix(PREFIX)
        if name in CASES:
            cells = [f"{rung['ours']:,.0f} ({rung['ratio']:.2f}×)" for rung in figure["rungs"].values()]
            lines.append(f"| {name} | {figure['yardstick']:,.0f} | {' | '.join(cells)} |")
    parts.append("\n".join(lines) + "\n")
    for figure in figures:
        if figure["benchmark"] == PREFIX + GRU:
            rows = [f"| {way} | {r['ours']} | {r['yardstick']} | {r['ratio']} |" for way, r in figure["rungs"].items()]
            parts += [GRU_HEAD + "\n", "\n".join(["| | scratch | nn.GRU | ratio |", "|---|---|---|---|", *rows]) + "\n"]
    parts += [f"* `{each['benchmark']}`, {each['device']}, {each['date']}\n" for each in figures if "rungs" in each]
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="the folder of real corpora")
    parser.add_argument("--yardstick", type=Path, required=True, help="the folder of the tutorials' own loops")
    parser.add_argument("--only", choices=[*CASES, GRU], help="one benchmark")
    parser.add_argument("--batches", type=int, default=BATCHES, help="fewer, to try it out: nothing is kept")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--device", default="cuda", help="cpu, to try it out: nothing is kept")
    args = parser.parse_args()
    on_gpu = torch.device(args.device).type == "cuda"
    if on_gpu and not torch.cuda.is_available():
        raise UserError("--device", "there is no GPU here", got=args.device, do="run it where there is one")
    make_deterministic(torch.device(args.device))
    args.name = torch.cuda.get_device_name(torch.device(args.device)) if on_gpu else "CPU"
    args.command = " ".join(["python", "benchmarks/gpu.py", *sys.argv[1:]])
    args.trial = not on_gpu or args.batches != BATCHES or args.repeats != REPEATS
    for name in [args.only] if args.only else [*CASES, GRU]:
        gru(args) if name == GRU else ladder(args, name)
    if not args.trial:
        PAGE.write_text(render(read()), encoding="utf-8")
        LADDER.write_text(render_ladder(read()), encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
