"""All that is measured on a GPU, in at most eight minutes: one command, one folder, one file of results.

Where the corpora are, with all packages:

    python benchmarks/gpu.py pack build/gpu --source <source> --yardstick <yardstick>

On the GPU machine, with this checkout, that folder, and torch, numpy, pyarrow and safetensors:

    python benchmarks/gpu.py build/gpu

Back here, with the file that it has written:

    python benchmarks/gpu.py keep build/benchmarks/gpu.jsonl

Each result is appended to the file as soon as there is one, as a line of JSON. Each part runs in a process of its own,
which is ended when its time is over; a part that fails leaves the others. `--device cpu --small` rehearses all of them.

What each part shows, and how long it may take:

{parts}
What is to be reached:

{goals}"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from gpu_folder import GpuFolder
from gpu_plan import GOALS, PARTS
from gpu_record import END, MAX_TEXT, Recorder
from textrnn.errors import UserError
from textrnn.stage import run_command

SCRIPT = Path(__file__).with_name("gpu_part.py")
RESULTS = Path("build/benchmarks/gpu.jsonl")
TOTAL_SECONDS = 470.0  # with the start of the script itself less than eight minutes
LEAST_SECONDS = 8.0  # a process that has less does not even import torch


def run_parts(args: argparse.Namespace) -> None:
    """Run the parts one after the other; each has its own limit, the last one all the time that is left."""
    GpuFolder(args.folder).check()
    device = torch.device(args.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError("--device", "this machine has no GPU", got=args.device, do="run it on a machine with a GPU")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    run = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    ends = time.monotonic() + TOTAL_SECONDS
    for part in PARTS:
        if part.name in (args.only or [part.name]):
            left = ends - time.monotonic()
            common = {"run": run, "part": part.name, "device": name, "small": args.small}
            run_part(Recorder(args.results, common), args, min(part.seconds or left, left))


def run_part(recorder: Recorder, args: argparse.Namespace, seconds: float) -> None:
    """Run one part in a process of its own, and record how it ended: done, failed, over its time or not started."""
    if seconds < LEAST_SECONDS:
        recorder.add(END, outcome="not started", text="no time was left")
        return
    command = [sys.executable, str(SCRIPT), recorder.common["part"], str(args.folder), "--results", str(args.results)]
    command += ["--common", json.dumps(recorder.common), "--device", args.device, "--seconds", str(seconds)]
    started = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        # a session of its own: it is ended together with all that it has started
        process = subprocess.Popen(command, stderr=errors, start_new_session=True)
        try:
            code = process.wait(seconds)
            outcome = "done" if code == 0 else "failed"
        except subprocess.TimeoutExpired:
            code, outcome = None, "over its time"
        finally:
            _end(process)
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    found: dict[str, Any] = {"outcome": outcome, "seconds": round(time.monotonic() - started, 1)}
    if outcome != "done":
        found |= {"exit_code": code, "text": text[-MAX_TEXT:]}
    recorder.add(END, **found)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended, and all that it had started
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def pack(args: argparse.Namespace) -> None:
    """Write the folder that goes to the GPU machine."""
    from gpu_pack import pack_folder  # these need packages that a GPU machine lacks
    from textrnn.common.params.params_file import read_params

    size = pack_folder(args.folder, args.source, args.yardstick, read_params())
    print(f"{args.folder}: {size / 1e6:.1f} MB")


def keep(args: argparse.Namespace) -> None:
    """Take a file of results into docs/."""
    from gpu_results import keep_results

    keep_results(args.results)


def make_parser() -> argparse.ArgumentParser:
    width = max(len(part.name) for part in PARTS)
    parts = "".join(f"    {part.name:<{width}}  {part.limit}: {part.shows}\n" for part in PARTS)
    goals = "".join(f"    {goal.what}: {goal.limit:g} s\n" for goal in GOALS)
    text = (__doc__ or "").format(parts=parts, goals=goals)
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="run, pack or keep")
    command = commands.add_parser("run", help="the default: measure all that a packed folder allows")
    command.add_argument("folder", type=Path, help="the packed folder")
    command.add_argument("--results", type=Path, default=RESULTS, help=f"appended to (default: {RESULTS})")
    command.add_argument("--only", choices=[part.name for part in PARTS], action="append", help="run only this part")
    command.add_argument("--device", default="cuda")
    command.add_argument("--small", action="store_true", help="a rehearsal; its results cannot be kept")
    command.set_defaults(call=run_parts)
    command = commands.add_parser("pack", help="write the folder that goes to the GPU machine")
    command.add_argument("folder", type=Path)
    command.add_argument("--source", type=Path, required=True, help="the folder of real corpora")
    command.add_argument("--yardstick", type=Path, required=True, help="the folder of the tutorials' loops")
    command.set_defaults(call=pack)
    command = commands.add_parser("keep", help="save a file of results in docs/, and render its pages")
    command.add_argument("results", type=Path)
    command.set_defaults(call=keep)
    return parser


def main() -> None:
    words = sys.argv[1:]
    is_command = words and words[0] in ("run", "pack", "keep", "-h", "--help")
    args = make_parser().parse_args(words if is_command or not words else ["run", *words])
    args.call(args)


if __name__ == "__main__":
    run_command(main)
