"""One part of benchmarks/gpu.py, in a process of its own, which gpu.py starts and ends.

python benchmarks/gpu_part.py probe FOLDER --results FILE --common '{"run": ...}' --device cuda --seconds 60
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from gpu_folder import GpuFolder
from gpu_ladder import LadderSizes, ladder
from gpu_probe import ProbeSizes, probe
from gpu_record import Recorder
from gpu_steps import BATCH, VOCABULARY, WIDTH, AmazonSizes, ProfileSizes, amazon, profile
from gpu_tests import run_tests
from gpu_trainings import TrainingSizes, trainings
from textrnn.modeling.devices.precision import make_deterministic
from textrnn.stage import run_command

MARGIN = 4.0  # seconds between the end of what a part plans for and its limit


@dataclass(frozen=True)
class Sizes:
    """How much each part measures."""

    probe: ProbeSizes
    trainings: TrainingSizes
    amazon: AmazonSizes
    profile: ProfileSizes
    ladder: LadderSizes


FULL = Sizes(
    probe=ProbeSizes(repeats=20, steps=20, batch=64),
    trainings=TrainingSizes(epochs=None, seconds=60),
    amazon=AmazonSizes(BATCH, VOCABULARY, WIDTH, seconds=5),
    profile=ProfileSizes(batches=20, replays=10, shrink=1),
    ladder=LadderSizes(batches=160, warm_up=10, rounds=5, shrink=1, gru_repeats=50),
)
# a rehearsal on a CPU: every line of code, in seconds
SMALL = Sizes(
    probe=ProbeSizes(repeats=2, steps=2, batch=4),
    trainings=TrainingSizes(epochs=1, seconds=2),
    amazon=AmazonSizes(batch=2, vocabulary=1000, width=8, seconds=0.1),
    profile=ProfileSizes(batches=1, replays=2, shrink=16),
    ladder=LadderSizes(batches=2, warm_up=1, rounds=1, shrink=16, gru_repeats=1),
)


@dataclass(frozen=True)
class Job:
    """What a part is given; deadline: the time.monotonic() until which it plans to be done."""

    recorder: Recorder
    folder: GpuFolder
    device: torch.device
    sizes: Sizes
    deadline: float


PARTS: dict[str, Callable[[Job], None]] = {
    "probe": lambda job: probe(job.recorder, job.device, job.sizes.probe),
    "tests": lambda job: run_tests(job.recorder, job.deadline - time.monotonic()),
    "trainings": lambda job: trainings(job.recorder, job.folder, job.device, job.sizes.trainings, job.deadline),
    "amazon": lambda job: amazon(job.recorder, job.folder, job.device, job.sizes.amazon),
    "profile": lambda job: profile(job.recorder, job.folder, job.device, job.sizes.profile),
    "ladder": lambda job: ladder(job.recorder, job.folder, job.device, job.sizes.ladder, job.deadline),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--common", type=json.loads, required=True, help="what all lines of the part have, as JSON")
    parser.add_argument("--device", type=torch.device, required=True)
    parser.add_argument("--seconds", type=float, required=True, help="gpu.py ends the process after so many")
    args = parser.parse_args()
    deadline = time.monotonic() + args.seconds - MARGIN
    if args.part != "tests":  # those have the device to themselves
        make_deterministic(args.device)
    sizes = SMALL if args.common["small"] else FULL
    PARTS[args.part](Job(Recorder(args.results, args.common), GpuFolder(args.folder), args.device, sizes, deadline))


if __name__ == "__main__":
    run_command(main)
