"""Time predictions of loaded models on one CPU thread and print the result as a JSON line.

    dvc exp run -S limits.hidden_size=null train@news_rnn train@news_bilstm
    git checkout HEAD -- params.yaml dvc.lock metrics    # as committed; the models stay in models/
    python benchmarks/predict.py models/news_rnn models/news_bilstm
    python benchmarks/predict.py models/news_rnn models/news_bilstm --keep    # for docs/performance.md

It times Predictor.predict for single texts and for batches, from the text to the label, so segmentation, encoding and
padding are included. The texts are random tokens of the model's vocabulary, sampled by their training frequency: the
time depends on the length of a text, not on its content.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path
from statistics import quantiles
from typing import Any

import torch

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from performance import device, parse_arguments, save
from textrnn.inference.prediction.predictor import Predictor, load
from textrnn.preparation.artifacts.model_files import ModelFiles
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.stage import run_command

CALLS = 3000  # with one text each
WARM_UP = 200
TEXTS = 20_000  # in batches
BATCH = 1024
TOKENS = 20  # per text, about as many as in a headline

TEXT = """\
One CPU thread, after loading the model: percentiles of the time from a text of {tokens} tokens to its prediction over
{calls:,} calls with one text each, and texts per second in batches of {batch:,}. Other load on the machine increases
the times, above all p95 and p99."""


def sample_texts(folder: Path, count: int, tokens: int) -> list[str]:
    """Sample texts of known tokens; a model always gets the same texts."""
    vocabulary = Preparation(folder).read_vocabulary()
    known_tokens, counts = vocabulary.tokens.to_pylist(), vocabulary.counts.to_pylist()
    segment = json.loads(Preparation(folder).segmentation_file.read_text(encoding="utf-8"))["segmenter"]
    joiner = "" if segment in ("chars", "jieba") else " "
    rng = random.Random(1)
    return [joiner.join(rng.choices(known_tokens, counts, k=tokens)) for _ in range(count)]


def latencies(predictor: Predictor, texts: list[str], calls: int) -> dict[str, float]:
    """The percentiles p50, p95 and p99 of the milliseconds of a call with one text."""
    seconds = []
    for call in range(-WARM_UP, calls):
        text = [texts[call % len(texts)]]
        started = time.perf_counter()
        predictor.predict(text)
        seconds.append(time.perf_counter() - started)
    percentiles = quantiles(seconds[WARM_UP:], n=100)
    return {f"p{percent}": round(1e3 * percentiles[percent - 1], 3) for percent in (50, 95, 99)}


def throughput(predictor: Predictor, texts: list[str]) -> float:
    """Texts per second in batches."""
    predictor.predict(texts[:BATCH])
    started = time.perf_counter()
    for first in range(0, len(texts), BATCH):
        predictor.predict(texts[first : first + BATCH])
    return round(len(texts) / (time.perf_counter() - started), 1)


def measure(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """The results of one model."""
    predictor, texts = load(folder), sample_texts(folder, args.texts, args.tokens)
    model = ModelFiles(folder).read_config()["model"]
    about = {"model": predictor.name, "cell": model["cell"], "hidden_size": model["hidden_size"]}
    return {**about, **latencies(predictor, texts, args.calls), "texts_per_second": throughput(predictor, texts)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help="model directories")
    parser.add_argument("--tokens", type=int, default=TOKENS, help=f"tokens per text (default: {TOKENS})")
    parser.add_argument("--calls", type=int, default=CALLS, help="results are kept only with the default")
    parser.add_argument("--texts", type=int, default=TEXTS, help="in batches; results are kept only with the default")
    args = parse_arguments(parser, sizes=["calls", "texts"])
    torch.set_num_threads(1)
    text = TEXT.format(tokens=args.tokens, calls=args.calls, batch=BATCH)
    result = {"benchmark": "prediction", "device": device(), "text": text, "tokens": args.tokens}
    answers = [measure(folder, args) for folder in args.models]
    save(result, keep=args.keep, answers=answers, command=args.command)


if __name__ == "__main__":
    run_command(main)
