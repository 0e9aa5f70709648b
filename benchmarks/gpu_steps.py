"""The parts `amazon` and `profile` of benchmarks/gpu.py: steps of the tutorials' largest network, and kernels."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity
from torch.profiler import profile as profiler

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from gpu_folder import GpuFolder
from gpu_record import Recorder
from gpu_sides import (
    CASES,
    PRECISIONS,
    make_network,
    make_settings,
    read_rows,
    replays_graphs,
    synchronize,
    use_precision,
)
from textrnn.common.config.embed import Embed
from textrnn.common.config.model import Model
from textrnn.common.config.train import Train
from textrnn.common.params.sections import load_entry_section
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.batches import selections
from textrnn.training.optimization.cuda_graphs import WARM_UP, make_train_step
from textrnn.training.optimization.step import make_optimizer

RECIPE = "reviews_lstm"
ROWS, EPOCHS, BATCH, WIDTH = 800_000, 2, 400, 200  # as in the tutorial
VOCABULARY = 150_000  # stands for the words that occur twice in so many reviews
STEPS_AT_ONCE = 5  # between two looks at the clock
KERNELS = 12  # are listed
PROFILED = ("rnn_b64", "rnn_b1024", "bilstm_b256")


@dataclass(frozen=True)
class AmazonSizes:
    """batch: rows of a batch. vocabulary: tokens. width: tokens of a row. seconds: how long each precision is timed."""

    batch: int
    vocabulary: int
    width: int
    seconds: float


def amazon(recorder: Recorder, folder: GpuFolder, device: torch.device, sizes: AmazonSizes) -> None:
    """Time steps of reviews_lstm in each precision, and extrapolate to all epochs; no evaluation is among them."""
    for precision in PRECISIONS:
        with recorder.attempt("steps", precision=precision, batch_size=sizes.batch) as found:
            found |= time_precision(folder.read_params(), precision, device, sizes)


def time_precision(params: dict[str, Any], name: str, device: torch.device, sizes: AmazonSizes) -> dict[str, Any]:
    """Time steps in one precision. Raises UserError if the device lacks it."""
    model = load_entry_section(Model, params, "recipes", RECIPE, "model")
    settings = load_entry_section(Train, params, "recipes", RECIPE, "train")
    embedding = load_entry_section(Embed, params, "recipes", RECIPE, "embed").width
    assert embedding is not None
    precision = use_precision(name, model.cell, device)
    settings = replace(settings, precision=precision, batch_size=sizes.batch)
    torch.manual_seed(1)
    network = TextRNN(model, sizes.vocabulary, embedding, 2, "left").to(device)
    return time_steps(network, settings, review_batch(sizes, device), sizes.seconds)


def review_batch(sizes: AmazonSizes, device: torch.device) -> Batch:
    """A batch of made-up reviews: 20 tokens or more, padded on the left, a few of the tokens most of the text."""
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(min(20, sizes.width), sizes.width + 1, (sizes.batch,), generator=generator)
    shape = (sizes.batch, sizes.width)
    ids = 2 + ((sizes.vocabulary - 2) * torch.rand(shape, generator=generator) ** 4).int()
    ids[torch.arange(sizes.width) < sizes.width - lengths[:, None]] = 0
    targets = torch.randint(0, 2, (sizes.batch,), generator=generator)
    return Batch(torch.arange(sizes.batch), ids, lengths, targets).to(device)


def time_steps(network: TextRNN, settings: Train, batch: Batch, seconds: float) -> dict[str, Any]:
    """Repeat the step of one batch for some seconds, after those that record its graph."""
    device, metrics = batch.ids.device, RunningMetrics.for_network(network, None)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    take_step = make_train_step(network, make_optimizer(network, settings), metrics, settings)
    for _ in range(WARM_UP + 1):
        take_step(batch, settings.learning_rate)
    synchronize(device)
    started, steps = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        for _ in range(STEPS_AT_ONCE):
            take_step(batch, settings.learning_rate)
        synchronize(device)
        steps += STEPS_AT_ONCE
    each = (time.perf_counter() - started) / steps
    graphed = replays_graphs(take_step)
    take_step.close()
    memory = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None
    return {
        "graphed": graphed,
        "steps": steps,
        "step_milliseconds": 1000 * each,
        "rows_per_second": len(batch) / each,
        "two_epochs_seconds": EPOCHS * ROWS * each / len(batch),
        "peak_gib": memory,
        "loss": metrics.compute().loss,
    }


@dataclass(frozen=True)
class ProfileSizes:
    """batches: whose titles make the vocabulary. replays: steps that are profiled. shrink: divides the batch sizes."""

    batches: int
    replays: int
    shrink: int


def profile(recorder: Recorder, folder: GpuFolder, device: torch.device, sizes: ProfileSizes) -> None:
    """The kernels of some steps of each case that take the most time on the device."""
    yardstick = folder.load_loop()
    for name in PROFILED:
        with recorder.attempt("profile", case=name) as found:
            case = CASES[name].shrunk(sizes.shrink)
            titles = read_rows(yardstick, folder.folder, case, sizes.batches)
            settings = make_settings(case.batch_size, use_precision("float32", case.cell, device))
            network = make_network(case, titles.vocabulary_size, valid=True).to(device)
            metrics = RunningMetrics(None, device)
            take_step = make_train_step(network, make_optimizer(network, settings), metrics, settings)
            batch = next(selections([titles.rows.to(device)], case.batch_size))
            for _ in range(WARM_UP + 1):
                take_step(batch, settings.learning_rate)
            found |= {"graphed": replays_graphs(take_step)}
            found |= profile_steps(partial(take_step, batch, settings.learning_rate), device, sizes.replays)
            take_step.close()


def profile_steps(take_step: Callable[[], None], device: torch.device, replays: int) -> dict[str, Any]:
    """Milliseconds of a step by the clock, and under torch's profiler those of its kernels by name."""
    synchronize(device)
    started = time.perf_counter()
    for _ in range(replays):
        take_step()
    synchronize(device)
    wall = (time.perf_counter() - started) / replays
    on_gpu = device.type == "cuda"
    with profiler(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as profiled:
        for _ in range(replays):
            take_step()
        synchronize(device)
    # on a GPU those of the CPU, such as the launch of a graph, have the times of their kernels once more
    kind = DeviceType.CUDA if on_gpu else DeviceType.CPU
    events = [event for event in profiled.key_averages() if event.device_type == kind]
    seconds = {
        event.key: (event.self_device_time_total if on_gpu else event.self_cpu_time_total) / 1e6 for event in events
    }
    total = sum(seconds.values())
    longest = sorted(seconds.items(), key=lambda item: -item[1])[:KERNELS]
    parts = [{"part": key, "seconds": value, "share": value / max(total, 1e-12)} for key, value in longest if value]
    return {
        "step_milliseconds": 1000 * wall,
        "kernel_milliseconds": 1000 * total / replays,
        "kernels": sum(event.count for event in events) / replays,
        "parts": parts,
    }
