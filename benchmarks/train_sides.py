"""Run one side of a training benchmark in its own process; prints a JSON line.

    python benchmarks/train_sides.py prepare --source <folder> --work /tmp/work
    python benchmarks/train_sides.py loop --work /tmp/work --recipe news_rnn --batch-size 64 --batches 200

benchmarks/train.py runs it. The recipes are those of params.yaml at full size, on all of THUCNews.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.profiler import profile as profiler

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.embed import Embed
from textrnn.common.config.encode import Encode
from textrnn.common.config.model import Model
from textrnn.common.config.pad import Pad
from textrnn.common.config.parse import Parse
from textrnn.common.config.segment import Segment
from textrnn.common.config.train import CosineSchedule, Train
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import load_entry_section
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.evaluation.scoring.evaluate import evaluate
from textrnn.modeling.models.model_directory import SavedModel
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.modeling.nn.scratch_gru import ScratchGRU
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.learned_vectors import NO_VECTORS
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.embedding.embed import embed
from textrnn.preparation.encoding.encode import encode
from textrnn.preparation.padding.pad import pad
from textrnn.preparation.parsing.parse import parse
from textrnn.preparation.segmentation.segment import segment
from textrnn.stage import run_command
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.batches import Shuffle, batch_size, batches
from textrnn.training.batching.buckets import AnyBucket
from textrnn.training.optimization.cuda_graphs import make_train_step
from textrnn.training.optimization.step import make_optimizer
from textrnn.training.trainer.recipe import PreparedData, Recipe
from textrnn.training.trainer.setup import set_up_training
from textrnn.training.trainer.train_recipe import train_recipe

CORPUS, ENCODING = "thucnews", "thucnews_chars"
RECIPES = ("news_rnn", "news_lstm")
WARM_UP = 10
BUCKETS = 6


def prepare(args: argparse.Namespace) -> dict[str, Any]:
    """Prepare the headlines up to the padded shards of each recipe, once as in params.yaml and once in buckets."""
    params, work = read_params(), args.work
    folders = {name: work / name for name in ("parsed", "segmented", "ids")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    corpus = load_entry_section(Parse, params, "corpora", CORPUS, "parse")
    parse(args.source / CORPUS, corpus, limit=None, out=folders["parsed"])
    segmentation = load_entry_section(Segment, params, "encodings", ENCODING, "segment")
    segment(ParsedRows.read(folders["parsed"]), segmentation, punkt_folder=work, out=folders["segmented"])
    encode(
        SegmentedRows.read(folders["segmented"]),
        load_entry_section(Encode, params, "encodings", ENCODING, "encode"),
        where=f"encodings.{ENCODING}.encode",
        ids=folders["ids"],
        preparation=work,
    )
    encoded = EncodedRows.read(folders["ids"])
    for recipe in RECIPES:
        settings = load_entry_section(Pad, params, "recipes", recipe, "pad")
        for name, padding in ((recipe, settings), (f"{recipe}_buckets", replace(settings, buckets=BUCKETS))):
            (work / name).mkdir()
            pad(encoded, padding, work / name)
    return {"folder": str(work)}


def load_recipe(args: argparse.Namespace) -> Recipe:
    """The recipe with its padded shards, its labels and its initial embedding."""
    params, name = read_params(), args.recipe
    model = load_entry_section(Model, params, "recipes", name, "model")
    settings = load_entry_section(Train, params, "recipes", name, "train")
    padded = PaddedRows.read(args.work / (f"{name}_buckets" if args.buckets else name))
    if args.buckets:
        model = replace(model, readout="last_valid")  # `last_step` reads padding, so it needs rows of one width
    embedding = load_entry_section(Embed, params, "recipes", name, "embed")
    vocabulary = Vocabulary.load(args.work / "vocabulary.arrow")
    matrix, _ = embed(vocabulary, embedding, args.work, NO_VECTORS, f"recipes.{name}.embed")
    data = PreparedData(padded, matrix, Labels.load(args.work / "labels.json"))
    return Recipe(name, f"recipes.{name}", model, settings, data)


def loop(args: argparse.Namespace) -> dict[str, Any]:
    """Time training steps after loading the data, without evaluation, as the yardstick's loop does."""
    recipe = load_recipe(args)
    settings, device = replace(recipe.train, batch_size=args.batch_size), torch.device("cpu")
    setup = set_up_training(recipe, device, with_dev=False)
    network = setup.initial_network(settings.seed).train()
    running_metrics = RunningMetrics(None, device)
    take_step = make_train_step(network, make_optimizer(network, settings), running_metrics, settings)
    stream = endless_batches(setup.data.train, settings)
    for _ in range(WARM_UP):
        take_step(next(stream), settings.learning_rate)

    def take_steps() -> int:
        rows = 0
        for batch in islice(stream, args.batches):
            take_step(batch, settings.learning_rate)
            rows += len(batch)
        return rows

    if args.profile:
        return profile_parts(take_steps)
    started = time.perf_counter()
    rows = take_steps()
    return {"samples_per_second": rows / (time.perf_counter() - started)}


