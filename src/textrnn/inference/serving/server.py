"""Run the server process: listen, print the URL, and on a signal answer the requests in flight before stopping."""

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
from textrnn.inference.serving.loaded_model import load_models
from textrnn.inference.serving.request_limits import RequestLimits

BACKLOG = 2048


class Server(uvicorn.Server):
    """uvicorn's server; it prints its URL once it answers there, and a signal stops it gracefully."""

    def __init__(self, service: Service, url: str, grace: float) -> None:
        uvicorn_config = uvicorn.Config(
            create_app(service),
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=grace,  # type: ignore[arg-type]  # asyncio takes fractions of a second
        )
        super().__init__(uvicorn_config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the server and print its URL."""
        await super().startup(sockets)
        print(self._url, flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop gracefully at the first signal; at the second, do not wait for the requests in flight."""
        self.force_exit = self.should_exit
        self.should_exit = True


def serve(folders: list[Path], host: str, port: int, limits: RequestLimits, *, grace: float, threads: int) -> None:
    """Serve the models of some directories until SIGTERM or Ctrl-C.

    port: 0 for any free port; grace: seconds to answer the requests in flight after the signal; threads: of torch.
    Exits with 1 if requests were cut off. Raises UserError for a model that cannot be loaded or an address that cannot
    be used.
    """
    models = load_models(folders)
    # torch keeps the number of threads per calling thread, so the thread that runs the models must set it
    executor = ThreadPoolExecutor(1, "model", initializer=torch.set_num_threads, initargs=(threads,))
    service = Service(models, limits, executor)
    with listen(host, port) as listening:
        Server(service, url_of(listening), grace).run([listening])
    executor.shutdown(wait=False, cancel_futures=True)
    if service.unanswered:
        print(f"error: stopped; requests cut off: {service.unanswered}", file=sys.stderr, flush=True)
        os._exit(1)  # a normal exit would wait for the model call that is running


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; raises UserError if the address cannot be used."""
    try:
        # asyncio sets TCP_NODELAY, so that responses go out at once, only if a socket's protocol is TCP; the sockets of
        # socket.create_server have protocol 0
        flags = {"type": socket.SOCK_STREAM, "proto": socket.IPPROTO_TCP, "flags": socket.AI_PASSIVE}
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, **flags)[0]
        with contextlib.ExitStack() as stack:
            listening = stack.enter_context(socket.socket(family, kind, protocol))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
            stack.pop_all()
        return listening
    except (OSError, UnicodeError) as error:  # UnicodeError: the name is not a valid host name
        do = "give another --host or --port"
        raise UserError(f"{host}, port {port}", "cannot listen on this address", got=error, do=do) from error


def url_of(listening: socket.socket) -> str:
    """The URL of a listening socket, for a browser."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
