"""Time short requests to a server: alone, during long requests, and during connections with incomplete heads.

    python benchmarks/serve_beside.py models/ner_bilstm_crf
    python benchmarks/serve_beside.py models/ner_bilstm_crf --keep    # for docs/performance.md

It starts `textrnn serve` with its defaults, in a process that may open 256 files. One client sends requests of one
text, each on a connection of its own, when the previous one is answered. At the same time, others send the longest
requests that the server accepts, again and again, or hold connections with an incomplete request head, each of which
is opened again when the server closes it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

import aiohttp

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from performance import device, parse_arguments, save
from predict import TOKENS, sample_texts
from serve import differs, serving
from textrnn.inference.prediction.predictor import load
from textrnn.inference.serving.command import limits_of, serve_parser
from textrnn.stage import run_command

REQUESTS = 500  # per row
WARM_UP = 50
DESCRIPTORS = 256
LONG_CLIENTS = 3
HALF_HEADS = 300
HALF_HEAD = b"POST /v1/models/a/predict HTTP/1.1\r\nHost: localh"

TEXT = """\
`textrnn serve` with its defaults, in a process that may open {descriptors} files. One client sends {requests:,}
requests of one text of {tokens} tokens, each on a connection of its own, when the previous one is answered. The times
are those from the connection to the response. At the same time, {clients} clients send the longest requests that
the server accepts ({texts} texts of {characters:,} characters), each as soon as the previous one is answered; or
{heads} connections send an incomplete request head each and wait; a connection that the server closes is opened
again. `errors` counts responses other than 200; `wrong` counts predictions that differ from those of `predict`."""

Beside = Callable[[str], contextlib.AbstractAsyncContextManager[None]]


def long_texts() -> tuple[int, int]:
    """The texts of the longest request that a server takes by default, and the characters of each."""
    limits = limits_of(serve_parser().parse_args(["a"]))
    return limits.request_characters // limits.characters, limits.characters


@contextlib.asynccontextmanager
async def nothing(_: str) -> AsyncIterator[None]:
    """No load."""
    yield


class LongRequests:
    """Clients that send the longest requests."""

    def __init__(self, model: str, words: list[str]) -> None:
        count, characters = long_texts()
        text = " ".join(words)
        text *= characters // len(text) + 1
        self._model, self._body = model, {"texts": [text[:characters]] * count}

    @contextlib.asynccontextmanager
    async def __call__(self, url: str) -> AsyncIterator[None]:
        """Send them as long as the block runs."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(None)) as session:
            tasks = [asyncio.create_task(self._send(session, url)) for _ in range(LONG_CLIENTS)]
            await asyncio.sleep(1)  # until the server is at work
            yield
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _send(self, session: aiohttp.ClientSession, url: str) -> None:
        while True:
            async with session.post(f"{url}/v1/models/{self._model}/predict", json=self._body) as response:
                await response.read()
                assert response.status == 200, response.status


@contextlib.asynccontextmanager
async def half_heads(url: str) -> AsyncIterator[None]:
    """Hold connections with an incomplete request head as long as the block runs."""
    tasks = [asyncio.create_task(_hold(url)) for _ in range(HALF_HEADS)]
    await asyncio.sleep(1)  # until they are there
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _hold(url: str) -> None:
    parts = urlsplit(url)
    while True:
        with contextlib.suppress(ConnectionError):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                writer.write(HALF_HEAD)
                await reader.read()
            finally:
                writer.close()


async def time_requests(url: str, texts: list[str], expected: list[Any], requests: int) -> dict[str, Any]:
    """The times of requests of one text, errors and wrong predictions."""
    seconds, errors, wrong = [], 0, 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        for number in range(requests):
            index = number % len(texts)
            started = time.perf_counter()
            async with session.post(url, json={"texts": [texts[index]]}) as response:
                content = await response.read()
            seconds.append(time.perf_counter() - started)
            if response.status != 200:
                errors += 1
            else:
                wrong += differs(json.loads(content)["predictions"][0], expected[index])
    percentiles = quantiles(seconds, n=100)
    times = {f"p{percent}": round(1e3 * percentiles[percent - 1], 2) for percent in (50, 95, 99)}
    return {"requests": requests, **times, "slowest": round(1e3 * max(seconds), 2), "errors": errors, "wrong": wrong}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model directory")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="results are kept only with the default")
    args = parse_arguments(parser, sizes=["requests"])
    name, texts = args.model.resolve().name, sample_texts(args.model, 512, TOKENS)
    expected = load(args.model).predict(texts)
    loads: dict[str, Beside] = {
        "none": nothing,
        f"{LONG_CLIENTS} clients with long requests": LongRequests(name, texts),
        f"{HALF_HEADS} connections with an incomplete head": half_heads,
    }

    async def measure(server: str, beside: Beside) -> dict[str, Any]:
        url = f"{server}/v1/models/{name}/predict"
        await time_requests(url, texts, expected, WARM_UP)
        async with beside(server):
            return await time_requests(url, texts, expected, args.requests)

    rows = []
    for label, beside in loads.items():
        with serving(args.model, DESCRIPTORS) as server:
            rows.append({"name": label, **asyncio.run(measure(server, beside))})
    count, characters = long_texts()
    sizes = {"texts": count, "characters": characters, "tokens": TOKENS, "requests": args.requests}
    text = TEXT.format(descriptors=DESCRIPTORS, clients=LONG_CLIENTS, heads=HALF_HEADS, **sizes)
    result = {"benchmark": "serving_beside", "device": device(), "text": text, "model": name}
    save(result, keep=args.keep, beside=rows, command=args.command)


if __name__ == "__main__":
    run_command(main)
