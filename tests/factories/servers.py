"""Servers for tests: in this process, on a free port, with stub models that record their calls."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import requests

from textrnn.inference.http.host_names import LOOPBACK
from textrnn.inference.http.server import Server, listen, url_of
from textrnn.inference.http.server_settings import ServerSettings
from textrnn.inference.serving.app import Service, create_app
from textrnn.inference.serving.loaded_model import LoadedModel
from textrnn.inference.serving.request_limits import RequestLimits

LIMITS = RequestLimits(
    body_bytes=100_000,
    texts=50,
    characters=1000,
    request_characters=50_000,
    body_seconds=30,
    batch_texts=8,
    batch_characters=8_000,
    batch_wait=0.0,
    queue_texts=100_000,
    queue_characters=10_000_000,
)
SETTINGS = ServerSettings(
    host="127.0.0.1", port=0, allowed_hosts=(), origins=(), connections=1000, head_seconds=30, grace=20
)
JSON = {"Content-Type": "application/json"}


@dataclass
class Stub:
    """A model that predicts the length of a text and records its batches; it blocks while `open` is not set."""

    name: str = "stub"
    batches: list[list[str]] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    called: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.open.set()

    def predict(self, texts: list[str]) -> list[bytes]:
        self.batches.append(list(texts))
        self.called.set()
        assert self.open.wait(60)
        if "fail" in texts:
            raise ZeroDivisionError("a secret of the server")
        return [json.dumps({"length": len(text)}).encode() for text in texts]

    def loaded(self) -> LoadedModel:
        about = {"name": self.name, "task": "classify", "labels": ["a"], "sha256": "", "params": {}}
        return LoadedModel(about, self.predict)


@dataclass
class Running:
    """A running server and its URL."""

    url: str
    server: Server
    service: Service

    def predict(self, body: Any, model: str = "stub", **more: Any) -> requests.Response:
        """Send a body, declared as JSON: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {**JSON, **more.pop("headers", {})}
        return requests.post(f"{self.url}/v1/models/{model}/predict", data=data, headers=headers, timeout=60, **more)

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", timeout=60)

    def connect(self) -> socket.socket:
        """A connection of one's own."""
        url = urlsplit(self.url)
        assert url.hostname is not None
        return socket.create_connection((url.hostname, url.port), timeout=60)

    def exchange(self, sent: bytes) -> list[tuple[int, dict[str, str], bytes]]:
        """Send bytes on a connection and return the responses up to its end: status, headers, body."""
        with self.connect() as client:
            client.sendall(sent)
            return read_responses(client)

    def metric(self, name: str) -> float:
        """The value of a metric in /metrics; its name includes its labels."""
        match = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics").text, re.M)
        assert match, name
        return float(match[1])

    def predict_concurrently(self, pairs: list[tuple[str, list[str]]]) -> list[tuple[int, Any]]:
        """Status and body of the responses to concurrent requests, pairs of a model and its texts."""

        async def send(session: aiohttp.ClientSession, model: str, texts: list[str]) -> tuple[int, Any]:
            url = f"{self.url}/v1/models/{model}/predict"
            async with session.post(url, json={"texts": texts}) as response:
                return response.status, await response.json()

        async def send_all() -> list[tuple[int, Any]]:
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(connector=connector) as session:
                return await asyncio.gather(*(send(session, *pair) for pair in pairs))

        return asyncio.run(send_all())


def read_response(client: socket.socket) -> bytes:
    """One response of a connection that stays open: it may arrive in several pieces."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.recv(1)
    length = int(received.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while length:
        piece = client.recv(length)
        assert piece
        received, length = received + piece, length - len(piece)
    return received


def read_responses(client: socket.socket) -> list[tuple[int, dict[str, str], bytes]]:
    """The responses that a connection still has, up to its end: status, headers with names in lower case, body."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(1 << 16):
            received += piece
    responses = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(headers["content-length"])
        responses.append((int(first.split()[1]), headers, rest[:length]))
        received = rest[length:]
    return responses


def post(body: bytes = b'{"texts": ["a"]}', *lines: str, length: bool = True) -> bytes:
    """The bytes of a request for predictions; lines: headers besides Host, Content-Type and Content-Length."""
    heads = ["POST /v1/models/stub/predict HTTP/1.1", "Host: localhost", "Content-Type: application/json", *lines]
    heads += [f"Content-Length: {len(body)}"] if length else []
    return "".join(f"{line}\r\n" for line in heads).encode() + b"\r\n" + body


CLOSE = "Connection: close"


@contextlib.contextmanager
def running(*models: LoadedModel, settings: ServerSettings = SETTINGS, **limits: Any) -> Any:
    """A server of these models, stopped at the end; limits: what differs from LIMITS."""
    executor = ThreadPoolExecutor(1)
    service = Service(models, replace(LIMITS, **limits), executor)
    with listen(settings.host, settings.port) as listening:
        url = url_of(listening)
        app = create_app(service, hosts={*LOOPBACK, *settings.allowed_hosts}, origins=settings.origins)
        server = Server(app, url, settings)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            while server.listener is None and thread.is_alive():  # the socket takes connections from the start
                time.sleep(0.001)
            yield Running(url, server, service)
        finally:
            for model in models:
                stub = getattr(model.predict, "__self__", None)
                if stub is not None:
                    stub.open.set()
            server.should_exit = True
            thread.join()
            executor.shutdown()
