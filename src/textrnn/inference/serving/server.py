"""The process that serves: it listens, says where, and stops when told to, the requests in flight answered first."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

import torch
import uvicorn

from textrnn.errors import UserError
from textrnn.inference.serving.app import Service, create_app
from textrnn.inference.serving.http_errors import RequestLimits
from textrnn.inference.serving.loaded_model import load_models

BACKLOG = 2048


class Server(uvicorn.Server):
    """uvicorn's server, which prints its URL once it answers there and takes signals as what they ask for."""

    def __init__(self, service: Service, url: str, grace: float) -> None:
        config = uvicorn.Config(
            create_app(service),
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=grace,  # type: ignore[arg-type]  # it goes to asyncio, which takes parts of one
        )
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        print(self._url, flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at the first signal, which asks for no more than that; at the second, do not wait for anything."""
        self.force_exit = self.should_exit
        self.should_exit = True


def serve(folders: list[Path], host: str, port: int, limits: RequestLimits, *, grace: float, threads: int) -> None:
    """Serve the models of some directories until told to stop by SIGTERM or Ctrl-C.

    port: 0 for any that is free; grace: seconds that requests in flight have to be answered then; threads: torch's.
    Raises UserError for what cannot be loaded or listened at.
    """
    models = load_models(folders)
    # the number of threads is each thread's own
    executor = ThreadPoolExecutor(1, "model", initializer=torch.set_num_threads, initargs=(threads,))
    service = Service(models, limits, executor)
    with listen(host, port) as listening:
        Server(service, url_of(listening), grace).run([listening])
    executor.shutdown(wait=False, cancel_futures=True)
    if service.unanswered:
        print(f"error: stopped; requests cut off: {service.unanswered}", file=sys.stderr, flush=True)
        os._exit(1)  # Python would wait for the model's call


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; raises UserError where it cannot."""
    try:
        # asyncio sends answers at once only through sockets that are told to be of TCP, which create_server's are not
        flags = {"type": socket.SOCK_STREAM, "proto": socket.IPPROTO_TCP, "flags": socket.AI_PASSIVE}
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, **flags)[0]
        with contextlib.ExitStack() as stack:
            listening = stack.enter_context(socket.socket(family, kind, protocol))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
            stack.pop_all()
        return listening
    except (OSError, UnicodeError) as error:  # the latter of a name that no host can have
        do = "give another --host or --port"
        raise UserError(f"{host}, port {port}", "cannot be listened at", got=error, do=do) from error


def url_of(listening: socket.socket) -> str:
    """Where a socket listens, as a browser takes it."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
