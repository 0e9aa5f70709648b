"""Servers of tests: in this process on a port of their own, with stub models that say what they were called with."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import requests

from textrnn.inference.serving.app import Service
from textrnn.inference.serving.http_errors import RequestLimits
from textrnn.inference.serving.loaded_model import LoadedModel
from textrnn.inference.serving.server import Server, listen, url_of

LIMITS = RequestLimits(
    body_bytes=100_000,
    texts=50,
    characters=1000,
    body_seconds=30,
    batch_texts=8,
    batch_wait=0.0,
    queue_texts=100_000,
)


@dataclass
class Stub:
    """A model that answers a text with its length, and keeps the batches; it answers while `open` is set."""

    name: str = "stub"
    batches: list[list[str]] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    called: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.open.set()

    def answer(self, texts: list[str]) -> list[bytes]:
        self.batches.append(list(texts))
        self.called.set()
        assert self.open.wait(60)
        if "fail" in texts:
            raise ZeroDivisionError("a secret of the server")
        return [json.dumps({"length": len(text)}).encode() for text in texts]

    def served(self) -> LoadedModel:
        about = {"name": self.name, "task": "classify", "labels": ["a"], "sha256": "", "params": {}}
        return LoadedModel(about, self.answer)


@dataclass
class Running:
    """A server that answers at `url`."""

    url: str
    server: Server
    service: Service

    def predict(self, body: Any, model: str = "stub", **more: Any) -> requests.Response:
        """Ask with a body that is bytes already, or made JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return requests.post(f"{self.url}/v1/models/{model}/predict", data=data, timeout=60, **more)

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", timeout=60)

    def metric(self, name: str) -> float:
        """The value of a line of /metrics, named with its labels."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics").text, re.M)
        assert found, name
        return float(found[1])

    def together(self, asked: list[tuple[str, list[str]]]) -> list[tuple[int, Any]]:
        """Status and body for each of (model, texts), all asked at once."""

        async def one(session: aiohttp.ClientSession, model: str, texts: list[str]) -> tuple[int, Any]:
            url = f"{self.url}/v1/models/{model}/predict"
            async with session.post(url, json={"texts": texts}) as answer:
                return answer.status, await answer.json()

        async def all_of_them() -> list[tuple[int, Any]]:
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(connector=connector) as session:
                return await asyncio.gather(*(one(session, *each) for each in asked))

        return asyncio.run(all_of_them())


@contextlib.contextmanager
def running(*models: LoadedModel, grace: float = 20, **limits: Any) -> Any:
    """A server of these models, with limits other than LIMITS where given, stopped at the end."""
    executor = ThreadPoolExecutor(1)
    service = Service(models, replace(LIMITS, **limits), executor)
    with listen("127.0.0.1", 0) as listening:
        url = url_of(listening)
        server = Server(service, url, grace)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield Running(url, server, service)
        finally:
            for model in models:
                stub = getattr(model.answer, "__self__", None)
                if stub is not None:
                    stub.open.set()
            server.should_exit = True
            thread.join()
            executor.shutdown()
