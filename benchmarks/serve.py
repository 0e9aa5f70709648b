"""Time a server under load and print the result as a JSON line.

    dvc exp run -S limits.hidden_size=null train@news_rnn
    git checkout HEAD -- params.yaml dvc.lock metrics    # as committed; the model stays in models/
    python benchmarks/serve.py models/news_rnn
    python benchmarks/serve.py models/news_rnn --keep    # for docs/performance.md

It starts `textrnn serve` with its defaults on a free port and sends requests from this process over HTTP: each client
waits for the response before it sends the next request. Every prediction is compared with that of Predictor.predict for
the same text, so a response to another client's text would be detected. The texts are those of benchmarks/predict.py.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

import aiohttp

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from performance import device, parse_arguments, save
from predict import TOKENS, sample_texts
from textrnn.inference.prediction.predictor import load
from textrnn.stage import run_command

LOADS = ((1, 1), (16, 1), (128, 1), (512, 1), (16, 32))  # clients, texts per request
REQUESTS = 5000  # per load
WARM_UP = 200
TOLERANCE = 1e-5  # the last digits of a probability depend on the batch

TEXT = """\
`textrnn serve` with its defaults, with requests over loopback from another process of the same machine. Each client
sends its next request when the previous one is answered. The times are from sending a request
to receiving its response, over {requests:,} requests. Texts have {tokens} tokens. `errors` counts responses other
than 200; `wrong` counts predictions that differ from those of `predict` for the same text."""


@contextlib.contextmanager
def serving(folder: Path, descriptors: int | None = None) -> Iterator[str]:
    """Start a server of the model in its own process, which may open so many files, and yield its URL."""
    limit = None if descriptors is None else partial(resource.setrlimit, resource.RLIMIT_NOFILE, (descriptors,) * 2)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent / "src")}
    command = [sys.executable, "-c", "from textrnn.cli import main; main()", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, preexec_fn=limit) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def differs(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two predictions differ by more than rounding."""
    if "entities" in one:
        found, expected = ([{**each, "score": None} for each in answer["entities"]] for answer in (one, other))
        return found != expected
    return one["label"] != other["label"] or abs(one["probability"] - other["probability"]) > TOLERANCE


class Load:
    """Clients of one model, and what they measured: seconds of each request, errors, wrong predictions."""

    def __init__(self, url: str, texts: list[str], expected: list[Any], requests: int) -> None:
        self._url, self._texts, self._expected = url, texts, expected
        self._remaining = iter(range(requests))
        self.seconds: list[float] = []
        self.errors = self.wrong = 0

    async def run(self, clients: int, texts: int) -> float:
        """Send all requests, each with `texts` texts; returns the seconds that this took."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            started = time.perf_counter()
            await asyncio.gather(*(self._client(session, texts) for _ in range(clients)))
            return time.perf_counter() - started

    async def _client(self, session: aiohttp.ClientSession, texts: int) -> None:
        for number in self._remaining:
            indices = [(number * texts + offset) % len(self._texts) for offset in range(texts)]
            body = {"texts": [self._texts[index] for index in indices]}
            started = time.perf_counter()
            async with session.post(self._url, json=body) as response:
                content = await response.read()
            self.seconds.append(time.perf_counter() - started)
            if response.status != 200:
                self.errors += 1
                continue
            predictions = json.loads(content)["predictions"]
            assert len(predictions) == texts
            pairs = zip(predictions, indices, strict=True)
            self.wrong += sum(differs(prediction, self._expected[index]) for prediction, index in pairs)


def measure(url: str, texts: list[str], expected: list[Any], requests: int, *, clients: int, per_request: int) -> Any:
    """The results of one load."""
    asyncio.run(Load(url, texts, expected, WARM_UP).run(clients, per_request))
    load = Load(url, texts, expected, requests)
    seconds = asyncio.run(load.run(clients, per_request))
    percentiles = quantiles(load.seconds, n=100)
    times = {f"p{percent}": round(1e3 * percentiles[percent - 1], 2) for percent in (50, 95, 99)}
    rates = {
        "requests_per_second": round(requests / seconds, 1),
        "texts_per_second": round(requests * per_request / seconds),
    }
    return {"clients": clients, "texts": per_request, **times, **rates, "errors": load.errors, "wrong": load.wrong}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model directory")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="results are kept only with the default")
    args = parse_arguments(parser, sizes=["requests"])
    texts = sample_texts(args.model, 4096, TOKENS)
    expected = load(args.model).predict(texts)
    with serving(args.model) as server:
        url = f"{server}/v1/models/{args.model.resolve().name}/predict"
        loads = [
            measure(url, texts, expected, args.requests, clients=clients, per_request=per_request)
            for clients, per_request in LOADS
        ]
    text = TEXT.format(requests=args.requests, tokens=TOKENS)
    result = {"benchmark": "serving", "device": device(), "text": text, "model": args.model.resolve().name}
    save(result, keep=args.keep, loads=loads, command=args.command)


if __name__ == "__main__":
    run_command(main)
