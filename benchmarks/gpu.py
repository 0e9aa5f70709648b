"""Compare training on a GPU, one optimization after the other, with the tutorials' loop; prints JSON lines.

    python benchmarks/gpu.py --source ../shared/data --yardstick ../shared/yardstick
    python benchmarks/gpu.py --source ../shared/data --yardstick ../shared/yardstick --only rnn_b64
    python benchmarks/gpu.py --source ../shared/data --yardstick ../shared/yardstick --keep

Each case has the yardstick's titles, vocabulary and sizes. It starts from a plain training step and adds one
optimization (a rung of the ladder) at a time. The yardstick and all rungs take turns, five times. We time our second
epoch, after graphs are recorded and memory is allocated. The yardstick runs unchanged in its own process, including
TensorFloat-32 in cuDNN, which we do not use. With `--keep` the results are saved for docs/performance.md;
docs/gpu.md shows the rungs.
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
from performance import compare, parse_arguments, read, save
from textrnn.errors import UserError
from textrnn.modeling.devices.precision import make_deterministic
from textrnn.stage import run_command

REPEATS, BATCHES, WARM_UP = 5, 160, 10
LADDER = Path("docs/gpu.md")
GRU = "scratch_gru"
GRU_SIDES = ("scratch", "cudnn", "scratch_graph", "cudnn_graph")
PREFIX = "gpu_"

HEAD = """# On a GPU, step by step

Written by `python benchmarks/gpu.py --keep`. Median samples per second; each column adds one optimization to those on
its left. `buckets` reads the last valid step of rows padded to six widths, the others the last step of rows of one
width.
"""
GRU_HEAD = (
    "Forward and backward passes per second of the GRU from scratch and of nn.GRU (cuDNN); B = T = 64, F = H = 256:"
)


def load(yardstick: Path, name: str) -> ModuleType:
    """Import a script of the yardstick's folder; its main program does not run."""
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
    """Samples per second of the tutorials' loop."""
    options = {"--data": args.source / "thucnews", "--cell": case.cell, "--batch-size": case.batch_size}
    options |= {"--pad-size": case.pad_size, "--batches": args.batches, "--warmup": WARM_UP, "--device": args.device}
    command = [sys.executable, str(args.yardstick / "headlines_loop.py")]
    command += [str(word) for pair in options.items() for word in pair]
    command += ["--bidirectional"] if case.bidirectional else []
    done = subprocess.run(command, stdout=subprocess.PIPE)
    if done.returncode:
        raise UserError(" ".join(command), "failed", do="see its message above")
    return float(json.loads(done.stdout.splitlines()[-1])["samples_per_second"])


def ladder(args: argparse.Namespace, name: str) -> None:
    """Time the yardstick and every rung of one case in turn."""
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
    _save(args, steps[-1], rungs=rungs, batches=args.batches)


def gru(args: argparse.Namespace) -> None:
    """Time the GRU from scratch and cuDNN's GRU in turn, both with and without CUDA graphs."""
    rates: dict[str, list[float]] = {side: [] for side in GRU_SIDES}
    for _ in range(args.repeats):
        for side, side_rates in rates.items():
            side_rates.append(time_gru(side.startswith("scratch"), side.endswith("graph"), torch.device(args.device)))
    pairs = {"eager": ("scratch", "cudnn"), "graphs": ("scratch_graph", "cudnn_graph")}
    sides = {
        mode: compare(PREFIX + GRU, rates[ours], rates[theirs], unit="steps/s", differences=0)
        for mode, (ours, theirs) in pairs.items()
    }
    rungs = {mode: {key: side[key] for key in ("ours", "yardstick", "ratio")} for mode, side in sides.items()}
    _save(args, sides["graphs"], rungs=rungs)


def _save(args: argparse.Namespace, result: dict[str, Any], **more: Any) -> None:
    # the two sides train different networks from different seeds, so there are no rows to compare
    more |= {"device": args.name, "differences": "none counted", "repeats": args.repeats, "command": args.command}
    save(result, keep=args.keep, **more)


def render_ladder(results: list[dict[str, Any]]) -> str:
    """The page of all rungs, from saved results."""
    lines = [f"| case | yardstick | {' | '.join(RUNGS)} |", "|---" * (len(RUNGS) + 2) + "|"]
    parts = [HEAD]
    for result in results:
        name = result["benchmark"].removeprefix(PREFIX)
        if name in CASES:
            cells = [f"{rung['ours']:,.0f} ({rung['ratio']:.2f}×)" for rung in result["rungs"].values()]
            lines.append(f"| {name} | {result['yardstick']:,.0f} | {' | '.join(cells)} |")
    parts.append("\n".join(lines) + "\n")
    for result in results:
        if result["benchmark"] == PREFIX + GRU:
            rows = [
                f"| {mode} | {r['ours']} | {r['yardstick']} | {r['ratio']} |" for mode, r in result["rungs"].items()
            ]
            parts += [GRU_HEAD + "\n", "\n".join(["| | scratch | nn.GRU | ratio |", "|---|---|---|---|", *rows]) + "\n"]
    parts += [f"* `{row['benchmark']}`, {row['device']}, {row['date']}\n" for row in results if "rungs" in row]
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="the folder of real corpora")
    parser.add_argument("--yardstick", type=Path, required=True, help="the folder of the tutorials' loops")
    parser.add_argument("--only", choices=[*CASES, GRU], help="run only this benchmark")
    parser.add_argument("--batches", type=int, default=BATCHES, help="results are kept only with the default")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="results are kept only with the default")
    parser.add_argument("--device", default="cuda", help="results are kept only on a GPU")
    args = parse_arguments(parser, sizes=["batches", "repeats"])
    on_gpu = torch.device(args.device).type == "cuda"
    if on_gpu and not torch.cuda.is_available():
        raise UserError("--device", "this machine has no GPU", got=args.device, do="run it on a machine with a GPU")
    if args.keep and not on_gpu:
        raise UserError("--keep", "only results of a GPU are kept", got=args.device, do="leave out --keep or --device")
    make_deterministic(torch.device(args.device))
    args.name = torch.cuda.get_device_name(torch.device(args.device)) if on_gpu else "CPU"
    for name in [args.only] if args.only else [*CASES, GRU]:
        gru(args) if name == GRU else ladder(args, name)
    if args.keep:
        LADDER.write_text(render_ladder(read()), encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
