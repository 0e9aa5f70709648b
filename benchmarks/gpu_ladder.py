"""The part `ladder` of benchmarks/gpu.py: the tutorials' loop, and ours with one optimization after the other, in turn.

Each case has the yardstick's titles, vocabulary and sizes. It starts from a plain training step and adds one
optimization (a rung of the ladder) at a time. We time our second epoch, after graphs are recorded and memory is
allocated. The yardstick runs unchanged in its own process, including TensorFloat-32 in cuDNN, which we use in the rung
`tf32` alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from gpu_folder import LOOPS, GpuFolder
from gpu_record import MAX_TEXT, Recorder
from gpu_sides import CASES, RUNGS, Case, Titles, read_rows, time_gru, time_rung
from textrnn.errors import UserError

YARDSTICK, GRU = "yardstick", "scratch_gru"
GRU_SIDES = ("scratch", "cudnn", "scratch_graph", "cudnn_graph")


@dataclass(frozen=True)
class LadderSizes:
    """batches: of an epoch. warm_up: the yardstick's steps before it is timed. rounds: at most so many.

    shrink: divides the batch sizes. gru_repeats: passes of a GRU.
    """

    batches: int
    warm_up: int
    rounds: int
    shrink: int
    gru_repeats: int


def ladder(recorder: Recorder, folder: GpuFolder, device: torch.device, sizes: LadderSizes, deadline: float) -> None:
    """Time all sides of all cases in turn, round after round.

    deadline: the time.monotonic() until which all must be done; nothing begins that might take longer.
    """
    yardstick, longest = folder.load_loop(), 0.0
    cases = {name: case.shrunk(sizes.shrink) for name, case in CASES.items()}
    titles = {name: read_rows(yardstick, folder.folder, case, sizes.batches) for name, case in cases.items()}
    for number in range(sizes.rounds):
        for name in (*CASES, GRU):
            started = time.monotonic()
            if started + longest > deadline:
                return
            with recorder.attempt("ladder", case=name, round=number, batches=sizes.batches) as found:
                if name == GRU:
                    found |= time_grus(device, sizes.gru_repeats)
                else:
                    found |= climb(folder, cases[name], titles[name], device, sizes)
            longest = max(longest, time.monotonic() - started)


def time_grus(device: torch.device, repeats: int) -> dict[str, float]:
    """Forward and backward passes per second of the GRU from scratch and of cuDNN's, with and without CUDA graphs."""
    return {side: time_gru(side.startswith("scratch"), side.endswith("graph"), device, repeats) for side in GRU_SIDES}


def climb(folder: GpuFolder, case: Case, titles: Titles, device: torch.device, sizes: LadderSizes) -> dict[str, object]:
    """Samples per second of the yardstick and of every rung; what fails or is refused has its reason instead."""
    sides: dict[str, Callable[[], float]] = {
        YARDSTICK: partial(yardstick_rate, folder.loop(LOOPS[0]), folder.raw, case, device, sizes)
    }
    sides |= {rung: partial(time_rung, rung, case, titles, device) for rung in RUNGS}
    rates: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for side, measure in sides.items():
        try:
            rates[side] = measure()
        except UserError as error:
            reasons[side] = f"refused: {error}"
        except Exception as error:
            reasons[side] = f"{type(error).__name__}: {error}"[-MAX_TEXT:]
    return {"rates": rates, "reasons": reasons}


def yardstick_rate(script: Path, data: Path, case: Case, device: torch.device, sizes: LadderSizes) -> float:
    """Samples per second of the tutorials' loop. Raises RuntimeError with the end of its output if it fails."""
    options: dict[str, object] = {"--data": data, "--cell": case.cell, "--batch-size": case.batch_size}
    options |= {"--pad-size": case.pad_size, "--batches": sizes.batches, "--warmup": sizes.warm_up, "--device": device}
    command = [sys.executable, str(script), *(str(word) for pair in options.items() for word in pair)]
    command += ["--bidirectional"] if case.bidirectional else []
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-MAX_TEXT:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["samples_per_second"])
