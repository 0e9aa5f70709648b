"""Time a loaded model's answers on one CPU thread, print a JSON line, and keep it for docs/performance.md.

    dvc exp run -S limits.hidden_size=null train@news_rnn train@news_bilstm
    python benchmarks/predict.py models/news_rnn models/news_bilstm

One text at a time, and texts in batches, both through Predictor.predict, from the text to the label: the clock has
cutting, numbering and padding in it. The texts are drawn from the model's own vocabulary, as often as training had each
token: what they say makes no difference to the time, how long they are does.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from statistics import quantiles
from typing import Any

import torch

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from performance import PAGE, device, keep, read, render
from textrnn.inference.prediction.predictor import Predictor, load
from textrnn.modeling.models.model_directory import CONFIG, SEGMENTATION, VOCABULARY
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.stage import run_command

CALLS = 3000  # of one text each
WARM_UP = 200
TEXTS = 20_000  # in batches
BATCH = 1024
TOKENS = 20  # of a text: about those of a headline

TEXT = """\
One CPU thread, the model loaded: milliseconds from a text of {tokens} tokens to its answer, one text a call, by the
share of {calls:,} calls that took no longer; and texts a second in batches of {batch:,}. Machines with other work to do
take longer, most of all at p95 and p99."""


def draw_texts(folder: Path, count: int, tokens: int) -> list[str]:
    """Texts of so many known tokens each, always the same ones for a model."""
    vocabulary = Vocabulary.load(folder / VOCABULARY)
    words, counts = vocabulary.words.to_pylist(), vocabulary.counts.to_pylist()
    segment = json.loads((folder / SEGMENTATION).read_text(encoding="utf-8"))["segment"]
    joiner = "" if segment in ("chars", "jieba") else " "
    rng = random.Random(1)
    return [joiner.join(rng.choices(words, counts, k=tokens)) for _ in range(count)]


def latencies(predictor: Predictor, texts: list[str], calls: int) -> dict[str, float]:
    """Milliseconds of one call with one text: p50, p95, p99."""
    took = []
    for at in range(-WARM_UP, calls):
        text = [texts[at % len(texts)]]
        started = time.perf_counter()
        predictor.predict(text)
        took.append(time.perf_counter() - started)
    percent = quantiles(took[WARM_UP:], n=100)
    return {f"p{at}": round(1e3 * percent[at - 1], 3) for at in (50, 95, 99)}


def throughput(predictor: Predictor, texts: list[str]) -> float:
    """Texts a second in batches."""
    predictor.predict(texts[:BATCH])
    started = time.perf_counter()
    for first in range(0, len(texts), BATCH):
        predictor.predict(texts[first : first + BATCH])
    return round(len(texts) / (time.perf_counter() - started), 1)


def measure(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """A model's figures."""
    predictor, texts = load(folder), draw_texts(folder, args.texts, args.tokens)
    model = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["model"]
    told = {"model": predictor.name, "cell": model["cell"], "hidden_size": model["hidden_size"]}
    return {**told, **latencies(predictor, texts, args.calls), "texts_per_second": throughput(predictor, texts)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help="model directories")
    parser.add_argument("--tokens", type=int, default=TOKENS, help=f"of a text (default: {TOKENS})")
    parser.add_argument("--calls", type=int, default=CALLS, help="fewer, to try it out: nothing is kept")
    parser.add_argument("--texts", type=int, default=TEXTS, help="in batches; fewer, to try it out: nothing is kept")
    args = parser.parse_args()
    torch.set_num_threads(1)
    text = TEXT.format(tokens=args.tokens, calls=args.calls, batch=BATCH)
    figure = {"benchmark": "prediction", "device": device(), "text": text, "tokens": args.tokens}
    trial = (args.calls, args.texts) != (CALLS, TEXTS)
    command = " ".join(["python", "benchmarks/predict.py", *sys.argv[1:]])
    keep(figure, only_print=trial, answers=[measure(folder, args) for folder in args.models], command=command)
    if not trial:
        PAGE.write_text(render(read()), encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