def endless_batches(buckets: Sequence[AnyBucket], settings: Train) -> Iterator[Batch]:
    for epoch in itertools.count():
        yield from batches(buckets, batch_size(settings), drop_last=False, shuffle=Shuffle(settings.seed, epoch))


def profile_parts(work: Callable[[], Any]) -> dict[str, Any]:
    """The seconds of the operations that take the most time."""
    with profiler() as profiled:
        work()
    events = sorted(profiled.key_averages(), key=lambda event: -event.self_cpu_time_total)
    seconds = {event.key: event.self_cpu_time_total / 1e6 for event in events}
    return {"seconds": sum(seconds.values()), "parts": dict(list(seconds.items())[:12])}


def news_rnn_run(args: argparse.Namespace) -> dict[str, Any]:
    """Time loading the padded shards, training with its evaluations on dev, and the evaluation on test."""
    recipe = load_recipe(args)
    started = time.perf_counter()
    # these settings were chosen on dev
    schedule = CosineSchedule("cosine", 0.0, 0.0)
    settings = replace(recipe.train, batch_size=512, epochs=4, learning_rate=0.003, schedule=schedule)
    trained = train_recipe(replace(recipe, train=settings))
    trained.network.eval()
    saved = SavedModel(trained.config, recipe.data.labels, trained.network)
    scores = evaluate(saved, recipe.data.padded, "test")
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "test_accuracy": scores.classes.accuracy,
        "dev_accuracy": trained.outcome.dev_accuracy,
        "rows_per_second": trained.rows_per_second,
    }


def gru(args: argparse.Namespace) -> dict[str, Any]:
    """Time a training step of the GRU from scratch and of nn.GRU in turn, with the yardstick's timer and sizes."""
    sys.path.insert(0, str(args.yardstick))
    from gru_loop import time_step

    torch.manual_seed(1)
    x = torch.randn(64, 64, 256)
    sides = {"scratch": ScratchGRU(256, 256), "nn_gru": nn.GRU(256, 256)}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(args.repeats):
        for name, module in sides.items():
            seconds[name].append(time_step(module, x, 5))
    return seconds


COMMANDS = {"prepare": prepare, "loop": loop, "news_rnn_run": news_rnn_run, "gru": gru}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--source", type=Path, help="the folder of real corpora")
    parser.add_argument("--yardstick", type=Path, help="the folder of the tutorials' loops")
    parser.add_argument("--work", type=Path, help="the folder that `prepare` writes to")
    parser.add_argument("--recipe", choices=RECIPES, default="news_rnn")
    parser.add_argument("--buckets", action="store_true", help="pad rows to a few widths and read the last valid step")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="profile `loop`")
    args = parser.parse_args()
    print(json.dumps(COMMANDS[args.command](args)))


if __name__ == "__main__":
    run_command(main)
