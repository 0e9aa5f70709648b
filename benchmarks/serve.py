"""Time a server under load, print a JSON line, and keep it for docs/performance.md.

    dvc exp run -S limits.hidden_size=null train@news_rnn
    python benchmarks/serve.py models/news_rnn

It starts `textrnn serve` with its own defaults on a free port, and asks it from this process over HTTP: each client
sends a request, waits for the answer and sends the next. Every answer is compared with what Predictor.predict says of
the same text, so an answer to another's text would be seen. The texts are those of benchmarks/predict.py.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import Any

import aiohttp

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from performance import PAGE, device, keep, read, render
from predict import TOKENS, draw_texts
from textrnn.inference.prediction.predictor import load
from textrnn.stage import run_command

LOADS = ((1, 1), (16, 1), (128, 1), (512, 1), (16, 32))  # clients, texts of a request
REQUESTS = 5000  # of each load
WARM_UP = 200
CLOSE = 1e-5  # probabilities hang on the batch in their last digits

TEXT = """\
`textrnn serve` with its defaults, asked over loopback from another process of the same machine by clients that each
send the next request when the last is answered: milliseconds from sending a request to having its answer, by the share
of {requests:,} requests that took no longer. Texts have {tokens} tokens. `errors` counts requests that were not
answered with 200, `wrong` answers that are not those of `predict` to the same text."""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The URL of a server of the model, a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent / "src")}
    command = [sys.executable, "-c", "from textrnn.cli import main; main()", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def differs(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two answers are not the same but for rounding."""
    if "entities" in one:
        return one != other
    return one["label"] != other["label"] or abs(one["probability"] - other["probability"]) > CLOSE


class Load:
    """Clients that ask one model, and what they found: seconds of each request, errors, wrong answers."""

    def __init__(self, address: str, texts: list[str], answers: list[Any], requests: int) -> None:
        self._address, self._texts, self._answers = address, texts, answers
        self._left = iter(range(requests))
        self.took: list[float] = []
        self.errors = self.wrong = 0

    async def run(self, clients: int, texts: int) -> float:
        """Ask until all requests are sent, so many texts in each; the seconds that took."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            started = time.perf_counter()
            await asyncio.gather(*(self._client(session, texts) for _ in range(clients)))
            return time.perf_counter() - started

    async def _client(self, session: aiohttp.ClientSession, texts: int) -> None:
        for number in self._left:
            chosen = [(number * texts + at) % len(self._texts) for at in range(texts)]
            body = {"texts": [self._texts[at] for at in chosen]}
            started = time.perf_counter()
            async with session.post(self._address, json=body) as answer:
                raw = await answer.read()
            self.took.append(time.perf_counter() - started)
            if answer.status != 200:
                self.errors += 1
                continue
            found = json.loads(raw)["predictions"]
            assert len(found) == texts
            self.wrong += sum(differs(one, self._answers[at]) for one, at in zip(found, chosen, strict=True))


def measure(address: str, texts: list[str], answers: list[Any], clients: int, each: int, requests: int) -> Any:
    """A load's figures."""
    asyncio.run(Load(address, texts, answers, WARM_UP).run(clients, each))
    load = Load(address, texts, answers, requests)
    seconds = asyncio.run(load.run(clients, each))
    percent = quantiles(load.took, n=100)
    times = {f"p{at}": round(1e3 * percent[at - 1], 2) for at in (50, 95, 99)}
    rates = {"requests_per_second": round(requests / seconds, 1), "texts_per_second": round(requests * each / seconds)}
    return {"clients": clients, "texts": each, **times, **rates, "errors": load.errors, "wrong": load.wrong}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model directory")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="fewer, to try it out: nothing is kept")
    args = parser.parse_args()
    texts = draw_texts(args.model, 4096, TOKENS)
    answers = load(args.model).predict(texts)
    with serving(args.model) as url:
        address = f"{url}/v1/models/{args.model.resolve().name}/predict"
        loads = [measure(address, texts, answers, *each, args.requests) for each in LOADS]
    trial = args.requests != REQUESTS
    text = TEXT.format(requests=args.requests, tokens=TOKENS)
    figure = {"benchmark": "serving", "device": device(), "text": text, "model": args.model.resolve().name}
    keep(figure, only_print=trial, loads=loads, command=" ".join(["python", "benchmarks/serve.py", *sys.argv[1:]]))
    if not trial:
        PAGE.write_text(render(read()), encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
